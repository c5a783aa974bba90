"""An empty figure of matplotlib, which is an extra: where everything that plots begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of so many inches, whose parts keep out of each other's way.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plot() needs the package matplotlib: pip install 'pydn[plot]'", name="matplotlib") from error
    return Figure(figsize=(width, height), layout="constrained")
