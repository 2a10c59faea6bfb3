"""Starts the clocks of each Python process at 0, as on a machine that has just been started.

Python imports this module first where PYTHONPATH has its folder.
"""

import time
from collections.abc import Callable


def _from_zero(clock: Callable[[], float]) -> Callable[[], float]:
    start = clock()
    return lambda: clock() - start


for _name in ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"):
    setattr(time, _name, _from_zero(getattr(time, _name)))
