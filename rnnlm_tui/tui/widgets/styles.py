"""The colours of the app, and its CSS, which takes precedence over the CSS of the widgets.

The writer's words have the colour of text. Words of the model are blue, and also in italics or
beside the digit that takes them. Words that the model does not know are underlined. The best epoch
is green and has a ^. So nothing is told by a colour alone, and the app is usable with NO_COLOR and
in ansi themes, which use the terminal's own colours.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color
from textual.theme import Theme

BEST_STYLE = "bold $good"
"""The style of the best epoch."""
MODEL_STYLE = "italic $ghost"
"""The style of the model's words."""
MEANINGS = {
    "foreground": "foreground",
    "quiet": "foreground-muted",
    "ghost": "text-primary",
    "take": "text-accent",
    "good": "text-success",
    "warn": "text-warning",
}
"""The colours that mean something, each with the variable of a theme from which it is made.
`foreground` is the colour of text, `quiet` of labels, `ghost` of the model's words, `take` of keys
and digits that take a word, `good` of success, `warn` of faults."""
LEAST_CONTRAST = dict.fromkeys(MEANINGS, 4.5) | {"quiet": 3.0}
"""The least contrast of each of these colours with its background, as WCAG 2 defines contrast: 4.5
for text, 3 for what need not be read."""


def theme_of(name: str, *, dark: bool, background: str, **colours: str) -> Theme:
    """Returns a theme of six colours: text, quiet, ghost, take, good and warn."""
    page, text = Color.parse(background), Color.parse(colours["text"])
    return Theme(
        name,
        primary=colours["ghost"],
        accent=colours["take"],
        success=colours["good"],
        warning=colours["warn"],
        error=colours["warn"],
        foreground=colours["text"],
        background=background,
        surface=page.blend(text, 0.06).hex,
        panel=page.blend(text, 0.1).hex,
        dark=dark,
        variables={name: colour for name, colour in colours.items() if name in MEANINGS}
        | {"scrollbar": page.blend(text, 0.25).hex, "scrollbar-background": background},
    )


DARK = theme_of(
    "rnnlm-dark", dark=True, background="#15171c", text="#dfe3ea", quiet="#8b94a5",
    ghost="#7ab7ff", take="#ffab5e", good="#86d993", warn="#ff8a94",
)  # fmt: skip
LIGHT = theme_of(
    "rnnlm-light", dark=False, background="#fcfbf8", text="#1f2329", quiet="#666e7b",
    ghost="#1b5fc1", take="#a84b00", good="#1f7233", warn="#b3202c",
)  # fmt: skip


def meanings(theme: Theme, variables: Mapping[str, str]) -> dict[str, str]:
    """Returns the colours that mean something in a theme with these variables. A colour that is
    hard to read on a background of the theme is moved towards white or black until it is not. A
    theme in the terminal's own colours keeps its colours."""
    if theme.ansi:
        return {name: variables[source] for name, source in MEANINGS.items()}
    behind = backgrounds(variables)
    page = behind[0]
    extreme = page.get_contrast_text(1.0)
    colours = {}
    for name, source in MEANINGS.items():
        colour = page + Color.parse(variables.get(name, variables[source]))
        shades = (colour.blend(extreme, share / 20) for share in range(20))
        least = LEAST_CONTRAST[name]
        readable = (shade for shade in shades if contrast(shade, behind) >= least)
        colours[name] = next(readable, extreme).hex
    return colours


def backgrounds(variables: Mapping[str, str]) -> list[Color]:
    """Returns the colours behind text: that of the page, and that of dialogs, tabs and keys."""
    page = Color.parse(variables["background"])
    return [page, page + Color.parse(variables["surface"])]


def contrast(colour: Color, behind: list[Color]) -> float:
    """Returns the least contrast of a colour with those behind it, from 1 to 21 (WCAG 2)."""
    light = _luminance(colour)
    pairs = ((light, _luminance(background)) for background in behind)
    return min((max(pair) + 0.05) / (min(pair) + 0.05) for pair in pairs)


def _luminance(colour: Color) -> float:
    """Returns the relative luminance of WCAG 2, from 0 to 1."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


CSS = """
/* Notices cover the row of keys, long ones also the list, but never the line being written. */
ToastRack { dock: bottom; align: right bottom; margin: 0; max-height: 4; scrollbar-size: 0 0; }
Toast { width: 100%; max-width: 100%; margin: 0; padding: 0 1; background: $surface; }
Toast.-information { border-left: outer $quiet; }
Toast.-warning, Toast.-error { border-left: outer $warn; }
Toast.-error { color: $warn; }

/* The terminal's own colours */
/* Textual gives a disabled or pressed button a border, which one row has no space for. */
Button:ansi.-textual-compact {
    border: none !important; color: ansi_default; text-style: reverse;
}
Button:ansi.-textual-compact:disabled {
    border: none !important; color: ansi_default; text-style: dim;
}
Button:ansi.-textual-compact.-active { border: none !important; }
Button:ansi.-textual-compact:focus { text-style: bold underline reverse; }
Input:ansi > .input--selection {
    color: ansi_default; background: ansi_default; text-style: reverse;
}

/* NO_COLOR */
/* Tall borders are half blocks, which need two colours to look like a border. */
Button:nocolor { border: round $foreground !important; }
Button:nocolor:disabled { border: round $foreground !important; text-style: dim; }
Button:nocolor.-textual-compact { border: none !important; text-style: reverse; }
Button:nocolor.-textual-compact:disabled { border: none !important; text-style: dim; }
Button:nocolor.-textual-compact:focus { text-style: bold underline reverse; }
Input:nocolor { border: round $foreground; }
Input:nocolor:focus { border: heavy $foreground; }
Input:nocolor.-textual-compact, Input:nocolor.-textual-compact:focus { border: none; }
CommandInput:nocolor, CommandInput:nocolor:focus { border: none; }
Input:nocolor > .input--cursor, TextArea:nocolor .text-area--cursor { text-style: reverse; }
Input:nocolor > .input--selection, TextArea:nocolor .text-area--selection { text-style: reverse; }
Input:nocolor > .input--placeholder { text-style: dim; }
/* Textual's lists ignore "reverse". */
OptionList:nocolor > .option-list--option-highlighted { text-style: underline; }
OptionList:nocolor:focus > .option-list--option-highlighted { text-style: bold underline; }
Toast.-error:nocolor, Toast.-warning:nocolor, .dialog-problem:nocolor { text-style: bold; }
"""
