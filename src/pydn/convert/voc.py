"""Pascal VOC: an XML file a picture.

Its pixels are counted from 1, and both the first and the last one belong to the box. Programs differ in what they make
of it; with xmin, xmax as written, the edges from the picture's border are

    darknet     xmin - 1, xmax - 1      darknet's voc_label.py, whose labels people train on
    inclusive   xmin - 1, xmax          the pixels as VOC means them
    corners     xmin, xmax              what labelImg and most tools write
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..errors import DataError, Error
from ..evaluation.listing import DataSource, Problem
from ..evaluation.truth import Truth, TruthSet
from ..files import write_whole
from ..preprocess import Dialect
from ..progress import progress
from ..sources import IMAGE_SUFFIXES
from .pixels import edges
from .reading import names_of, sized
from .writing import Annotated, Conversion, Object, class_names, picture_size, safe_path, write_set
from .xml_tree import read_xml

Pixels = Literal["darknet", "inclusive", "corners"]
SHIFTS: dict[str, tuple[int, int]] = {"darknet": (1, 1), "inclusive": (1, 0), "corners": (0, 0)}
"""What the file's numbers are more than the edges."""


def voc(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    names: Sequence[str] | str | os.PathLike[str] | None = None,
    train: str | os.PathLike[str] | None = None,
    valid: str | os.PathLike[str] | None = None,
    difficult: bool = False,
    pixels: Pixels = "darknet",
    dialect: Dialect = "alexeyab",
) -> Conversion:
    """Convert XML annotations to label files, lists, names and a .data file.

    Reversed edges are swapped, boxes are cut to their picture; objects without area are left out and counted.

    Parameters
    ----------
    source
        A folder of XML files, or one with ``Annotations``, ``JPEGImages`` and perhaps ``ImageSets/Main``.
    out
        Folder for lists, names and the .data file. Labels go where darknet looks for them: beside the pictures, and
        for pictures in ``JPEGImages`` into ``labels``.
    images
        Folder of the pictures; None: ``JPEGImages``, else that of the XML files.
    names
        The classes in order, or a names file; objects of others are left out. None: those that occur, sorted.
    train, valid
        Lists of pictures (their names without suffix), as in ``ImageSets/Main``; None: the ``train.txt`` and
        ``val.txt`` there, else all pictures are for training.
    difficult
        Keep objects that are marked as difficult.
    pixels
        What the numbers mean.
    dialect
        By whose rules labels are looked up.

    Returns
    -------
    Conversion
    """
    if pixels not in SHIFTS:
        raise ValueError(f"pixels is {pixels!r}; one of {', '.join(SHIFTS)} was expected")
    root = Path(source)
    folder = root / "Annotations" if (root / "Annotations").is_dir() else root
    pictures = Path(images) if images is not None else next(iter(_folders(root, folder)))
    stems = {
        key: _stems(root, given, name) for key, given, name in (("train", train, "train"), ("valid", valid, "val"))
    }
    if not any(stems.values()):
        stems = {"train": sorted(path.stem for path in folder.glob("*.xml"))}
    if not any(stems.values()):
        raise DataError("no XML file is in this folder", file=os.fspath(folder))
    report = Conversion(Path(out))
    found = {
        key: list(_read_all(wanted, folder, pictures, difficult, SHIFTS[pixels], report))
        for key, wanted in stems.items()
        if wanted
    }
    seen = {object_.name for picked in found.values() for picture in picked for object_ in picture.objects}
    report.names = tuple(class_names(names, seen))
    return write_set(out, found, report, dialect)


def _folders(root: Path, folder: Path) -> Iterator[Path]:
    yield from (place for place in (root / "JPEGImages", root.parent / "JPEGImages") if place.is_dir())
    yield folder


def _stems(root: Path, given: str | os.PathLike[str] | None, usual: str) -> list[str]:
    path = Path(given) if given is not None else root / "ImageSets" / "Main" / f"{usual}.txt"
    if given is None and not path.is_file():
        return []
    words = (line.split() for line in path.read_text(errors="surrogateescape").splitlines())
    return [Path(line[0]).stem if line[0].lower().endswith(IMAGE_SUFFIXES) else line[0] for line in words if line]


def _read_all(
    stems: Sequence[str], folder: Path, images: Path, difficult: bool, shift: tuple[int, int], report: Conversion
) -> Iterator[Annotated]:
    for stem in progress(stems, len(stems), "annotations"):
        path = safe_path(folder, f"{stem}.xml")
        if path is None:
            report.problems.append(Problem(str(folder), 0, f"{stem!r} is not the name of a file here"))
            continue
        try:
            yield _read(path, images, difficult, shift, report)
        except (Error, OSError) as error:
            text = error.message if isinstance(error, Error) else str(error.strerror)
            line = error.line if isinstance(error, DataError) else 0
            report.problems.append(Problem(path, line, f"{text}: the picture is left out"))


def _read(path: str, images: Path, difficult: bool, shift: tuple[int, int], report: Conversion) -> Annotated:
    root = read_xml(path)
    picture = _picture(root, Path(path).stem, images)
    if picture is None:
        raise DataError(f"its picture is not in {images}", file=path)
    width, height = (_number(root.find(f"size/{key}")) for key in ("width", "height"))
    objects = []
    for element in root.iter("object"):
        if (_number(element.find("difficult")) or 0) > 0 and not difficult:
            report.left_out["difficult"] += 1
            continue
        name = (element.findtext("name") or "").strip()
        corners = [_number(element.find(f"bndbox/{key}")) for key in ("xmin", "ymin", "xmax", "ymax")]
        if not name or any(ord(character) < 32 for character in name) or None in corners:
            report.problems.append(Problem(path, 0, f"an object ({name[:40]!r}) lacks its name or box: it is left out"))
            continue
        left, top, right, bottom = (corner for corner in corners if corner is not None)
        across, down = _edges(left, right, shift), _edges(top, bottom, shift)
        objects.append(Object(name, across[0], down[0], across[1], down[1]))
    return Annotated(picture, picture_size(picture, width, height), tuple(objects), path)


def _edges(first: float, last: float, shift: tuple[int, int]) -> tuple[float, float]:
    """Edges of pixels from `first` to `last`; some files have them the wrong way round."""
    if last - shift[1] < first - shift[0]:
        first, last = last, first
    return first - shift[0], last - shift[1]


def _picture(root: Element, stem: str, images: Path) -> str | None:
    """Return the path of the picture: as the XML says, else by the XML's own name, for some say ``%s``."""
    said = Path((root.findtext("filename") or "").strip().replace("\\", "/")).name
    names = [said, *(f"{name}{suffix}" for name in (stem, said) if name for suffix in _SUFFIXES)]
    paths = (safe_path(images, name) for name in names if name)
    return next((path for path in paths if path is not None and Path(path).is_file()), None)


_SUFFIXES = tuple(suffix for lower in IMAGE_SUFFIXES for suffix in (lower, lower.upper()))


def _number(element: Element | None) -> float | None:
    try:
        value = float(element.text or "") if element is not None else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None


# ---- back


def to_voc(
    data: DataSource,
    out: str | os.PathLike[str],
    *,
    key: str = "train",
    names: Sequence[str] | str | os.PathLike[str] | None = None,
    pixels: Pixels = "darknet",
    dialect: Dialect = "alexeyab",
) -> Conversion:
    """Convert label files to an XML file for each picture.

    Numbers are whole where these give the same label again, else they have as many decimals as it takes.

    Parameters
    ----------
    data
        A .data file, a list, a folder or paths.
    out
        Folder for the XML files; it is made.
    key
        Which list of a .data file.
    names
        Of the classes, or a names file; None: the .data file's.
    pixels
        What the numbers mean.
    dialect
        By whose rules labels are looked up.

    Returns
    -------
    Conversion
    """
    if pixels not in SHIFTS:
        raise ValueError(f"pixels is {pixels!r}; one of {', '.join(SHIFTS)} was expected")
    folder, truths = Path(out), TruthSet(data, key, dialect=dialect)
    folder.mkdir(parents=True, exist_ok=True)
    report = Conversion(folder, tuple(names_of(truths, names)))
    written: dict[str, str] = {}
    for truth, (width, height, depth) in sized(truths, report):
        stem = Path(truth.path).stem
        if stem in written:
            raise DataError(
                f"two pictures would have the file {stem}.xml: the other is {written[stem]}", file=truth.path
            )
        written[stem] = truth.path
        root = _annotation(truth, (width, height, depth), report, SHIFTS[pixels])
        write_whole(folder / f"{stem}.xml", tostring(root, encoding="utf-8") + b"\n")
    report.problems += truths.problems
    return report


def _annotation(truth: Truth, size: tuple[int, int, int], report: Conversion, shift: tuple[int, int]) -> Element:
    root = Element("annotation")
    _put(root, "folder", Path(truth.path).absolute().parent.name)
    _put(root, "filename", Path(truth.path).name)
    shape = SubElement(root, "size")
    for name, value in zip(("width", "height", "depth"), size, strict=True):
        _put(shape, name, str(value))
    _put(root, "segmented", "0")
    for class_id, x, y, width, height in truth.boxes.tolist():
        element = SubElement(root, "object")
        _put(element, "name", report.names[int(class_id)])
        for tag, text in (("pose", "Unspecified"), ("truncated", "0"), ("difficult", "0")):
            _put(element, tag, text)
        left, right = edges(x, width, size[0], shift)
        top, bottom = edges(y, height, size[1], shift)
        box = SubElement(element, "bndbox")
        for tag, text in (("xmin", left), ("ymin", top), ("xmax", right), ("ymax", bottom)):
            _put(box, tag, text)
        report.boxes += 1
    indent(root)
    return root


def _put(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
