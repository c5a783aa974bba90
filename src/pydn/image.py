"""Images from wherever they come: paths, arrays, Pillow, encoded bytes."""

from __future__ import annotations

import os
import sys
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import DataError

Pixels: TypeAlias = NDArray[np.uint8]
"""H×W×3 (OpenCV's BGR order) or H×W uint8."""

DeepPixels: TypeAlias = NDArray[np.uint16]
"""The same with 16 bits: 65535 is what 255 is among 8 bits."""

_PNG = b"\x89PNG\r\n\x1a\n"
_DEFLATE_MOST = 1032
"""Bytes that one compressed byte of a PNG can stand for, at the most."""


class PillowImage(Protocol):
    """What is needed of ``PIL.Image.Image``."""

    @property
    def mode(self) -> str: ...

    @property
    def size(self) -> tuple[int, int]: ...

    def convert(self, mode: str, /) -> Any: ...


ImageLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | NDArray[Any] | PillowImage
"""A path, an encoded file's bytes, a uint8 or uint16 array (H×W×3 or H×W) or a Pillow image."""


def read_image(image: ImageLike, *, rgb: bool = False, any_channels: bool = False) -> Pixels | DeepPixels:
    """Bring an image into the form that `Network` works on.

    Files are decoded by OpenCV, turned upright as their EXIF data says, without transparency. Those of 16 bits a
    channel keep them.

    Parameters
    ----------
    image
        A path, the bytes of an encoded file, a uint8 or uint16 array H×W×3, H×W×1 or H×W, or a Pillow image.
    rgb
        The array is in RGB order. Files and Pillow images know their own order.
    any_channels
        Arrays H×W×C are taken as well, for networks that do not read pictures.

    Returns
    -------
    numpy.ndarray
        uint8 or uint16, H×W×3 in BGR order, or H×W. An array is returned as it is or as a view of it, without a copy.

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
    DataError
        If the file is empty, truncated or no image, or an array has another shape or type.
    """
    if isinstance(image, (str, os.PathLike)):
        with open(image, "rb") as file:  # noqa: PTH123 (a Path of "" is the working folder)
            return decode_image(file.read(), name=os.fspath(image))
    if image is None:
        raise DataError(
            "None is no image: cv2.imread gives it for a file that it cannot read; hand in the path instead"
        )
    if isinstance(image, (bytes, bytearray, memoryview)):
        return decode_image(bytes(image))
    if isinstance(image, np.ndarray):
        return _from_array(image, rgb, any_channels)
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(image, pillow.Image):
        return _from_pillow(image)
    raise DataError(
        f"an image must be a path, bytes, a uint8 or uint16 array or a Pillow image, not {type(image).__module__}."
        f"{type(image).__qualname__}: convert it with numpy.asarray(image, dtype='uint8')"
    )


def eight_bits(pixels: Pixels | DeepPixels) -> Pixels:
    """Round 16 bits a channel to 8; what has 8 is returned as it is."""
    if pixels.dtype.itemsize == 1:
        return np.asarray(pixels, dtype=np.uint8)
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def decode_image(data: bytes, name: str = "") -> Pixels | DeepPixels:
    """Decode the bytes of an image file.

    Parameters
    ----------
    data
        The whole file.
    name
        What messages call it.

    Returns
    -------
    numpy.ndarray
        uint8, or uint16 where the file has 16 bits a channel; H×W×3, BGR.

    Raises
    ------
    DataError
        If it is empty, truncated or in no format that OpenCV reads.
    """
    if not data:
        raise DataError("the image file is empty (0 bytes): write or download it again", file=name)
    if _is_truncated(data):
        raise DataError(f"the image file ends too early, after {len(data)} bytes: copy or download it again", file=name)
    if _png_bytes(data) > _DEFLATE_MOST * len(data):
        raise DataError(
            f"damaged, not an image: the PNG claims more pixels than its {len(data)} bytes can hold; copy or download "
            "it again",
            file=name,
        )
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if pixels is not None and pixels.dtype not in (np.uint8, np.uint16):
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        reason = "it has more pixels than OpenCV reads" if "MAX_IMAGE" in str(error) else error.err.strip()[:100]
        raise DataError(f"the image cannot be decoded: {reason}; scale it down or save it again", file=name) from None
    if pixels is None:
        known = data.startswith((_PNG, b"\xff\xd8"))
        raise DataError(
            f"not an image that OpenCV can read ({len(data)} bytes, starts with {data[:4].hex(' ')}): "
            + ("it is damaged, copy or download it again" if known else "convert it to JPEG or PNG"),
            file=name,
        )
    return pixels  # type: ignore[return-value]  # the stubs allow every type of number


def _png_bytes(data: bytes) -> int:
    """Bytes of the decoded rows that the header of a PNG claims, 0 where it is no PNG."""
    if not data.startswith(_PNG) or len(data) < 26:
        return 0
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    samples = {2: 3, 4: 2, 6: 4}.get(data[25], 1)
    return height * (width * samples * data[24] // 8)


def _is_truncated(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end mark; decoders fill what is missing with grey and say nothing."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        at = 8
        while at + 12 <= len(data) and data[at + 4 : at + 8] != b"IEND":  # length, name, content, checksum
            at += 12 + int.from_bytes(data[at : at + 4], "big")
        return at + 12 > len(data)
    if not data.startswith(b"\xff\xd8"):
        return False
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # fill byte
            at += 1
        elif data[at + 1] == 0xDA:  # start of scan: in what follows FF D9 can only be the end of the image
            return data.find(b"\xff\xd9", at) < 0
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at + 4 > len(data)


def _from_array(array: NDArray[Any], rgb: bool, any_channels: bool) -> Pixels | DeepPixels:
    if array.dtype not in (np.uint8, np.uint16):
        raise DataError(f"an array image must be uint8 or uint16, not {array.dtype}: {_to_integers_advice(array)}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or not (any_channels or array.ndim == 2 or array.shape[2] == 3):
        raise no_picture(array)
    if 0 in array.shape:
        raise DataError(
            f"the image has no pixels, check how it was cut: its shape is {'×'.join(map(str, array.shape))}"
        )
    return array[:, :, ::-1] if rgb and array.ndim == 3 and array.shape[2] == 3 else array


def no_picture(array: NDArray[Any]) -> DataError:
    """Return what to raise about an array of another shape than a picture's."""
    before, after = _to_shape_advice(array)
    return DataError(f"{before}an array image must be H×W×3 or H×W, not {'×'.join(map(str, array.shape))}{after}")


def _to_shape_advice(array: NDArray[Any]) -> tuple[str, str]:
    """Return what to say before and after the shape."""
    if array.ndim == 3 and array.shape[0] == 3:
        return "put the channels last with image.transpose(1, 2, 0): ", ""
    if array.ndim == 3 and array.shape[2] == 4:
        return "", " (drop the fourth channel: image[:, :, :3])"
    return "", " (hand several images to detect_batch or predict_batch)" if array.ndim == 4 else ""


def _to_integers_advice(array: NDArray[Any]) -> str:
    if array.dtype.kind == "f":
        return "for values 0..1 hand in (image * 255).round().astype('uint8')"
    return "scale it to 0..255 and use .astype('uint8')"


def _from_pillow(image: PillowImage) -> Pixels | DeepPixels:
    if 0 in image.size:
        raise DataError(f"the image has no pixels, check how it was cut: its size is {image.size[0]}×{image.size[1]}")
    try:
        return _pillow_pixels(image)
    except OSError as error:  # its file is read only now
        raise DataError(
            f"the image cannot be decoded: {error}; copy or download it again", file=getattr(image, "filename", "")
        ) from None


def _pillow_pixels(image: PillowImage) -> Pixels | DeepPixels:
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)  # in the byte order of this machine
    if image.mode in ("I", "F"):
        raise DataError(
            f"a Pillow image of mode {image.mode} has no range that is known: for 0..65535 hand in "
            "numpy.asarray(image).astype('uint16'), for 0..255 with 'uint8'"
        )
    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L"), dtype=np.uint8)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)[:, :, ::-1]
