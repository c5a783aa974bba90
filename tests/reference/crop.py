"""[crop]: the middle of the image, outside of training."""

from .types import Array


def crop(x: Array, height: int, width: int, adjust: bool) -> Array:
    """y = 2 · middle − 1, or the middle as it is; of an odd rest one cell more is lost at the end."""
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    middle = x[:, :, top : top + height, left : left + width]
    return 2 * middle - 1 if adjust else middle
