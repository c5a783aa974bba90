"""The list of best classes."""

from __future__ import annotations

import numpy as np
import pytest

from pydn import Classification


def test_best_first_and_earlier_class_at_ties() -> None:
    result = Classification([0.1, 0.4, 0.1, 0.4], ["a", "b", "c", "d"], top=3)
    assert [label for label, _ in result] == ["b", "d", "a"]
    assert result[0] == ("b", pytest.approx(0.4))
    assert result[-1][0] == "a"
    assert [label for label, _ in result[1:]] == ["d", "a"]
    assert isinstance(result[1:], Classification)
    assert (result[1:].label, len(result[:0]), result[:0].label, result[:0].confidence) == ("d", 0, "", 0.0)
    assert result[:] == result != result[:2]
    assert result != [("b", 0.4)]
    assert (result.label, result.confidence) == ("b", pytest.approx(0.4))
    assert len(result) == 3
    assert result.class_id.tolist() == [1, 3, 0]


def test_top_is_at_most_the_classes() -> None:
    assert len(Classification([0.5, 0.5], top=5)) == 2
    with pytest.raises(ValueError, match="top must be 1 or more"):
        Classification([1.0], top=0)


def test_all_probabilities_and_names() -> None:
    result = Classification(np.array([[0.25, 0.75]], np.float32), ["a"])
    assert result.probabilities.tolist() == [0.25, 0.75]
    assert repr(result) == "Classification(class 1 75.00%, a 25.00%)"
