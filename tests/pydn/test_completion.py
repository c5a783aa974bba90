"""`pydn completion`: its scripts, run by the shells themselves."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pydn import templates
from pydn.cli import COMMANDS, main
from pydn.cli.completion import script
from pydn.cli.options import COMMON, Command

COMMANDS_ONLY = [command for command, _ in COMMANDS.values()]
FIRST = {verb.split()[0] for verb in COMMANDS} | {"help", "version"}
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


def groups() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for verb in COMMANDS:
        first, *rest = verb.split()
        if rest:
            found.setdefault(first, set()).add(rest[0])
    return found


def flags(command: Command, dashes: str = "-") -> set[str]:
    return {f"{dashes}{flag.name}" for flag in (*command.flags, *COMMON)} | {f"{dashes}help"}


def bash(folder: Path, lines: Sequence[Sequence[str]]) -> list[set[str]]:
    """What bash offers for the last word of each line; FILES where it completes files."""
    source = folder / "completion.bash"
    source.write_text(script("bash", COMMANDS_ONLY))
    asked = [
        f"COMP_WORDS=({' '.join(repr(word) for word in line)}) COMP_CWORD={len(line) - 1}; _pydn; "
        'printf "%s " "${COMPREPLY[@]}"; echo'
        for line in lines
    ]
    # outside of a real completion compopt can only complain
    program = "\n".join([f". {source}", "compopt() { COMPREPLY=(FILES); }", *asked])
    ran = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    return [set(line.split()) for line in ran.stdout.split("\n")[:-1]]


@needs_bash
def test_verbs(tmp_path: Path) -> None:
    offered = bash(tmp_path, [["pydn", ""], ["pydn", "detec"], ["pydn", "help", ""], ["pydn", "nonsense", ""]])
    assert offered == [FIRST, {word for word in FIRST if word.startswith("detec")}, FIRST, set()]


@needs_bash
def test_second_words(tmp_path: Path) -> None:
    seconds = groups()
    offered = bash(tmp_path, [["pydn", first, ""] for first in seconds])
    for (first, words), found in zip(seconds.items(), offered, strict=True):
        assert found == words, first


@needs_bash
@pytest.mark.parametrize("dashes", ["-", "--"])
def test_every_flag_of_every_verb(tmp_path: Path, dashes: str) -> None:
    offered = bash(tmp_path, [["pydn", *verb.split(), dashes] for verb in COMMANDS])
    for command, found in zip(COMMANDS_ONLY, offered, strict=True):
        assert found == flags(command, dashes), command.verb


@needs_bash
def test_arguments_and_values(tmp_path: Path) -> None:
    lines = {
        ("detector", "test", ""): {"FILES"},
        ("detector", "test", "coco.data", "net"): {"FILES"},
        ("detector", "test", "-dont_show", ""): {"FILES"},
        ("detector", "test", "-out", ""): {"FILES"},
        ("detector", "test", "-thresh", ""): set(),
        ("detector", "test", "--compat", "pj"): {"pjreddie"},
        ("detector", "test", "-device", ""): {"cpu", "ref", "cuda"},
        ("cfg", "new", ""): set(templates.names()),
        ("cfg", "list", ""): set(),
        ("completion", ""): {"bash", "zsh", "fish"},
        ("flow", "--imgdir", ""): {"FILES"},
        ("flow", "--batch", ""): set(),
    }
    offered = bash(tmp_path, [["pydn", *line] for line in lines])
    for (line, wanted), found in zip(lines.items(), offered, strict=True):
        assert found == wanted, line


@needs_bash
def test_keys_typed_into_bash(tmp_path: Path) -> None:
    """In a terminal: a verb, a flag and a file's name with a blank."""
    (tmp_path / "my net.cfg").touch()
    source = tmp_path / "c.bash"
    source.write_text(script("bash", COMMANDS_ONLY))
    typed = type_into(
        ["bash", "--norc", "--noprofile", "-i"],
        tmp_path,
        [". ./c.bash; pydn() { printf '<%s>' \"$@\"; }\n", "pydn detector te\t -let\t my\t\n", "exit\n"],
    )
    assert "<detector><test><-letter_box><my net.cfg>" in typed


def type_into(shell: Sequence[str], folder: Path, keys: Sequence[str]) -> str:
    """Type, a line after the other, and return all that the terminal shows."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ.update(TERM="dumb", PS1="ready> ", INPUTRC="/dev/null")
        os.execvp(shell[0], shell)
    shown = ""
    for line in keys:
        for key in line:  # a shell takes a Tab within pasted text for a Tab
            os.write(terminal, key.encode())
            if key == "\t":
                time.sleep(0.3)
        time.sleep(0.3)
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data.decode(errors="replace")
    os.close(terminal)
    os.waitpid(process, 0)
    return shown


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_syntax(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    source = tmp_path / f"completion.{shell}"
    source.write_text(script(shell, COMMANDS_ONLY))
    ran = subprocess.run([shell, "-n", source], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_fish_offers(tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("there is no fish")
    source = tmp_path / "c.fish"
    source.write_text(script("fish", COMMANDS_ONLY))

    def offered(line: str) -> set[str]:
        words = ["fish", "--no-config", "-c", f"source {source}; complete -C '{line}'"]
        ran = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path)
        return {row.split("\t")[0] for row in ran.stdout.splitlines()}

    assert offered("pydn ") == FIRST
    assert offered("pydn detector ") == groups()["detector"]
    assert offered("pydn detector test -") >= flags(COMMANDS["detector test"][0])
    assert offered("pydn detector test -compat ") == {"alexeyab", "pjreddie"}
    assert offered("pydn cfg new ") == set(templates.names())
    assert "c.fish" in offered("pydn detector test ")
    assert "c.fish" not in offered("pydn detector test -thresh ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_command(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    """Every verb and flag is there, in every shell's own notation."""
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for command in COMMANDS_ONLY:
        assert all(word in text for word in command.verb.split())
        for flag in command.flags:
            assert f"-o {flag.name} -l {flag.name} " in text if shell == "fish" else f"-{flag.name}" in text


def test_other_shells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "there is a completion for bash, zsh, fish, not for 'tcsh'" in capsys.readouterr().err
