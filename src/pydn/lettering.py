"""Text as masks to paint through: OpenCV's letters, which are ASCII, and with Pillow those of a font."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.uint8]
"""(height, width): 255 where there is ink."""

_HERSHEY = cv2.FONT_HERSHEY_SIMPLEX
_CAPITALS = 21
"""Height of OpenCV's capitals at scale 1, in pixels."""
_ASCII = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l",
     "Ł": "L", "þ": "th", "Þ": "Th", "ð": "d", "ı": "i", "…": "...", "–": "-", "—": "-", "’": "'", "‘": "'",
     "“": '"', "”": '"'}
)  # fmt: skip
_FOLDERS = {
    "linux": ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": (r"C:\Windows\Fonts",),
}
_FAMILIES = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "segoeui.ttf",
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc", "PingFang.ttc",
    "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc", "msyh.ttc", "msgothic.ttc", "malgun.ttf",
    "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "Arial Unicode.ttf", "unifont.ttf", "unifont.otf",
)  # fmt: skip
"""What is looked for, the best looking first; the later ones have the letters of more languages."""


def lettering(text: str, height: int, *, plain: str | None = None, font: str | os.PathLike[str] | None = None) -> Mask:
    """Write a line of text.

    Parameters
    ----------
    text
        One line.
    height
        Of its capitals, in pixels.
    plain
        The same in ASCII, for want of a font; None: what `to_ascii` makes of it.
    font
        A font file, for Pillow; None: OpenCV's letters, and for text beyond ASCII a font of this machine.

    Returns
    -------
    numpy.ndarray
        (height, width) uint8, with the same height for every text of one kind of letters.

    Raises
    ------
    ImportError
        If a font is named and Pillow is not installed.
    """
    plain = to_ascii(text) if plain is None else plain
    if font is not None or not text.isascii():
        face = _face(text, height, font)
        if face is not None:
            return _pillow(text, face)
    return _opencv(plain, height)


def to_ascii(text: str, fallback: str = "?") -> str:
    """Write text without accents; `fallback` where more than half of its letters have no form in ASCII.

    Examples
    --------
    >>> to_ascii("Müllwägen"), to_ascii("Straße"), to_ascii("猫", "class 3")
    ('Mullwagen', 'Strasse', 'class 3')
    """
    bare = unicodedata.normalize("NFKD", text.translate(_ASCII))
    bare = "".join(character for character in bare if not unicodedata.combining(character))
    known = "".join(character if " " <= character <= "~" else "?" for character in bare)
    lost = known.count("?") - bare.count("?")
    return fallback if 2 * lost > len(known) else known


def _opencv(text: str, height: int) -> Mask:
    scale = height / _CAPITALS
    thickness = max(1, round(height / 12))
    (width, ascent), descent = cv2.getTextSize(text, _HERSHEY, scale, thickness)
    mask = np.zeros((ascent + descent, width), np.uint8)
    cv2.putText(mask, text, (0, ascent), _HERSHEY, scale, 255, thickness, cv2.LINE_AA)
    return mask


def _pillow(text: str, face: Any) -> Mask:
    from PIL import Image, ImageDraw

    ascent, descent = face.getmetrics()
    left, _, right, _ = face.getbbox(text)
    image = Image.new("L", (max(1, right - min(0, left)), ascent + descent))
    ImageDraw.Draw(image).text((-min(0, left), 0), text, fill=255, font=face)
    return np.array(image, dtype=np.uint8)


def _face(text: str, height: int, font: str | os.PathLike[str] | None) -> Any | None:
    """Return a font that has the letters of a text; None where there is none, or no Pillow."""
    size = max(1, round(height / 0.73))  # capitals take so much of the size of common fonts
    if font is not None:
        return _opened(os.fspath(font), size)
    try:
        import PIL.ImageFont  # noqa: F401
    except ImportError:
        return None
    for path in _fonts():
        try:
            face = _opened(path, size)
        except OSError:  # no font after all
            continue
        if _has_letters(face, text):
            return face
    return None


@lru_cache(maxsize=32)
def _opened(path: str, size: int) -> Any:
    try:
        from PIL import ImageFont
    except ImportError:
        raise ImportError("a font needs the package Pillow: pip install 'pydn[plot]'", name="PIL") from None
    return ImageFont.truetype(path, size)


def _has_letters(face: Any, text: str) -> bool:
    """Whether no letter looks like the box that stands for a missing one."""
    missing = _shape(face, "\U0010ffff")
    return not any(_shape(face, character) == missing for character in set(text) if not character.isspace())


def _shape(face: Any, character: str) -> tuple[Any, bytes]:
    mask = face.getmask(character)
    return mask.size, bytes(mask)


@lru_cache(maxsize=1)
def _fonts() -> tuple[str, ...]:
    """Fonts of this machine, the preferred ones first."""
    files: dict[str, str] = {}
    for folder in _font_folders():
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in (".ttf", ".ttc", ".otf"):
                files.setdefault(path.name.lower(), str(path))
    first = [files.pop(name.lower()) for name in _FAMILIES if name.lower() in files]
    return (*first, *files.values())


def _font_folders() -> Iterator[Path]:
    for folder in _FOLDERS.get(sys.platform, _FOLDERS["linux"]):
        yield Path(folder).expanduser()
    matplotlib = sys.modules.get("matplotlib")  # brings DejaVu along
    if matplotlib is not None:
        yield Path(matplotlib.get_data_path()) / "fonts" / "ttf"
