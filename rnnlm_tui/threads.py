"""How many threads numpy's products use. Must be decided before numpy is loaded."""

from __future__ import annotations

import os
import sys

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
