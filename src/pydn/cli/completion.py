"""``pydn completion``: a script with which a shell completes verbs, flags and files, made from the tables of verbs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence

from .options import COMMON, Command, Flag, UsageError

_FILES = ("FILE", "FOLDER")
_SINGLE = {"help": "says what a verb takes", "version": "prints the version"}
"""Verbs that are not in the tables."""


def script(shell: str, commands: Sequence[Command]) -> str:
    """Return the completion script of a shell for some verbs.

    Raises
    ------
    UsageError
        If there is none for this shell.
    """
    if shell not in _SHELLS:
        raise UsageError(f"there is a completion for {', '.join(_SHELLS)}, not for {shell!r}", COMPLETION)
    return _SHELLS[shell](commands)


def _first_words(commands: Iterable[Command]) -> dict[str, str]:
    """First words of the verbs, and what they are for."""
    found = dict(_SINGLE)
    for first, seconds in _second_words(commands).items():
        found[first] = ", ".join(seconds)
    found |= {command.verb: command.headline for command in commands if " " not in command.verb}
    return dict(sorted(found.items()))


def _second_words(commands: Iterable[Command]) -> dict[str, dict[str, str]]:
    """Second words of the verbs that have two, by the first."""
    found: dict[str, dict[str, str]] = {}
    for command in commands:
        first, *rest = command.verb.split()
        if rest:
            found.setdefault(first, {})[rest[0]] = command.headline
    return found


def _flags(command: Command) -> Sequence[Flag]:
    return (*command.flags, *COMMON, Flag("help", "what there is"))


def _values(flag: Flag) -> str:
    """Return what completes a flag's value: files, words, or nothing."""
    return "files" if flag.value in _FILES else " ".join(flag.choices)


# ---- bash

_BASH = """\
# Completion of pydn for bash:  eval "$(pydn completion bash)"
_pydn() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} verb=${{COMP_WORDS[1]}}
    local flags= words= values=none next=2
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W '{first}' -- "$word"))
        return
    fi
    case $verb in
        help) words='{first}' ;;
{groups}
    esac
    case $verb in
{verbs}
    esac
    if ((COMP_CWORD >= next)) && [[ $before == -* ]]; then
        case "$verb ${{before/#--/-}}" in
{values}
        esac
    fi
    if [[ $values != none ]]; then
        words=$values
    elif [[ $word == --* ]]; then
        words=${{flags// -/ --}}
        words=${{words/#-/--}}
    elif [[ $word == -* ]]; then
        words=$flags
    fi
    if [[ $words == files ]]; then
        compopt -o default
    else
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    fi
}}
complete -F _pydn pydn
"""


def _bash(commands: Sequence[Command]) -> str:
    groups = _second_words(commands)
    plain = {command.verb for command in commands}
    return _BASH.format(
        first=" ".join(_first_words(commands)),
        groups="\n".join(_bash_group(first, seconds, first in plain) for first, seconds in groups.items()),
        verbs="\n".join(_bash_verb(command) for command in commands),
        values="\n".join(_bash_values(command) for command in commands),
    )


def _bash_group(first: str, seconds: Iterable[str], itself: bool) -> str:
    """Join the two words of a verb; where the first one is a verb by itself, the second need not be there."""
    words = " ".join(seconds)
    known = "|".join(seconds)
    return f"""\
        {first})
            if ((COMP_CWORD == 2)){" && [[ $word != -* ]]" if itself else ""}; then
                COMPREPLY=($(compgen -W '{words}' -- "$word"))
                {"((${#COMPREPLY[@]})) && return" if itself else "return"}
            fi
            case ${{COMP_WORDS[2]}} in {known}) verb="{first} ${{COMP_WORDS[2]}}" next=3 ;; esac ;;"""


def _bash_verb(command: Command) -> str:
    flags = " ".join(f"-{flag.name}" for flag in _flags(command))
    return f"        '{command.verb}') flags='{flags}' words='{_arguments(command)}' ;;"


def _bash_values(command: Command) -> str:
    by_values: dict[str, list[str]] = {}
    for flag in _flags(command):
        if flag.kind is not bool:
            by_values.setdefault(_values(flag), []).append(f"'{command.verb} -{flag.name}'")
    return "\n".join(f"            {' | '.join(keys)}) values='{values}' ;;" for values, keys in by_values.items())


def _arguments(command: Command) -> str:
    return " ".join(command.choices) or ("files" if command.words else "")


# ---- zsh

_ZSH = """\
#compdef pydn
# Completion of pydn for zsh:  eval "$(pydn completion zsh)"
_pydn() {{
    local verb=$words[2] before=$words[CURRENT-1] values=none
    local -a names flags arguments
    if ((CURRENT == 2)); then
        names=({first})
        _describe -t verbs verb names
        return
    fi
    case $verb in
{groups}
    esac
    case $verb in
        help) arguments=({plain}) ;;
{verbs}
    esac
    case "$verb ${{before/#--/-}}" in
{values}
    esac
    if [[ $values == files ]]; then
        _files
    elif [[ $values != none ]]; then
        compadd -- ${{=values}}
    elif [[ $PREFIX == --* ]]; then
        flags=(-${{^flags}})
        _describe -t flags flag flags
    elif [[ $PREFIX == -* ]]; then
        _describe -t flags flag flags
    elif [[ $arguments == files ]]; then
        _files
    else
        compadd -- $arguments
    fi
}}
if [[ $funcstack[1] == _pydn ]]; then _pydn "$@"; else compdef _pydn pydn; fi
"""


def _zsh(commands: Sequence[Command]) -> str:
    first = _first_words(commands)
    groups = _second_words(commands)
    return _ZSH.format(
        first=_zsh_list(first),
        plain=" ".join(first),
        groups="\n".join(_zsh_group(word, seconds) for word, seconds in groups.items()),
        verbs="\n".join(_zsh_verb(command) for command in commands),
        values="\n".join(_bash_values(command) for command in commands),
    )


def _zsh_list(words: dict[str, str]) -> str:
    colon = r"\:"  # a plain one ends the word
    return " ".join(shlex.quote(f"{word}:{about.replace(':', colon)}") for word, about in words.items())


def _zsh_group(first: str, seconds: dict[str, str]) -> str:
    return f"""\
        {first})
            if ((CURRENT == 3)); then
                names=({_zsh_list(seconds)})
                [[ $PREFIX != -* ]] && _describe -t verbs verb names && return
            fi
            case $words[3] in {"|".join(seconds)}) verb="{first} $words[3]" ;; esac ;;"""


def _zsh_verb(command: Command) -> str:
    flags = _zsh_list({f"-{flag.name}": flag.about for flag in _flags(command)})
    return f"        '{command.verb}') arguments=({_arguments(command)}) flags=({flags}) ;;"


# ---- fish

_FISH = """\
# Completion of pydn for fish:  pydn completion fish | source
function __pydn_at
    set -l typed (commandline -opc)
    set -e typed[1]
    for word in $argv
        test "$typed[1]" = $word; or return 1
        set -e typed[1]
    end
end
function __pydn_only
    set -l typed (commandline -opc)
    test (count $typed) -eq (math (count $argv) + 1); and __pydn_at $argv
end
complete -c pydn -e
complete -c pydn -f
{lines}
"""


def _fish(commands: Sequence[Command]) -> str:
    lines = [_fish_word("__pydn_only", word, about) for word, about in _first_words(commands).items()]
    lines += [_fish_word("__pydn_only help", word, about) for word, about in _first_words(commands).items()]
    for first, seconds in _second_words(commands).items():
        lines += [_fish_word(f"__pydn_only {first}", word, about) for word, about in seconds.items()]
    for command in commands:
        lines += _fish_verb(command)
    return _FISH.format(lines="\n".join(lines))


def _fish_word(condition: str, word: str, about: str) -> str:
    return f"complete -c pydn -n '{condition}' -a {_fish_quoted(word)} -d {_fish_quoted(about)}"


def _fish_verb(command: Command) -> Iterable[str]:
    start = f"complete -c pydn -n '__pydn_at {command.verb}'"
    arguments = _arguments(command)
    if arguments == "files":
        yield f"{start} -F"
    elif arguments:
        yield f"{start} -a {_fish_quoted(arguments)}"
    for flag in _flags(command):
        values = _values(flag)
        takes = "" if flag.kind is bool else " -rF" if values == "files" else f" -x -a {_fish_quoted(values)}"
        yield f"{start} -o {flag.name} -l {flag.name} -d {_fish_quoted(flag.about)}{takes}"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SHELLS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}

COMPLETION = Command(
    "completion",
    "SHELL",
    "Prints a script with which bash, zsh or fish completes verbs, flags and files. For bash and zsh put "
    'eval "$(pydn completion SHELL)" into ~/.bashrc or ~/.zshrc, for fish pydn completion fish | source into '
    "~/.config/fish/config.fish.",
    choices=tuple(_SHELLS),
)
