"""`load`: everything that stands around a network's bytes on a disk."""

from __future__ import annotations

import logging
import mmap as _mmap
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from ._core.plan import Plan
from ._core.training import measure
from ._core.weights import Weights
from .cfgtext import referred_files, with_classes
from .datafile import DataFile
from .device import largest_batch
from .errors import OutOfMemoryError
from .names import read_names
from .network import Network
from .tools.dialects import disagreement
from .tools.slots import copy_fitting

_log = logging.getLogger("pydn")

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, a file's bytes, or a file opened for reading bytes."""

_LARGEST = 2**31 - 1


def load(
    cfg: Source,
    weights: Source | None = None,
    *,
    data: str | os.PathLike[str] | DataFile | None = None,
    names: str | os.PathLike[str] | Sequence[str] | None = None,
    device: str = "cpu",
    precision: Literal["fp32", "bf16", "int8", "fp16", "tf32"] = "fp32",
    outputs: Literal["heads", "all"] = "heads",
    batch: int = 1,
    dialect: Literal["alexeyab", "pjreddie"] = "alexeyab",
    prepare: Literal["none", "fuse", "binary"] = "fuse",
    classes: int | None = None,
    files: Mapping[str, bytes] | None = None,
    mmap: bool = False,
    isa: str | None = None,
    strict: bool = True,
    time_steps: int | None = None,
    ternarize: bool = False,
    layers: int | None = None,
) -> Network:
    r"""Load a network.

    Parameters
    ----------
    cfg, weights
        A path, an open binary file or bytes. Without weights, parameters are initialised as darknet does.
    data
        A .data file; its ``names=`` gives the names.
    names
        A names file, or a list of names; goes before `data`.
    device
        ``"cpu"``, ``"ref"`` (the portable kernels), ``"cuda"`` or ``"cuda:1"``.
    precision
        ``"fp32"``, ``"bf16"`` or ``"int8"`` on the CPU; ``"fp16"``, ``"bf16"`` or ``"tf32"`` on CUDA.
    outputs
        ``"heads"`` keeps what leaves the network, ``"all"`` every layer's output.
    batch
        Images per forward.
    dialect
        Whose definitions hold where ``"alexeyab"`` and ``"pjreddie"`` differ.
    prepare
        ``"none"`` runs as loaded; ``"fuse"`` folds batch normalisation, as darknet's detector does; ``"binary"`` also
        takes the bit-packed xnor path.
    classes
        Rewrite the heads for this number of classes and load what still fits.
    files
        Content of the files that the cfg names in ``tree=`` and ``map=``. Others are looked up beside the cfg, then
        in the working folder.
    mmap
        Map the weights file rather than read it. A file that somebody truncates meanwhile ends the process.
    isa
        The widest instruction set to use: ``"avx512"``, ``"avx2"``, ``"neon"`` or ``"portable"``.
    strict
        Refuse a weights file with bytes left over after the last layer; otherwise `Network.report` tells.
    time_steps
        Of recurrent networks: images of one sequence per forward, in place of the cfg's; 1 for one call per image.
    ternarize
        Compute with ternary weights in layers with ``ternary=1``, also where the file has others. As in darknetTWN,
        weights are computed with as they are loaded otherwise.
    layers
        Read the weights of so many layers, the first ones; the others begin as without weights.

    Returns
    -------
    Network

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    CfgError, WeightsError, DataError
        If one is not what it should be.
    UnsupportedError, DeviceError
        If the device cannot run the network, or is not there.
    OutOfMemoryError
        If the device has too little memory, with the `batch` that would fit.

    Examples
    --------
    >>> net = load(b"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=2\n")
    >>> net
    Network(8x8x3, 1 layer, device='cpu')
    """
    _check_arguments(device, batch, classes, files, time_steps, layers)
    cfg_bytes, cfg_file = _read(cfg, "cfg")
    weights_bytes, weights_file = (None, "") if weights is None else _read_weights(weights, mmap)
    resources = dict(files or {})
    resources |= find_files(cfg_bytes, cfg_file, resources)
    labels = _names(data, names)
    warning = None if weights_bytes is None else disagreement(cfg_bytes, weights_bytes[:12], dialect)
    if warning is not None:
        _log.warning("%s%s", f"{weights_file}: " if weights_file else "", warning)

    limit = -1 if layers is None else layers

    def build(text: bytes, parameters: bytes | _mmap.mmap | None) -> Network:
        planned: dict[str, Any] = {"dialect": dialect, "files": resources, "time_steps": time_steps or 0}
        made: dict[str, Any] = {"device": device, "precision": precision, "outputs": outputs, "prepare": prepare}
        read: dict[str, Any] = {"strict": strict, "layer_limit": limit, "weights_file": weights_file}
        try:
            return Network(text, parameters, batch=batch, cfg_file=cfg_file, isa=isa, **planned, **made, **read)
        except OutOfMemoryError as error:
            if error.free is None:  # of the machine
                raise
            raise largest_batch(error, batch, lambda n: measure(Plan(text, batch=n, **planned), **made)) from None

    if classes is None:
        net = build(cfg_bytes, weights_bytes)
    else:
        net = build(with_classes(cfg_bytes, classes, file=cfg_file), None)
        if weights_bytes is not None:
            plan = Plan(cfg_bytes, dialect=dialect, files=resources, file=cfg_file)
            original = Weights(plan, weights_bytes, strict=strict, layer_limit=limit, file=weights_file)
            copy_fitting(original, net.weights)
    if ternarize:
        net.weights.shadow = True
        if not net.weights.shadow:
            _log.warning("%s: no layer says ternary=1, there is nothing to make ternary", cfg_file or "the cfg")
    if labels is not None:
        net.names = labels
    return net


def _check_arguments(
    device: object, batch: object, classes: object, files: object, time_steps: object, layers: object
) -> None:
    if not isinstance(device, str):
        raise TypeError(f"device must be a string such as 'cpu', not {type(device).__name__}")
    for name, number in (("batch", batch), ("classes", classes), ("time_steps", time_steps), ("layers", layers)):
        if number is None and name != "batch":
            continue
        if not hasattr(number, "__index__"):
            raise TypeError(f"{name} must be a whole number, not {type(number).__name__}")
        least = 0 if name == "layers" else 1
        if not least <= operator.index(number) <= _LARGEST:
            raise ValueError(f"{name} must be {least} to {_LARGEST}, not {number}")
    if files is None:
        return
    if not isinstance(files, Mapping):
        raise TypeError(f"files must map names to bytes, not be {type(files).__name__}")
    for name, content in files.items():
        if not isinstance(name, str) or not isinstance(content, (bytes, bytearray, memoryview)):
            raise TypeError(f"files must map names to bytes, but {name!r} is mapped to {type(content).__name__}")


def _read(source: Source, what: str) -> tuple[bytes, str]:
    """Bytes of a source and the name that messages give it ("" where it has none)."""
    if isinstance(source, str) and "\n" in source:
        raise ValueError(f"{what} is a text of several lines, not a path: hand in the content as bytes, text.encode()")
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:  # noqa: PTH123 (a Path of "" is the working folder)
            return file.read(), os.fspath(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), ""
    if not hasattr(source, "read"):
        raise TypeError(f"{what} must be a path, bytes or an open binary file, not {type(source).__name__}")
    content = source.read()
    if not isinstance(content, bytes):
        raise TypeError(f"the file given as {what} is open for text: open it with mode 'rb'")
    name = getattr(source, "name", "")
    return content, name if isinstance(name, str) else ""


def _read_weights(source: Source, mapped: bool) -> tuple[bytes | _mmap.mmap, str]:
    if not mapped:
        return _read(source, "weights")
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"mmap=True needs the path of a weights file, not {type(source).__name__}")
    with Path(source).open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:  # cannot be mapped; the engine says what is wrong with it
            return b"", os.fspath(source)
        return _mmap.mmap(file.fileno(), 0, access=_mmap.ACCESS_READ), os.fspath(source)


def find_files(cfg: bytes, cfg_file: str, given: Mapping[str, bytes]) -> dict[str, bytes]:
    """Read what a cfg refers to, from beside it or the working folder; what is `given` under its name counts."""
    found = {}
    folder = Path(cfg_file).parent if cfg_file else None
    for key, name, written in referred_files(cfg):
        if name in given:
            continue
        if written in given:
            found[name] = given[written]
            continue
        places = [Path(written), Path(name)]
        if folder is not None:  # darknet's own cfg files stand in cfg/ and say data/9k.tree
            places = [folder / written, folder / name, folder.parent / written, *places]
        path = next((place for place in places if place.is_file()), None)
        if path is not None:
            found[name] = path.read_bytes()
        elif key == "tree":  # map= serves evaluation only
            advice = f"put it there or hand it in with files={{{name!r}: bytes}}"
            raise FileNotFoundError(
                2, f"{cfg_file or 'the cfg'} says {key}={name}, which does not exist: {advice}", written
            )
    return found


def _names(
    data: str | os.PathLike[str] | DataFile | None, names: str | os.PathLike[str] | Sequence[str] | None
) -> list[str] | None:
    if isinstance(names, (str, os.PathLike)):
        return read_names(names)
    if names is not None:
        return _checked_names(names)
    if data is None:
        return None
    options = data if isinstance(data, DataFile) else DataFile.read(data)
    return read_names(options.file("names")) if "names" in options else None


def _checked_names(names: object) -> list[str]:
    if not isinstance(names, Iterable) or isinstance(names, (bytes, bytearray)):
        raise TypeError(f"names must be a path or a list of strings, not {type(names).__name__}")
    checked = list(names)
    for number, name in enumerate(checked):
        if not isinstance(name, str):
            raise TypeError(f"names must be strings, but names[{number}] is {type(name).__name__}")
    return checked
