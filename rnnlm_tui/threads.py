"""The use of the CPU by this process: threads, spinning and priority.

The environment variables for numpy and OpenMP must be set before numpy and torch are loaded.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import product
from pathlib import Path

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""The variables with the numbers of threads of OpenBLAS, OpenMP, MKL and Apple's Accelerate, which
read them when they load."""
SET_HERE = set[str]()
"""The variables that this process has set."""
NICENESS = 10
"""The niceness of a training. It reduces a key's wait in the app (p99) from 105 ms to 32 ms."""
AUTOGROUP = Path("/proc/self/autogroup")
"""The file in which Linux keeps the niceness of a session."""


def use_one_thread(*, trains: bool = False) -> None:
    """Makes numpy use one thread, unless the user's environment says otherwise.

    A suggestion multiplies matrices by vectors, which takes less time than starting a second
    thread. Waiting threads spin and make an evaluation ten times slower. Does nothing after numpy
    is loaded.

    In a process that `trains`, PyTorch needs its threads. On x86 only OpenBLAS is limited, which
    PyTorch does not use there. Elsewhere nothing is limited.
    """
    names: Sequence[str] = VARIABLES
    if trains:
        names = VARIABLES[:1] if platform.machine().lower() in ("x86_64", "amd64") else ()
    unset = [name for name in names if name not in os.environ]
    if "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(unset, "1"))
        SET_HERE.update(unset)


@contextmanager
def one_numpy_thread() -> Iterator[None]:
    """Makes numpy use one thread for a while, as `use_one_thread` does, also after it is loaded.
    Only the OpenBLAS in numpy's own wheels can be told. Does nothing if the user's environment says
    how many threads there are."""
    get_threads, set_threads = _functions_of_openblas()
    # Of two threads that are here at once, only the first one sets the number back.
    before = get_threads()
    if before > 1:
        set_threads(1)
    try:
        yield
    finally:
        if before > 1:
            set_threads(before)


@cache
def _functions_of_openblas() -> tuple[Callable[[], int], Callable[[int], object]]:
    """Returns the functions of numpy's OpenBLAS that return and set its number of threads. If there
    is none, they return 1 and do nothing."""
    import ctypes

    import numpy as np

    folder = Path(np.__file__).parent
    places = (*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*"))
    if not any(name in os.environ for name in VARIABLES):
        for path, prefix in product(places, ("scipy_openblas", "openblas")):
            with suppress(OSError, AttributeError):  # its names differ between versions of numpy
                library = ctypes.CDLL(str(path))
                get_threads = getattr(library, f"{prefix}_get_num_threads64_")
                return get_threads, getattr(library, f"{prefix}_set_num_threads64_")
    return lambda: 1, lambda count: None


def users_environment() -> dict[str, str]:
    """Returns the environment for a child that trains, without what `use_one_thread` has set."""
    return {name: value for name, value in os.environ.items() if name not in SET_HERE}


def usable_cores() -> int:
    """Returns the number of cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shorten_spinning() -> None:
    """Makes the waiting threads of GNU's OpenMP, which PyTorch uses on Linux, sleep soon. Does
    nothing if the user's environment says otherwise.

    A thread that spins keeps its core from the programs that the other threads wait for. With the
    default of 300,000 iterations, a step of the lesson with two threads on two cores took 23 ms
    alone, 84 ms beside one busy program and 86 ms beside two. With 10,000 it took 23, 56 and 44 ms.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def lower_priority() -> None:
    """Lowers the priority of this process to NICENESS, unless it is that low already.

    Where Linux schedules by session first (autogroup), the niceness of a process counts only within
    its session. A process that leads a session, as a training of the app does, therefore also sets
    the niceness of the session, unless that has one already.
    """
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    os.nice(max(0, NICENESS - os.nice(0)))
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # only Linux has the file
            if AUTOGROUP.read_text().split()[-1:] == ["0"]:
                AUTOGROUP.write_text(str(NICENESS))
