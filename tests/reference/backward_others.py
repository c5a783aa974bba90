"""Rules of `backward` for layers without parameters: they move values, divide them by something, or hand them on."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from .l2norm import unit_length_back
from .network import Float64s, Row, Setting
from .normalization import local_response_back
from .reorg import flattened_back, reorg_back
from .reorg3d import depth_to_space, space_to_depth
from .types import Array

if TYPE_CHECKING:
    from .backward import Rule

Own: TypeAlias = Callable[[Array, Array, Row, Setting], Array]


def reordered(delta: Array, x: Array, row: Row, setting: Setting) -> Array:
    reverse, pjreddie = bool(row.get("reverse", 0)), setting.dialect == "pjreddie"
    if pjreddie and row.get("flatten", 0):
        return flattened_back(delta, x, reverse)
    if pjreddie and row.get("extra", 0):
        return delta.reshape(len(x), -1)[:, : x[0].size].reshape(x.shape)
    return reorg_back(delta, x, row.get("stride", 1), reverse)


def reordered_3d(delta: Array, x: Array, row: Row, setting: Setting) -> Array:
    return (space_to_depth if row.get("reverse", 0) else depth_to_space)(delta, row.get("stride", 1))


def normalization(delta: Array, x: Array, row: Row, setting: Setting) -> Array:
    alpha, beta, kappa = row.get("alpha", 0.0001), row.get("beta", 0.75), row.get("kappa", 1)
    return local_response_back(delta, x, row.get("size", 5), alpha, beta, kappa)


def handed_on(delta: Array, x: Array, row: Row, setting: Setting) -> Array:
    """The delta as it is: of layers that change nothing, and of heads, whose deltas are of what goes in."""
    return delta.reshape(x.shape)


OWN: dict[str, Own] = {
    "reorg": reordered,
    "reorg3d": reordered_3d,
    "l2norm": lambda delta, x, row, setting: unit_length_back(delta, x),
    "normalization": normalization,
    "empty": handed_on,
    **dict.fromkeys(("softmax", "logistic", "iseg", "detection", "region", "yolo", "Gaussian_yolo"), handed_on),
    "cost": lambda delta, x, row, setting: row.get("scale", 1) * handed_on(delta, x, row, setting),
}


def _rule(own: Own) -> "Rule":
    def rule(
        delta: Array, inputs: Sequence[Array], row: Row, p: Float64s, setting: Setting
    ) -> tuple[Sequence[Array], Mapping[str, Any]]:
        return [own(delta, inputs[0], row, setting)], {}

    return rule


RULES: dict[str, "Rule"] = {kind: _rule(own) for kind, own in OWN.items()}
