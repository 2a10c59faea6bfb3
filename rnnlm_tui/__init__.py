"""A private next-word autocomplete that you train on your own text.

>>> import rnnlm_tui
>>> model = rnnlm_tui.load("shakespeare")
>>> model.generate("thy sweet", words=3, temperature=0)
['self', ',', 'and']

The names in `__all__` are imported at their first use, so that the command line starts fast.
"""

from __future__ import annotations

from rnnlm_tui._version import __version__

TYPE_CHECKING = False  # importing typing would take 3 ms of --help
if TYPE_CHECKING:
    from rnnlm_tui.api import Model, TrainingOptions, load, models, train, train_events
    from rnnlm_tui.errors import RnnlmError
    from rnnlm_tui.events import (
        EpochEnded,
        EpochFigures,
        Evaluation,
        Event,
        Failed,
        Finished,
        Metrics,
        Paused,
        Preparing,
        Progress,
        Resumed,
        Saved,
        Started,
        Warned,
    )  # fmt: skip
    from rnnlm_tui.lm.stages import Stage
    from rnnlm_tui.notebook import History
    from rnnlm_tui.store.card import ModelCard
    from rnnlm_tui.suggesting.accepting import Suggestion
    from rnnlm_tui.suggesting.evaluate import ScoredLine, ScoredWord
    from rnnlm_tui.suggesting.explain import Explanation, LineWord, Part

__all__ = [
    "EpochEnded", "EpochFigures", "Evaluation", "Event", "Explanation", "Failed", "Finished",
    "History", "LineWord", "Metrics", "Model", "ModelCard", "Part", "Paused", "Preparing",
    "Progress", "Resumed", "RnnlmError", "Saved", "ScoredLine", "ScoredWord", "Stage", "Started",
    "Suggestion", "TrainingOptions", "Warned", "__version__", "load", "models", "train",
    "train_events",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in __all__:  # together these modules define or import all of them
        for module in ("api", "events", "suggesting.evaluate", "suggesting.explain"):
            found = import_module(f"rnnlm_tui.{module}")
            if hasattr(found, name):
                return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
