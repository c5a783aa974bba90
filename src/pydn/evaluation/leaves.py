"""Which classes of a tree count as answers: ``leaves=`` of a .data file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..datafile import DataFile
from ..errors import DataError
from ..names import read_names

if TYPE_CHECKING:
    from ..network import Network


def listed_leaves(net: Network, data: DataFile | None) -> NDArray[np.bool_] | None:
    """Return for every class whether it is in the list ``leaves=``.

    Parameters
    ----------
    net
        A classifier. The names of its tree's classes are read again from the file that the cfg names in ``tree=``,
        which is looked up as the lists of the .data file are.
    data
        The .data file.

    Returns
    -------
    numpy.ndarray or None
        (classes,) bool; None where the network has no tree or the .data file no such list.

    Raises
    ------
    FileNotFoundError
        If one of the files is missing.
    DataError
        If none of the list's names is in the tree.
    """
    parents = net.class_parents
    if data is None or parents is None or "leaves" not in data:
        return None
    listed = set(read_names(data.file("leaves")))
    names = _tree_names(net, data)[: len(parents)]
    found = np.zeros(len(parents), np.bool_)
    found[: len(names)] = [name in listed for name in names]
    if not found.any():
        raise DataError(
            f"none of its {len(listed)} names is in the tree of the cfg, whose first is {names[0]!r}: write the names "
            "as the tree has them",
            file=str(data.file("leaves")),
        )
    return found


def _tree_names(net: Network, data: DataFile) -> list[str]:
    written = net.layers[net.head_layers[-1]].options["tree"]
    folder = Path() if data.path is None else data.path.parent
    place = next(
        (place for place in (Path(written), folder / written, folder.parent / written) if place.is_file()), None
    )
    if place is None:
        raise FileNotFoundError(
            2, f"tree={written} of the cfg is needed for leaves=: put it beside the .data file", written
        )
    return [line.split()[0] for line in read_names(place) if line.split()]
