"""[contrastive] outside of training: it passes its input on, and wants to know its [yolo]."""

from typing import Any

import pytest

import pydn

from .support import Case, Engine, Row, check, conv, row, table

YOLO = row("yolo", anchors="8,8", num=1, classes=2)  # 4 + 1 + 2 channels


def network(**keys: Any) -> list[Row]:
    return [conv(filters=7), YOLO, row("route", layers=0), row("contrastive", **keys)]


CASES = {
    "by number": Case(network(yolo_layer=1), batch=3),
    "counted back": Case(network(yolo_layer=-2)),
    "keys of training": Case(
        network(yolo_layer=-2, classes=1, temperature=0.5, cls_normalizer=2, max_delta=10, contrastive_neg_max=5)
    ),
}
WRONG = {
    "missing": ({}, "needs yolo_layer="),
    "no yolo": ({"yolo_layer": 0}, "layer 0, which is no [yolo]"),
    "itself": ({"yolo_layer": 3}, "not an earlier layer"),
    "behind it": ({"yolo_layer": 7}, "not an earlier layer"),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)


@pytest.mark.parametrize(("keys", "said"), list(WRONG.values()), ids=list(WRONG))
def test_yolo_layer(keys: dict[str, int], said: str) -> None:
    with pytest.raises(pydn.CfgError, match="yolo_layer") as caught:
        pydn.load(Case(network(**keys)).cfg)
    assert said in str(caught.value)
    assert (caught.value.section, caught.value.key) == ("contrastive", "yolo_layer")


def test_it_is_no_head() -> None:
    assert pydn.load(Case(network(yolo_layer=-2)).cfg).head_layers == (1,)
