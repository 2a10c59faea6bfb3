"""The lines that a model has seen through the models that it is built on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rnnlm_tui.store.card import ModelCard, read_card
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.training_text import TrainedLines, trained_lines
from rnnlm_tui.text.corpus import Corpus


def lines_with_base(
    library: Library,
    name: str,
    card: ModelCard,
    corpus: Corpus | None = None,
    above: tuple[str, ...] = (),
) -> TrainedLines | None:
    """The same as `trained_lines`, with the lines of the model that it is built on among those that
    are `known`, and so on. A base that is gone does not predict, so its lines do not count. `above`
    are the models built on this one."""
    trained = trained_lines(name, library.path(name), card, corpus)
    base, above = card.mixture and card.mixture["base"], (*above, name)
    found = next(library.names_of_base(base, above), None) if base else None
    if trained is None or found is None:
        return trained
    of_base = lines_with_base(library, found, read_card(library.path(found)), above=above)
    return of_base and replace(trained, known=np.union1d(trained.known, of_base.known))
