"""The CSS of the app for ansi themes, which use the terminal's own colours, and for NO_COLOR, where
styles and borders replace colours. It takes precedence over the CSS of the widgets."""

from __future__ import annotations

IN_ANSI_COLOURS = """
/* Textual gives a disabled or pressed button a border, which one row has no space for. */
Button:ansi.-textual-compact { border: none !important; text-style: reverse; }
Button:ansi.-textual-compact:disabled {
    border: none !important; color: ansi_default; text-style: dim;
}
Button:ansi.-textual-compact.-active { border: none !important; }
Button:ansi.-textual-compact:focus { text-style: bold underline reverse; }
Input:ansi > .input--selection {
    color: ansi_default; background: ansi_default; text-style: reverse;
}
"""
WITHOUT_COLOURS = """
/* Tall borders are half blocks, which need two colours to look like a border. */
Button:nocolor { border: round $foreground !important; }
Button:nocolor:disabled { border: round $foreground !important; text-style: dim; }
Button:nocolor.-textual-compact { border: none !important; text-style: reverse; }
Button:nocolor.-textual-compact:disabled { border: none !important; text-style: dim; }
Button:nocolor.-textual-compact:focus { text-style: bold underline reverse; }
Input:nocolor { border: round $foreground; }
Input:nocolor:focus { border: heavy $foreground; }
Input:nocolor.-textual-compact, Input:nocolor.-textual-compact:focus { border: none; }
Input:nocolor > .input--cursor, TextArea:nocolor .text-area--cursor { text-style: reverse; }
Input:nocolor > .input--selection, TextArea:nocolor .text-area--selection { text-style: reverse; }
Input:nocolor > .input--placeholder { text-style: dim; }
/* Textual's lists ignore "reverse". */
OptionList:nocolor > .option-list--option-highlighted { text-style: underline; }
OptionList:nocolor:focus > .option-list--option-highlighted { text-style: bold underline; }
Toast.-error:nocolor, Toast.-warning:nocolor, .dialog-problem:nocolor { text-style: bold; }
Dialog.-danger:nocolor > .dialog-box { border: heavy $foreground; }
"""
