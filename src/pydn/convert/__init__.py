"""Labels of other programs to darknet's, and back."""

from .coco import coco, to_coco
from .flickr import flickr27
from .voc import to_voc, voc
from .writing import Conversion

__all__ = ["Conversion", "coco", "flickr27", "to_coco", "to_voc", "voc"]
