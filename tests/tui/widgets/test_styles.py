"""The colours that mean something can be read in every theme."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from rnnlm_tui.tui.widgets.styles import (
    DARK,
    LEAST_CONTRAST,
    LIGHT,
    backgrounds,
    contrast,
    meanings,
)

THEMES = [theme for theme in (*BUILTIN_THEMES.values(), DARK, LIGHT) if not theme.ansi]


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_colours_can_be_read(theme: Theme) -> None:
    """Text, too: on the page, and on the surface of dialogs, tabs and keys."""
    variables = theme.to_color_system().generate() | theme.variables
    behind = backgrounds(variables)
    colours = {name: Color.parse(colour) for name, colour in meanings(theme, variables).items()}
    assert colours.keys() == LEAST_CONTRAST.keys()
    for name, colour in colours.items():
        assert contrast(colour, behind) >= LEAST_CONTRAST[name], name


def test_contrast() -> None:
    """Black and white have the contrast 21, and #777777 on white 4.48."""
    white = [Color.parse("white")]
    assert contrast(Color.parse("black"), white) == pytest.approx(21)
    assert contrast(Color.parse("#777777"), white) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_own_colours_are_kept(theme: Theme) -> None:
    """The six colours of the app's own themes can be read as they are."""
    variables = theme.to_color_system().generate() | theme.variables
    assert meanings(theme, variables) == {name: variables[name].upper() for name in LEAST_CONTRAST}
