"""How this process uses the CPU: threads, spinning, priority and garbage collection.

Environment variables for numpy and OpenMP must be set before numpy and torch are loaded.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""The numbers of threads of OpenBLAS, OpenMP, MKL and Apple's Accelerate, read when they load."""
SET_HERE = "RNNLM_ONE_THREAD"
"""Names the variables that this program has set, so that a training in a child process can tell
them from the user's."""
SPINNING = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
"""How long OpenMP threads spin before they sleep. GNU's runtime, which PyTorch uses on Linux,
counts iterations; Intel's and LLVM's, used on macOS, count milliseconds (not measured). Microsoft's
vcomp, on Windows, has no such variable. Each runtime reads only its own variable."""
NICENESS = 10
"""The niceness of a training. It reduces the wait for a key press meanwhile from 105 ms to 32 ms
(99th percentile)."""
AUTOGROUP = "/proc/self/autogroup"


def use_one_thread() -> None:
    """Makes numpy use one thread, unless the user's environment says otherwise.

    A suggestion multiplies matrices by vectors, which is done before a second thread has started;
    waiting threads spin and make an evaluation ten times slower. Does nothing once numpy is loaded.
    """
    unset = [name for name in VARIABLES if name not in os.environ]
    if unset and "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(unset, "1"))
        os.environ[SET_HERE] = " ".join(unset)


def use_all_threads() -> None:
    """Undoes `use_one_thread` of a parent process."""
    for name in os.environ.pop(SET_HERE, "").split():
        if name in VARIABLES:
            os.environ.pop(name, None)


def use_one_thread_in_numpy() -> None:
    """Makes numpy, but not PyTorch, use one thread. A training evaluates its model with numpy.

    Only on x86, where PyTorch does not use OpenBLAS. Does nothing once numpy is loaded.
    """
    import platform  # 1 ms that --help does not need

    if platform.machine().lower() in ("x86_64", "amd64") and "numpy" not in sys.modules:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@contextmanager
def garbage_collection_off() -> Iterator[None]:
    """Disables garbage collection during imports, where there is no garbage. It would take 10 ms of
    a suggestion and 40 ms of the start of the app."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def usable_cores() -> int:
    """The cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shorten_spinning() -> None:
    """Makes waiting OpenMP threads sleep soon, unless the user's environment configures waiting.

    A spinning thread takes a core from the program that the other threads wait for. A step of the
    lesson with two threads on two cores, next to two busy programs, took 86 ms with libgomp's
    default of 300,000 iterations and 44 ms with 10,000; next to one program, 84 and 56 ms; alone,
    23 and 23 ms.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in SPINNING.items():
            os.environ.setdefault(name, value)


def lower_priority() -> None:
    """Lowers the priority of this process, unless it is that low already.

    If Linux schedules by session first (autogroup), the niceness of a process counts only within
    its session. The app gives trainings sessions of their own, so such a session gets the same
    niceness, unless it has one already.
    """
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    os.nice(max(0, NICENESS - os.nice(0)))
    if os.getsid(0) == os.getpid():
        from pathlib import Path  # 3 ms that --help does not need

        with suppress(OSError):  # only Linux has the file
            if Path(AUTOGROUP).read_text().split()[-1:] == ["0"]:
                Path(AUTOGROUP).write_text(str(NICENESS))
