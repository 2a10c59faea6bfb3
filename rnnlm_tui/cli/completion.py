"""`--completion`: prints a script that completes commands in bash, zsh or fish.

The script is made from the modes and runs without Python. zsh and fish also show the help of each
word that they offer.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rnnlm_tui.cli.modes import APP, COMMON_OPTIONS, MODES
from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.cli.parser import OPTIONS, parser_of
from rnnlm_tui.config import ALL_SETTINGS, PRESETS, help_of
from rnnlm_tui.errors import UsageError, flag_of
from rnnlm_tui.store.names import built_in_names

BASH = """\
_rnnlm_tui_names() { %(names)s; }
_rnnlm_tui() {
    local last="${COMP_WORDS[COMP_CWORD-1]}" now="${COMP_WORDS[COMP_CWORD]}" mode= word offered=
    if [[ $last == = ]]; then last="${COMP_WORDS[COMP_CWORD-2]}"; fi
    if [[ $now == = ]]; then now=; fi
    for word in "${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
        case "$word" in %(modes)s) mode="$word";; esac
    done
    case "$last:$mode:$now" in
%(cases)s
    esac
    local newline=$'\\n'
    COMPREPLY=()
    while IFS= read -r word; do  # not compgen -W, which runs a $(command) in a word
        if [[ -n $word && $word == "$now"* ]]; then COMPREPLY+=("$word"); fi
    done <<< "${offered// /$newline}"
}
complete -o default -F _rnnlm_tui rnnlm-tui
"""
ZSH = """\
(( $+functions[compdef] )) || { autoload -U compinit && compinit }
typeset -gA _rnnlm_tui_help=(
%(help)s
)
_rnnlm_tui_names() { %(names)s; }
_rnnlm_tui() {
    local last="${words[CURRENT-1]}" now="${words[CURRENT]}" mode= word offered=
    local -a described
    for word in "${(@)words[2,CURRENT-1]}"; do
        case "$word" in %(modes)s) mode="$word";; esac
    done
    if [[ $now == --*=* ]]; then last="${now%%%%=*}" now="${now#*=}"; compset -P '*='; fi
    case "$last:$mode:$now" in
%(cases)s
    esac
    for word in ${=offered}; do
        described+=("$word${_rnnlm_tui_help[$word]:+:${_rnnlm_tui_help[$word]}}")
    done
    _describe rnnlm-tui described || _files
}
compdef _rnnlm_tui rnnlm-tui
"""
FISH = """\
function _rnnlm_tui_names; %(names)s; end
function _rnnlm_tui_help
    switch $argv[1]
%(help)s
    end
end
function _rnnlm_tui
    set -l typed (commandline -opc) ''
    set -l mode (string match -r '^(?:%(modes)s)$' -- $typed) ''
    set -l offered
    switch "$typed[-2]:$mode[1]:"(commandline -ct)
%(cases)s
    end
    if not set -q offered[1]; __fish_complete_path (commandline -ct); end
    for word in $offered; printf '%%s\\t%%s\\n' $word "$(_rnnlm_tui_help $word)"; end
end
complete -c rnnlm-tui -f -a '(_rnnlm_tui)'
"""
MODEL_NAMES = "$(_rnnlm_tui_names)"
"""The names of the models, as a shell command that each script runs when it offers them."""
LIST_MODELS = r"""printf "%%s\n" %s; ls -- "${RNNLM_DATA_DIR:-$0}"/models 2>&- |
LC_ALL=C sed -n 's|^\([^]!-,/:-@[\^`{-~[:cntrl:][:space:]]*\)\.safetensors$|\1|p'"""
"""A script for `sh -c` that prints the names of the models, one a line. `$0` is the data folder.

The bracket excludes all ASCII characters but letters, digits, `.`, `_` and `-`, as model names do
(see `store/names.py`). A file of another name is left out, since bash runs a $(command) in it."""


def script(command: CommandLine) -> int:
    """`--completion`. Raises UsageError for another shell."""
    scripts = {"bash": BASH, "zsh": ZSH, "fish": FISH}
    if (shell := command.operands[0]) not in scripts:
        raise UsageError(f"there is no completion for {shell}", f"take {', '.join(scripts)}")
    quoted = _quoted_in_fish if shell == "fish" else shlex.quote
    case = "case '{}'; set offered {}" if shell == "fish" else '{}) offered="{}";;'
    help_line = "case {}; echo {}" if shell == "fish" else "{} {}"
    list_models = quoted(LIST_MODELS % " ".join(built_in_names()))
    help_lines = (help_line.format(word, quoted(text)) for word, text in _help().items())
    parts = {
        "modes": "|".join(MODES),
        "cases": "\n".join(case.format(*each) for each in _cases()),
        "names": f"sh -c {list_models} {quoted(str(command.data_dir))}",
        "help": "\n".join(help_lines),
    }
    print(scripts[shell] % parts, end="")
    return 0


def _help() -> dict[str, str]:
    """Returns the help of modes, options and presets, each up to the first semicolon."""
    option_flags = {flag for mode in (APP, *MODES.values()) for flag in mode.options.split()}
    options = (*(OPTIONS[flag] for flag in sorted(option_flags)), *ALL_SETTINGS.values())
    texts = {flag_of(each.name): help_of(each) for each in options}
    texts |= {option.partition(" ")[0]: text for option, text in COMMON_OPTIONS.items()}
    texts |= {mode.flag: mode.help for mode in MODES.values()}
    texts |= {name: preset.summary for name, preset in PRESETS.items()}
    return {word: text.partition(";")[0] for word, text in texts.items()}


def _quoted_in_fish(text: str) -> str:
    """Quotes a text as one word. Even between quotes, fish reads two backslashes as one."""
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "\\'"))


def _cases() -> Iterator[tuple[str, str]]:
    """Yields patterns of `word before the cursor:mode:letters typed so far`, each with the words to
    offer. The first pattern that matches counts."""
    for mode in (*MODES.values(), APP):
        options = parser_of(mode)._actions
        placeholders = {option.option_strings[0]: option.metavar for option in options}
        for flag, placeholder in placeholders.items():
            if placeholder:
                yield f"{flag}:{mode.flag}:*", _words(str(placeholder))
        modes = [*MODES] if mode is APP else []
        yield f"*:{mode.flag}:-*", " ".join([*modes, *placeholders])
        yield f"*:{mode.flag}:*", " ".join([*modes, _words(mode.operands)])


def _words(placeholder: str) -> str:
    """Returns the words to offer for a placeholder of the help, such as `[NAME]` or `on|off`.
    Returns "" for files, numbers and texts."""
    value = placeholder.partition(" ")[0].strip("[]")
    if value == "PRESET":
        return " ".join(PRESETS)
    if value in ("MODEL", "NAME", "OLD"):
        return MODEL_NAMES
    if "|" not in value:
        return ""
    return value.replace("NAME", " ".join(built_in_names())).replace("|", " ")
