"""`--generate`: a text goes on."""

from __future__ import annotations

import sys
from dataclasses import asdict

import numpy as np

from rnnlm_tui.cli.inputs import open_model, split_lines, texts_of
from rnnlm_tui.cli.options import GenerateRequest
from rnnlm_tui.cli.output import print_json
from rnnlm_tui.errors import UsageError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.training_text import copied_spans
from rnnlm_tui.suggest import generate_words


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
            span_text = " ".join(words[span.start : span.start + span.length])
            place = f"{card.corpus['name']}, line {span.line_number}"
            print(sanitize(f'copied: "{span_text}" is in {place}'), file=sys.stderr)
    return 0
