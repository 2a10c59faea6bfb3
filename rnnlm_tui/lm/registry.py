"""The architecture of each preset, and how it prepares a corpus."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rnnlm_tui.config import Config
from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.causal import CausalArchitecture
from rnnlm_tui.lm.cells import CELLS
from rnnlm_tui.lm.lesson import LessonArchitecture
from rnnlm_tui.lm.mixture import FEWEST_WORDS
from rnnlm_tui.lm.model import Architecture
from rnnlm_tui.lm.ngram import LEFT_OUT_NOTE, NgramArchitecture, leaves_out
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rnnlm_tui.text.corpus import Corpus
    from rnnlm_tui.text.prepare import PreparedText
    from rnnlm_tui.text.streams import Mask

ARCHITECTURES: Mapping[str, type[Architecture[Any]]] = MappingProxyType(
    {
        "lesson": LessonArchitecture,
        "ngram": NgramArchitecture,
        **dict.fromkeys(CELLS, CausalArchitecture),
    }
)
"""The architecture of each preset."""

TOO_FEW = (
    "too few to fit the weights of the mixture, which stay as they are by default, and to say how"
    " good the model is"
)


def prepare_corpus(
    corpus: Corpus,
    config: Config,
    inherited: tuple[Vocabulary, Conventions, int] | None = None,
    held_out: Mask | None = None,
) -> PreparedText:
    """Prepares a corpus for a training of `config`.

    `inherited` are the vocabulary, the conventions and the window of the model that it starts from.
    `held_out` is the mask of lines to hold out, by default determined by `config`. Raises
    CorpusError if there is not enough to train on.
    """
    # Takes 20 ms that a suggestion does not need.
    from rnnlm_tui.text.corpus import join_paragraphs
    from rnnlm_tui.text.prepare import prepare

    architecture = ARCHITECTURES[config.preset]
    window = inherited and inherited[2]
    lines = join_paragraphs(corpus, config.lines)
    prepared = prepare(
        lines,
        config.tokenizer,
        config.train,
        lambda longest: window or architecture.window_for(config, longest),
        special_tokens=architecture.special_tokens,
        inherited=inherited and inherited[:2],
        held_out=held_out,
    )
    notes = [*filter(None, [lines.arrangement]), *prepared.notes]
    if leaves_out(prepared.tokens) and (config.is_mixed or config.preset == "ngram"):
        notes.append(LEFT_OUT_NOTE)
    warnings, words = [*prepared.warnings], prepared.held_out_words
    is_chosen = held_out is not None and config.train.held_out > 0
    if config.is_mixed and words < FEWEST_WORDS and (words or is_chosen):
        some = f"only {plural(words, 'unseen word')}" if words else "no unseen words"
        warnings.append(f"{some} are held out, {TOO_FEW}")
    return dataclasses.replace(prepared, notes=tuple(notes), warnings=tuple(warnings))
