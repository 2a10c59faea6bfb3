"""A private next-word autocomplete that you train on your own text.

>>> import rnnlm_tui
>>> model = rnnlm_tui.load("shakespeare")
>>> model.generate("thy sweet", words=3, temperature=0)
['self', ',', 'and']

What stands in `__all__` is imported at its first use, so that the command line starts fast.
"""

from __future__ import annotations

from rnnlm_tui._version import __version__

TYPE_CHECKING = False  # importing typing would take 3 ms of --help
if TYPE_CHECKING:
    from rnnlm_tui.api import Model, events, load, train
    from rnnlm_tui.errors import RnnlmError

__all__ = ["Model", "RnnlmError", "__version__", "events", "load", "train"]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rnnlm_tui import api

    return getattr(api, name)
