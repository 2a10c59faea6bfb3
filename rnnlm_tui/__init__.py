"""A private next-word autocomplete that you train on your own text.

>>> import rnnlm_tui
>>> model = rnnlm_tui.load("shakespeare")
>>> model.generate("look in thy", words=3, temperature=0)
['love', ',', 'and']

`load`, `Model` and `RnnlmError` are imported at their first use, so that the command line starts
fast.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take 3 ms of --help
if TYPE_CHECKING:
    from rnnlm_tui.api import Model, load
    from rnnlm_tui.errors import RnnlmError

__version__ = "0.1.0"
__all__ = ["Model", "RnnlmError", "__version__", "load"]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rnnlm_tui import api

    return getattr(api, name)
