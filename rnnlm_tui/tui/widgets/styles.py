"""The CSS of the app. It takes precedence over the CSS of the widgets. It says where notices stand
and which colours mean something. It replaces colours with NO_COLOR, and in ansi themes, which use
the terminal's own.

The writer's words have the colour of text. What the model suggests or has written is blue, in
italics or beside the digit that takes it; words that it does not know are underlined; the best
epoch is green behind a ^.
"""

from __future__ import annotations

BEST_STYLE = "bold $text-success"
"""The style of the best epoch."""
MODEL_STYLE = "italic $text-primary"
"""The style of the model's words."""
CSS = """
/* Notices are over the row of keys, long ones over the list, never over the line being written. */
ToastRack { dock: bottom; align: right bottom; margin: 0; max-height: 4; scrollbar-size: 0 0; }
Toast { width: 100%; max-width: 100%; margin: 0; padding: 0 1; }

/* Meanings */
LineEditor .text-area--suggestion { color: $text-primary; }
Candidates > .word { color: $text-primary; }
Candidates > .typed { color: $foreground; }
Candidates > .unknown { color: $text-warning; text-style: underline; }
Candidates:ansi > .unknown { color: ansi_default; }

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
Input:nocolor > .input--cursor, TextArea:nocolor .text-area--cursor { text-style: reverse; }
Input:nocolor > .input--selection, TextArea:nocolor .text-area--selection { text-style: reverse; }
Input:nocolor > .input--placeholder { text-style: dim; }
/* Textual's lists ignore "reverse". */
OptionList:nocolor > .option-list--option-highlighted { text-style: underline; }
OptionList:nocolor:focus > .option-list--option-highlighted { text-style: bold underline; }
Toast.-error:nocolor, Toast.-warning:nocolor, .dialog-problem:nocolor { text-style: bold; }
"""
