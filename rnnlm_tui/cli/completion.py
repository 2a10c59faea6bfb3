"""`--completion`: prints a script that completes commands in a shell. It is made from the modes.

The script starts no Python. Bash lists words; zsh and fish describe them, too.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rnnlm_tui.cli.modes import APP, COMMON, MODES
from rnnlm_tui.cli.options import Request
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
%(rows)s
    esac
    local newline=$'\\n'
    COMPREPLY=()
    while IFS= read -r word; do  # compgen -W would run what stands in a word
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
%(rows)s
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
%(rows)s
    end
    if not set -q offered[1]; __fish_complete_path (commandline -ct); end
    for word in $offered; printf '%%s\\t%%s\\n' $word "$(_rnnlm_tui_help $word)"; end
end
complete -c rnnlm-tui -f -a '(_rnnlm_tui)'
"""
CALL_NAMES = "$(_rnnlm_tui_names)"
"""Stands for the names of the models among the words to offer. Each of the shells expands it."""
LIST_NAMES = r"""printf "%%s\n" %s; ls -- "${RNNLM_DATA_DIR:-$0}"/models 2>&- |
LC_ALL=C sed -n 's|^\([^]!-,/:-@[\^`{-~[:cntrl:][:space:]]*\)\.safetensors$|\1|p'"""
"""Lists the names of the models. It is the script of `sh -c`, whose `$0` is the data folder. Files
with other names than a model can have are left out: a shell would run a command in a name."""


def script(request: Request) -> int:
    """`--completion`. Raises UsageError for another shell."""
    scripts = {"bash": BASH, "zsh": ZSH, "fish": FISH}
    if (shell := request.operands[0]) not in scripts:
        raise UsageError(f"there is no completion for {shell}", f"take {', '.join(scripts)}")
    quoted = _quoted_in_fish if shell == "fish" else shlex.quote
    list_names = quoted(LIST_NAMES % " ".join(built_in_names()))
    row = "        case '{}'; set offered {}" if shell == "fish" else '    {}) offered="{}";;'
    described = "        case {}; echo {}" if shell == "fish" else "    {} {}"
    filled = {
        "modes": "|".join(MODES),
        "rows": "\n".join(row.format(*each) for each in _rows()),
        "names": f"sh -c {list_names} {quoted(str(request.data_dir))}",
        "help": "\n".join(described.format(word, quoted(text)) for word, text in _help().items()),
    }
    print(scripts[shell] % filled, end="")
    return 0


def _help() -> dict[str, str]:
    """Returns the help of modes, options and presets, each up to the first semicolon."""
    flags = {flag for mode in (APP, *MODES.values()) for flag in mode.options.split()}
    options = (*(OPTIONS[flag] for flag in sorted(flags)), *ALL_SETTINGS.values())
    texts = {flag_of(each.name): help_of(each) for each in options}
    texts |= {option.partition(" ")[0]: text for option, text in COMMON.items()}
    texts |= {mode.flag: mode.help for mode in MODES.values()}
    texts |= {name: preset.summary for name, preset in PRESETS.items()}
    return {word: text.partition(";")[0] for word, text in texts.items()}


def _quoted_in_fish(text: str) -> str:
    """Quotes a text as one word. Fish reads two backslashes as one even between quotes."""
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "\\'"))


def _rows() -> Iterator[tuple[str, str]]:
    """Yields patterns of `last word:mode:letters typed of a word`, with the words to offer."""
    for mode in (*MODES.values(), APP):
        values = {a.option_strings[0]: str(a.metavar or "") for a in parser_of(mode)._actions}
        yield from ((f"{flag}:{mode.flag}:*", _words(v)) for flag, v in values.items() if v)
        modes = [*MODES] if mode is APP else []
        yield f"*:{mode.flag}:-*", " ".join([*modes, *values])
        yield f"*:{mode.flag}:*", " ".join([*modes, _words(mode.operands)])


def _words(placeholder: str) -> str:
    """Returns the words to offer for a placeholder of the help, such as `[NAME]` or `on|off`.
    Returns "" for files, numbers and texts."""
    value = placeholder.partition(" ")[0].strip("[]")
    if value in ("MODEL", "NAME", "OLD", "PRESET"):
        return " ".join(PRESETS) if value == "PRESET" else CALL_NAMES
    words = value.replace("NAME", " ".join(built_in_names())).replace("|", " ")
    return words if "|" in value else ""
