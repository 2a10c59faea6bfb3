"""`--suggest` and `--generate`: the next words of a text."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from rnnlm_tui.cli.inputs import open_model, split_lines, texts_of
from rnnlm_tui.cli.options import GenerateRequest, SuggestRequest, as_unicode
from rnnlm_tui.cli.output import print_json, prints_unicode
from rnnlm_tui.errors import UsageError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.training_text import copied_spans
from rnnlm_tui.suggest import Suggestions, generate_words, suggest
from rnnlm_tui.text.overlap import Span

BAR_WIDTH = 20


def show_suggestions(request: SuggestRequest) -> int:
    """`--suggest`."""
    if request.text is None:
        from rnnlm_tui.cli.requests import answer_stdin

        return answer_stdin(request)
    name, _, model = open_model(request.data_dir, request.model)
    above, line = split_lines(model, as_unicode(request.text))
    answer = suggest(model, line, k=request.top, previous_lines=above)
    if request.as_json:
        print_json(suggestions_json(answer, name))
    else:
        print("\n".join(suggestions_table(answer, name)), flush=True)
    return 0


def suggestions_json(answer: Suggestions, model: str) -> dict[str, Any]:
    """The contract of `--suggest --json`."""
    return {
        "line": answer.line,
        "prefix": answer.prefix,
        "suggestions": [asdict(candidate) for candidate in answer.candidates],
        "continuation": list(answer.continuation),
        "seen": list(answer.seen),
        "unknown": list(answer.unknown),
        "model": model,
    }


def one_line(answer: Suggestions) -> str:
    """An answer as one line, the likeliest word first."""
    return ", ".join(f"{sanitize(c.word)} {c.probability:.1%}" for c in answer.candidates)


def suggestions_table(answer: Suggestions, model: str) -> Iterator[str]:
    """An answer for a person."""
    if answer.prefix:
        yield f'words that begin with "{sanitize(answer.prefix)}", by {model}'
        yield "(end the text with a space for the word after it)"
    else:
        yield f"next words, by {model}"
    width = max((len(sanitize(c.word)) for c in answer.candidates), default=0)
    for candidate in answer.candidates:
        bar = ("█" if prints_unicode() else "#") * round(BAR_WIDTH * candidate.probability)
        yield f"  {sanitize(candidate.word):{width}}  {candidate.probability:6.1%}  {bar}".rstrip()
    if not answer.candidates:
        yield "  none"
    for label, words in (
        ("continuation", answer.continuation),
        ("seen", answer.seen),
        ("unknown", answer.unknown),
    ):
        if words:
            yield f"{label}: {sanitize(' '.join(words))}"


def generate(request: GenerateRequest) -> int:
    """`--generate`."""
    if request.top_k is not None and request.temperature == 0:
        raise UsageError("--top-k draws words", "give a --temperature too, such as 0.8")
    rng = np.random.default_rng(request.seed)
    name, card, model = open_model(request.data_dir, request.model)
    copies = copied_spans(name, Library(request.data_dir).path(name), card)
    for given in texts_of(request.text):
        above, line = split_lines(model, given)
        words = generate_words(
            model,
            line,
            request.words,
            temperature=request.temperature,
            top_k=request.top_k,
            rng=rng,
            previous_lines=above,
        )
        text = f"{given.removesuffix(' ')}{' ' if line else ''}{' '.join(words)}"
        spans = copies.find(words) if copies else ()
        if request.as_json:
            copied = None if copies is None else [asdict(span) for span in spans]
            print_json({"text": text, "words": words, "model": name, "copied": copied})
            continue
        print("\n".join(map(sanitize, text.split("\n"))), flush=True)
        for span in spans:
            print(copied_note(span, words, card.corpus["name"]), file=sys.stderr)
    return 0


def copied_note(span: Span, words: Sequence[str], corpus: str) -> str:
    """Says where words of a continuation were copied from."""
    text = " ".join(words[span.start : span.start + span.length])
    return sanitize(f'copied: "{text}" is in {corpus}, line {span.line_number}')
