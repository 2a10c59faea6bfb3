"""The sample of an epoch."""

from __future__ import annotations

import pytest

from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions, Tokenizer
from rnnlm_tui.text.tokenizers import WhitespaceTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from rnnlm_tui.training.run import sample
from tests.helpers.scripted import ScriptedModel

VERSE = {
    "<s>": {"the": 0.6, "a": 0.4},
    "the": {"cat": 0.6, "sea": 0.4},
    "cat": {"sat": 0.6, "</s>": 0.4},
    "sat": {"</s>": 0.6, "sat": 0.4},
}


@pytest.mark.parametrize(
    ("tokenizer", "text"),
    [
        (ProseTokenizer(Conventions(), {}), "A cat sat / The cat sat / The cat sat / The cat sat"),
        (WhitespaceTokenizer(), "A cat sat sat sat sat sat sat sat sat sat sat"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_sample_goes_on_in_the_next_line_unless_words_are_all_it_writes(
    tokenizer: Tokenizer, text: str
) -> None:
    words = ("the", "a", "cat", "sat", "sea")
    model = ScriptedModel(VERSE, 3, SPECIAL_TOKENS, words, tokenizer)
    assert sample(model, "A cat") == {"seed": "A cat", "text": text}
