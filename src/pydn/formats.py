"""Results in the forms that other programs read."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .files import write_whole

if TYPE_CHECKING:
    import supervision

    from .detection import Detection
    from .detections import Detections
    from .image import ImageLike, Pixels

COCO_CATEGORY_IDS: tuple[int, ...] = tuple(
    number for number in range(1, 91) if number not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
)
"""COCO's own numbers of the 80 classes of ``coco.names``; ten of its 90 were never used."""


def to_json(detections: Detections, frame_id: int = 1, filename: str | None = None) -> str:
    """One object of darknet's ``-out`` file, as valid JSON.

    Parameters
    ----------
    detections
        The rows.
    frame_id
        Number of the image, from 1.
    filename
        Path of the image; left out where it is None.

    Returns
    -------
    str
        ``{"frame_id": 1, "filename": …, "objects": [{"class_id", "name", "relative_coordinates", "confidence"}]}``;
        a number that is none is null.
    """
    rows = [_json_row(d, box) for d, box in zip(detections, detections.xywh.tolist(), strict=True)]
    head = f'{{\n "frame_id":{frame_id}, \n'
    if filename is not None:
        head += f' "filename":{json_text(filename)}, \n'
    return head + ' "objects": [ \n' + ", \n".join(rows) + "\n ] \n}"


def _json_row(detection: Detection, box: list[float]) -> str:
    x, y, width, height = (_json_number(value) for value in box)
    return (
        f'  {{"class_id":{detection.class_id}, "name":{json_text(detection.label)}, '
        f'"relative_coordinates":{{"center_x":{x}, "center_y":{y}, "width":{width}, "height":{height}}}, '
        f'"confidence":{_json_number(detection.confidence)}}}'
    )


def _json_number(value: float) -> str:
    return f"{value:f}" if math.isfinite(value) else "null"


def json_text(text: str) -> str:
    """Quote a string for JSON; bytes of a path that are no text (lone surrogates) are escaped."""
    return json.dumps(text, ensure_ascii=any("\ud800" <= character <= "\udfff" for character in text))


def to_darkflow(detections: Detections) -> list[dict[str, Any]]:
    """Rows as darkflow's ``--json`` writes them.

    Returns
    -------
    list of dict
        ``{"label", "confidence", "topleft": {"x", "y"}, "bottomright": {"x", "y"}}``: whole pixels inside the image,
        two decimals, a box with its best class only, in order of the classes.
    """
    rows = []
    right_most, bottom_most = (side - 1 for side in known_size(detections))
    found = detections[best_of_each_box(detections)]
    for detection in found[np.argsort(found.class_id, kind="stable")]:
        left, top, right, bottom = np.nan_to_num(detection.xyxy, nan=0.0).tolist()
        rows.append(
            {
                "label": detection.label,
                "confidence": float(f"{detection.confidence:.2f}"),
                "topleft": {"x": int(min(max(left, 0), right_most)), "y": int(min(max(top, 0), bottom_most))},
                "bottomright": {"x": int(max(min(right, right_most), 0)), "y": int(max(min(bottom, bottom_most), 0))},
            }
        )
    return rows


def to_coco(
    detections: Detections, image_id: int | str, category_ids: Sequence[int] | Mapping[int, int] | None = None
) -> list[dict[str, Any]]:
    """Results as ``pycocotools``' ``loadRes`` and COCO's server take them.

    Parameters
    ----------
    detections
        The rows.
    image_id
        The image's id in the annotations.
    category_ids
        The category's id of every class, such as `COCO_CATEGORY_IDS` for the 80 classes of ``coco.names``; None: the
        number of the class.

    Returns
    -------
    list of dict
        ``{"image_id", "category_id", "bbox": [left, top, width, height], "score"}``, in pixels, cut to the image.

    Raises
    ------
    ValueError
        If a class has no category.
    """
    rows = []
    for detection, box in zip(detections, inside(detections).tolist(), strict=True):
        left, top, right, bottom = box
        rows.append(
            {
                "image_id": image_id,
                "category_id": _category(detection, category_ids),
                "bbox": [left, top, right - left, bottom - top],
                "score": detection.confidence,
            }
        )
    return rows


def _category(detection: Detection, category_ids: Sequence[int] | Mapping[int, int] | None) -> int:
    if category_ids is None:
        return detection.class_id
    try:
        return category_ids[detection.class_id]
    except LookupError:
        raise ValueError(
            f"category_ids has {len(category_ids)} entries and none for class {detection.class_id} ({detection.label})"
        ) from None


def to_yolo(detections: Detections) -> str:
    """Lines of a label file, to look through and train on.

    Returns
    -------
    str
        ``class x y width height`` a line, relative to the image and cut to it: a box with its best class only, none
        that lies outside.
    """
    lines = []
    width, height = known_size(detections)
    best = best_of_each_box(detections)
    for detection, (left, top, right, bottom) in zip(detections[best], inside(detections[best]).tolist(), strict=True):
        if right > left and bottom > top:
            x, y = (left + right) / 2 / width, (top + bottom) / 2 / height
            lines.append(
                f"{detection.class_id} {x:.6f} {y:.6f} {(right - left) / width:.6f} {(bottom - top) / height:.6f}\n"
            )
    return "".join(lines)


def to_supervision(detections: Detections) -> supervision.Detections:
    """``supervision.Detections``, with the labels as ``data["class_name"]`` as in its own converters.

    Raises
    ------
    ImportError
        If the package is not installed.
    """
    try:
        import supervision
    except ImportError as error:
        raise ImportError(
            "to_supervision() needs the package supervision: pip install 'pydn[supervision]'", name="supervision"
        ) from error
    return supervision.Detections(
        xyxy=detections.xyxy.copy(),
        confidence=detections.confidence.copy(),
        class_id=detections.class_id.copy(),
        data={"class_name": detections.label.copy()},
    )


def to_csv(detections: Detections) -> str:
    """Return a table: a head and a line a row, in pixels."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["class_id", "label", "confidence", "objectness", "left", "top", "right", "bottom"])
    for d in detections:
        numbers = (d.confidence, d.objectness, *d.xyxy)
        table.writerow([d.class_id, d.label, *(f"{value:.6g}" for value in numbers)])
    return text.getvalue()


def inside(detections: Detections) -> NDArray[np.float64]:
    """`xyxy` cut to the image, in double precision; a corner that is no number becomes 0."""
    corners = np.nan_to_num(detections.xyxy.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
    return np.clip(corners, 0, np.array(known_size(detections) * 2, np.float64))


def known_size(detections: Detections) -> tuple[int, int]:
    """(width, height) of the image; a `ValueError` where there are boxes and it is not known."""
    if len(detections) and 0 in detections.image_size:
        raise ValueError("the size of the image is not known: give Detections its image_size=(width, height)")
    return detections.image_size


def best_of_each_box(detections: Detections) -> NDArray[np.intp]:
    """Return the row of the best class of every box, in order: a box has a row for each of its classes."""
    best: dict[bytes, int] = {}
    for row, corners in enumerate(detections.xyxy):
        box = corners.tobytes()
        if box not in best or detections.confidence[row] > detections.confidence[best[box]]:
            best[box] = row
    return np.array(sorted(best.values()), dtype=np.intp)


def save(detections: Detections, path: str | os.PathLike[str], image: ImageLike | None = None) -> None:
    """Write a file of the kind that its suffix says: see `Detections.save`."""
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        write_text(path, f"[\n{detections.to_json()}\n]")
    elif suffix == ".txt":
        write_text(path, to_yolo(detections))
    elif suffix == ".csv":
        write_text(path, to_csv(detections))
    elif suffix and _is_picture(path):
        write_picture(path, detections.draw(image))
    else:
        raise ValueError(
            f"{os.fspath(path)}: the name must end in .json, .txt, .csv or a picture's suffix such as .jpg or .png"
        )


def _is_picture(path: str | os.PathLike[str]) -> bool:
    return bool(cv2.haveImageWriter("x" + Path(path).suffix.lower()))


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 with line feeds on every system."""
    write_whole(path, text.encode("utf-8", errors="surrogateescape"))


def write_picture(path: str | os.PathLike[str], pixels: Pixels) -> None:
    """Write a picture of the kind that its suffix says, under any name that the system allows.

    Raises
    ------
    OSError
        If the file cannot be written, or the picture does not fit into this kind of file.
    """
    try:
        _, data = cv2.imencode(Path(path).suffix.lower(), pixels)
    except cv2.error as error:
        raise OSError(f"{os.fspath(path)}: the picture cannot be written: {error.err.strip()[:100]}") from None
    write_whole(path, data.tobytes())
