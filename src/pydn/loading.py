"""`load`: everything that stands around a network's bytes on a disk."""

from __future__ import annotations

import mmap as _mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from ._core.weights import Weights
from .cfgtext import referred_files, with_classes
from .datafile import DataFile
from .names import read_names
from .network import Network

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, a file's bytes, or a file opened for reading bytes."""


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
        Refuse a weights file with bytes left over after the last layer; otherwise ``weights_report`` tells.

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

    Examples
    --------
    >>> net = load(b"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=2\n")
    >>> net
    Network(8x8x3, 1 layer, device='cpu')
    """
    cfg_bytes, cfg_file = _read(cfg)
    weights_bytes, weights_file = (None, "") if weights is None else _read_weights(weights, mmap)
    resources = dict(files or {})
    resources |= _find_files(cfg_bytes, Path(cfg_file).parent if cfg_file else None, resources)
    labels = _names(data, names)

    def build(text: bytes, parameters: bytes | _mmap.mmap | None) -> Network:
        return Network(
            text,
            parameters,
            device=device,
            precision=precision,
            outputs=outputs,
            batch=batch,
            dialect=dialect,
            prepare=prepare,
            files=resources,
            isa=isa,
            strict=strict,
            cfg_file=cfg_file,
            weights_file=weights_file,
        )

    if classes is None:
        net = build(cfg_bytes, weights_bytes)
    else:
        net = build(with_classes(cfg_bytes, classes, file=cfg_file), None)
        if weights_bytes is not None:
            original = Weights.load(weights_bytes, cfg_bytes, dialect=dialect, files=resources, strict=strict)
            _copy_fitting(original, net.weights)
    if labels is not None:
        net.names = labels
    return net


def _read(source: Source) -> tuple[bytes, str]:
    """Bytes of a source and the name that messages give it ("" where it has none)."""
    if isinstance(source, (str, os.PathLike)):
        return Path(source).read_bytes(), os.fspath(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), ""
    if not hasattr(source, "read"):
        raise TypeError(f"expected a path, bytes or an open binary file, not {type(source).__name__}")
    content = source.read()
    if not isinstance(content, bytes):
        raise TypeError("the file is open for text: open it with mode 'rb'")
    name = getattr(source, "name", "")
    return content, name if isinstance(name, str) else ""


def _read_weights(source: Source, mapped: bool) -> tuple[bytes | _mmap.mmap, str]:
    if not mapped:
        return _read(source)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"mmap=True needs the path of a weights file, not {type(source).__name__}")
    with Path(source).open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:  # cannot be mapped; the engine says what is wrong with it
            return b"", os.fspath(source)
        return _mmap.mmap(file.fileno(), 0, access=_mmap.ACCESS_READ), os.fspath(source)


def _find_files(cfg: bytes, folder: Path | None, given: Mapping[str, bytes]) -> dict[str, bytes]:
    found = {}
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
            raise FileNotFoundError(2, f"the cfg says {key}={name}: hand it in with files={{{name!r}: bytes}}", written)
    return found


def _names(
    data: str | os.PathLike[str] | DataFile | None, names: str | os.PathLike[str] | Sequence[str] | None
) -> list[str] | None:
    if isinstance(names, (str, os.PathLike)):
        return read_names(names)
    if names is not None:
        return [str(name) for name in names]
    if data is None:
        return None
    options = data if isinstance(data, DataFile) else DataFile.read(data)
    return read_names(options.file("names")) if "names" in options else None


def _copy_fitting(source: Weights, target: Weights) -> None:
    """Copy every parameter whose layer and shape are the same in both."""
    for key, values in source.items():
        into = target.get(key)
        if into is not None and into.shape == values.shape:
            into[...] = values
