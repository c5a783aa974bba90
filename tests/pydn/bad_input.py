"""What every refusal of bad input has to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CALLS_FOR = ("correct", "give", "set ", "must", "remove", "reduce", "enlarge", "again", "check", "use ", "hand in",
             "convert", "add ", "put ", "such as", "change", "divide", "there is", "expected", "find ", "scale",
             "shorten", "drop", "begin", "needs", "takes", "call ", "load the", "allow", "there are")  # fmt: skip
"""Words of which every message has one: a message that only complains leaves its reader alone."""


def refused(error: type[Exception], said: str, call: Callable[[], object], **fields: Any) -> str:
    """Check that a call raises exactly `error`, with one short line that contains `said`, and these attributes.

    Returns
    -------
    str
        The line.
    """
    with pytest.raises(error) as caught:
        call()
    found = caught.value
    assert type(found) is error
    line = str(found)
    assert said in line
    message = getattr(found, "message", line)
    assert len(message) <= 256
    assert line.isprintable()
    assert line == line.strip()
    assert isinstance(found, OSError) or any(words in message for words in CALLS_FOR), f"no advice: {message}"
    assert {name: getattr(found, name) for name in fields} == fields
    return line
