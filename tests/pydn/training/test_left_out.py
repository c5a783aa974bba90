"""Keys that training does not act on are named, others are not."""

import logging
from pathlib import Path

import pytest

import pydn
from pydn.training.left_out import KEYS, LeftOut, left_out


def values(key: LeftOut) -> tuple[str, str]:
    """One that asks for something, one that does not."""
    asking = next(n for n in (2, 3) if n not in key.idle)
    return str(asking), str(key.idle[-1])


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key.section}-{key.name}")
def test_each_is_named_where_it_asks_for_something(key: LeftOut) -> None:
    section = "convolutional" if key.section in ("", "net") else key.section
    dialect = key.dialect or "alexeyab"
    asking, idle = values(key)
    text = "[net]\nwidth=8\n{net}\n[{section}]\n{layer}\n[conv]\n{layer}\n"
    if key.section == "route":
        text = text.replace("[conv]", "[route]")

    def found(value: str, dialect: str) -> list[tuple[int, str]]:
        line = f"{key.name} = {value}"
        places = {"net": line, "layer": ""} if key.section == "net" else {"net": "", "layer": line}
        return list(left_out(text.format(section=section, **places).encode(), dialect))

    ((level, message),) = found(asking, dialect)
    assert level == key.level
    assert f"{key.name}={asking}" in message
    assert key.why in message
    assert message.startswith("line 3:" if key.section == "net" else "line 5:")
    assert ("of 1 more" in message) == (key.section in ("", "convolutional", "route"))
    assert not found(idle, dialect)
    if key.dialect:
        others = found(asking, "pjreddie" if dialect == "alexeyab" else "alexeyab")
        assert not any(key.why in message for _, message in others)


def test_a_layer_of_another_kind_acts_on_it() -> None:
    text = b"[net]\nwidth=8\n[convolutional]\nassisted_excitation=1\n"
    assert [message.split(": ")[-1] for _, message in left_out(text, "alexeyab")] == ["no layer learns boxes"]
    assert not list(left_out(text + b"[yolo]\n", "alexeyab"))
    assert len(list(left_out(text + b"[yolo]\n", "pjreddie"))) == 1


def test_a_session_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    text = "[net]\nwidth=4\nheight=4\nchannels=1\nbatch=2\nattention=1\noptimized_memory=2\n"
    text += "[convolutional]\nfilters=2\nassisted_excitation=1\n[softmax]\n"
    with pydn.load(text.encode()) as net, caplog.at_level(logging.INFO, "pydn"):
        session = net.session()
        session.network.resize(8, 8)
    said = [(record.levelno, record.getMessage().split(" changes")[0]) for record in caplog.records]
    assert said == [
        (logging.WARNING, "line 6: attention=1 of [net]"),
        (logging.INFO, "line 7: optimized_memory=2 of [net]"),
        (logging.WARNING, "line 10: assisted_excitation=1 of [convolutional]"),
    ]


def test_the_page_lists_them() -> None:
    page = Path(__file__).parents[3] / "docs/training.md"
    table = page.read_text(encoding="utf-8").partition("## Keys")[2]
    rows = [row for row in table.splitlines() if "left out" in row or "as `batch_normalize=1`" in row]
    for key in KEYS:
        if (key.section, key.name) != ("net", "clip"):
            named = [row for row in rows if f"`{key.name}" in row]
            assert named, key
            assert any(("left out, i" in row) == (key.level == logging.INFO) for row in named), key
