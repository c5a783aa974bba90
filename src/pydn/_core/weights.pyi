import os
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import NamedTuple, TypeAlias, TypeVar, final, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

from .plan import Plan

_Key: TypeAlias = tuple[int, str]
_T = TypeVar("_T")

class Header(NamedTuple):
    major: int
    minor: int
    revision: int
    seen: int

class LoadReport(NamedTuple):
    header: Header
    layers_loaded: int
    complete: bool
    bytes_used: int
    bytes_left: int

@final
class Weights:
    def __new__(
        cls,
        plan: Plan,
        data: Buffer | None = None,
        *,
        strict: bool = True,
        layer_limit: int = -1,
        seed: int = 0,
        file: str = "",
    ) -> Weights: ...
    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | Buffer,
        cfg: str | os.PathLike[str] | Buffer | Plan,
        *,
        dialect: str = "alexeyab",
        files: Mapping[str, bytes] | None = None,
        strict: bool = True,
        layer_limit: int = -1,
        seed: int = 0,
    ) -> Weights: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def file(self) -> str: ...
    @property
    def report(self) -> LoadReport | None: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_Key]: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __getitem__(self, key: _Key, /) -> NDArray[np.float32]: ...
    @overload
    def get(self, key: _Key, default: None = None) -> NDArray[np.float32] | None: ...
    @overload
    def get(self, key: _Key, default: _T) -> NDArray[np.float32] | _T: ...
    def keys(self) -> KeysView[_Key]: ...
    def values(self) -> ValuesView[NDArray[np.float32]]: ...
    def items(self) -> ItemsView[_Key, NDArray[np.float32]]: ...
    @property
    def header(self) -> Header: ...
    @header.setter
    def header(self, value: tuple[int, int, int, int]) -> None: ...
    @property
    def nbytes(self) -> int: ...
    def tobytes(self) -> bytes: ...
    def save(self, path: str | os.PathLike[str]) -> None: ...
    def partial(self, n: int) -> Weights: ...
    def checksum(self) -> int: ...
    @property
    def frozen(self) -> bool: ...
    def freeze(self) -> None: ...
