"""How this process shares the processor: threads, how long they spin, and its priority.

What numpy and OpenMP read from the environment must be set before numpy and torch are loaded.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")
VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""What OpenBLAS, OpenMP, MKL and Apple's Accelerate read when they are loaded."""
SET_HERE = "RNNLM_ONE_THREAD"
"""Names those of them that this program has set, so that a training that it starts can tell them
from the user's own."""
SPINNING = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
"""How long OpenMP's threads wait for work before they sleep. GNU's runtime, which PyTorch has on
Linux, counts turns of a loop; Intel's and LLVM's, as on macOS, count milliseconds (not measured).
Microsoft's vcomp, on Windows, has no such variable. Each reads its own alone."""
NICENESS = 10
"""The priority of a training: a key press next to it, which waited up to 105 ms (99th percentile),
waits 32 ms."""
AUTOGROUP = "/proc/self/autogroup"


def use_one_thread() -> None:
    """Lets numpy compute with one thread, unless the user's environment says otherwise.

    One suggestion multiplies a matrix by a vector, which is over before a second thread has begun;
    threads that wait for such work spin, and make measuring a model ten times slower. Does nothing
    once numpy is loaded.
    """
    unset = [name for name in VARIABLES if name not in os.environ]
    if unset and "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(unset, "1"))
        os.environ[SET_HERE] = " ".join(unset)


def use_all_threads() -> None:
    """Takes back what a parent process has set with `use_one_thread`."""
    for name in os.environ.pop(SET_HERE, "").split():
        if name in VARIABLES:
            os.environ.pop(name, None)


def use_one_thread_in_numpy() -> None:
    """Lets numpy alone compute with one thread in a training, which evaluates its model with it.

    On x86 PyTorch does not use the same OpenBLAS. Does nothing elsewhere, or once numpy is loaded.
    """
    import platform  # 1 ms that --help need not wait for

    if platform.machine().lower() in ("x86_64", "amd64") and "numpy" not in sys.modules:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@contextmanager
def without_garbage_search() -> Iterator[None]:
    """Keeps Python from looking for garbage among what is imported meanwhile, which is none: that
    takes 10 ms of a question, and 40 of the start of the app."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def usable_cores() -> int:
    """The cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def made_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The items, of which the next one is made by another thread while one is used."""
    from concurrent.futures import ThreadPoolExecutor  # 4 ms that --help need not wait for

    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


def spin_briefly() -> None:
    """Lets the threads of a training sleep soon when they wait, unless the user's environment says
    how they wait.

    A thread that spins takes a core from the very program that the others wait for. A step of the
    lesson with two threads on two cores, next to two busy programs, took 86 ms with libgomp's own
    300,000 turns and 44 ms with 10,000; next to one, 84 and 56; alone, 23 and 23.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in SPINNING.items():
            os.environ.setdefault(name, value)


def give_way() -> None:
    """Lowers the priority of this process, unless it is as low already.

    Where Linux shares the processor among sessions first, a priority counts within its session
    alone, which the app gives a training of its own; so such a session gets the same one, unless it
    has one already.
    """
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    os.nice(max(0, NICENESS - os.nice(0)))
    if os.getsid(0) == os.getpid():
        from pathlib import Path  # 3 ms that --help need not wait for

        with suppress(OSError):  # only Linux has it
            if Path(AUTOGROUP).read_text().split()[-1:] == ["0"]:
                Path(AUTOGROUP).write_text(str(NICENESS))
