"""Images into a network's input, the way darknet does it, and the overlap of boxes.

A uint8 image is (height, width) or (height, width, channels); a float image is (channels, height, width), RGB, 0..1.
`out`, where there is one, is a contiguous float32 array to write to, such as one image of `Network.input`.
"""
import numpy as np

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t

from pydn._core cimport libdarknet as c
from pydn._core.errors cimport check
from pydn._core.libdarknet cimport dn_error, dn_pixels, dn_pool, dn_status
from pydn._core.plan cimport choose
from pydn._core.threads cimport default_pool
from pydn._core.view cimport Floats, overlap, read_floats, write_floats

cdef dict _IOU = {"iou": c.DN_IOU, "giou": c.DN_GIOU, "diou": c.DN_DIOU, "ciou": c.DN_CIOU}

cdef enum Fit:
    PLANAR
    RESIZE
    LETTERBOX


# A uint8 image held for one call.
@cython.final
cdef class Pixels:
    cdef Py_buffer buffer
    cdef bint held
    cdef dn_pixels pixels

    def __cinit__(self, image, bint bgr):
        if isinstance(image, np.ndarray) and (image.strides[-1] != 1 or image.ndim == 3 and image.strides[1] != image.shape[2]):
            image = np.ascontiguousarray(image)
        try:
            PyObject_GetBuffer(image, &self.buffer, PyBUF_STRIDES | PyBUF_FORMAT)
        except TypeError:
            raise TypeError(f"a uint8 image was expected, not {type(image).__name__}") from None
        self.held = True
        if self.buffer.format[0] != c'B' or self.buffer.itemsize != 1:
            raise TypeError(f"a uint8 image was expected, not {getattr(image, 'dtype', self.buffer.format.decode())}")
        if self.buffer.ndim not in (2, 3) or 0 in image.shape:
            raise ValueError(f"an image is (height, width) or (height, width, channels); {image.shape} was given")
        self.pixels.data = <const uint8_t *>self.buffer.buf
        self.pixels.height, self.pixels.width = self.buffer.shape[0], self.buffer.shape[1]
        self.pixels.channels = self.buffer.shape[2] if self.buffer.ndim == 3 else 1
        self.pixels.row_bytes = self.buffer.strides[0]
        # Grey has nothing to swap.
        self.pixels.swap_red_blue = bgr and self.pixels.channels >= 3

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.buffer)


cdef object room(object out, tuple shape):
    if out is None:
        return np.empty(shape, np.float32)
    if not hasattr(out, "shape") or tuple(out.shape) != shape:
        raise ValueError(f"out: an array of {shape} was expected, not {getattr(out, 'shape', type(out).__name__)}")
    return out


cdef object fitted(Fit fit, object image, object width, object height, object channels, bint bgr, object out):
    cdef Pixels source = Pixels(image, bgr)
    cdef int planes = source.pixels.channels if channels is None else channels
    cdef int columns = source.pixels.width if width is None else width
    cdef int rows = source.pixels.height if height is None else height
    cdef Floats floats
    cdef dn_pool *pool = default_pool()
    cdef dn_error err
    cdef dn_status status
    if planes < 1 or columns < 1 or rows < 1:
        raise ValueError(f"{planes} channels of {columns}x{rows}: each must be at least 1")
    out = room(out, (planes, rows, columns))
    floats = write_floats(out, "out")
    with nogil:
        if fit == RESIZE:
            status = c.dn_image_resize(floats.data, planes, columns, rows, &source.pixels, pool, &err)
        elif fit == LETTERBOX:
            status = c.dn_image_letterbox(floats.data, planes, columns, rows, &source.pixels, pool, &err)
        else:
            status = c.dn_image_planar(floats.data, planes, &source.pixels, &err)
    floats.release()
    check(status, &err, "")
    return out


def planar(image, channels=None, bint bgr=False, out=None):
    """A uint8 image as floats of the same size.

    Parameters
    ----------
    image : (height, width) or (height, width, channels) uint8
        Rows may have any distance.
    channels : int, optional
        3 for a grey image repeats it; None: those of the image.
    bgr : bool
        The image is in BGR order.
    out : (channels, height, width) float32, optional

    Returns
    -------
    (channels, height, width) float32
        `out`, or a new array.
    """
    return fitted(PLANAR, image, None, None, channels, bgr, out)


def resize(image, width, height, channels=None, bint bgr=False, out=None):
    """A uint8 image stretched to another size, bilinear as darknet does it, as floats; see `planar`."""
    return fitted(RESIZE, image, width, height, channels, bgr, out)


def letterbox(image, width, height, channels=None, bint bgr=False, out=None):
    """A uint8 image scaled with its aspect kept, the rest filled with 0.5, as floats; see `planar`."""
    return fitted(LETTERBOX, image, width, height, channels, bgr, out)


cdef Floats three_axes(object image, bint to_write):
    cdef Floats floats = write_floats(image, "image") if to_write else read_floats(image, "image")
    if len(floats.shape) != 3 or floats.count == 0 or max(floats.shape) > 0x7FFFFFFF:
        raise ValueError(f"a float image is (channels, height, width); {floats.shape} was given")
    return floats


cdef object moved(bint crop, object image, int dx, int dy, int width, int height, object out):
    cdef Floats source = three_axes(image, False)
    cdef Floats target
    cdef int channels = source.shape[0], rows = source.shape[1], columns = source.shape[2]
    cdef dn_error err
    cdef dn_status status
    if width < 1 or height < 1:
        raise ValueError(f"{width}x{height}: each must be at least 1")
    out = room(out, (channels, height, width))
    target = write_floats(out, "out")
    if overlap(source, target):
        raise ValueError("out and image must not share memory")
    with nogil:
        if crop:
            status = c.dn_planar_crop(target.data, width, height, dx, dy, source.data, columns, rows, channels, &err)
        else:
            status = c.dn_planar_resize(target.data, width, height, source.data, columns, rows, channels, &err)
    source.release()
    target.release()
    check(status, &err, "")
    return out


def planar_resize(image, int width, int height, out=None):
    """A float image stretched to another size, bilinear as darknet does it."""
    return moved(False, image, 0, 0, width, height, out)


def planar_crop(image, int dx, int dy, int width, int height, out=None):
    """The part of a float image whose top left corner is at column dx, row dy; outside, the nearest border pixel."""
    return moved(True, image, dx, dy, width, height, out)


def planar_flip(image):
    """Mirror a float image left to right, in place."""
    cdef Floats floats = three_axes(image, True)
    cdef int channels = floats.shape[0], rows = floats.shape[1], columns = floats.shape[2]
    with nogil:
        c.dn_planar_flip(floats.data, columns, rows, channels)
    floats.release()
    return image


def planar_distort(image, float hue, float saturation, float exposure):
    """Add to the hue and multiply saturation and value of a float image of three channels, in place."""
    cdef Floats floats = three_axes(image, True)
    cdef int rows = floats.shape[1], columns = floats.shape[2]
    if floats.shape[0] != 3:
        raise ValueError(f"three channels were expected, not {floats.shape[0]}")
    with nogil:
        c.dn_planar_distort(floats.data, columns, rows, hue, saturation, exposure)
    floats.release()
    return image


def box_iou(a, b, kind="iou"):
    """Overlap of boxes, pair by pair.

    Parameters
    ----------
    a, b : (n, 4) float32
        Centre x, centre y, width, height.
    kind : {"iou", "giou", "diou", "ciou"}

    Returns
    -------
    (n,) float32
    """
    cdef c.dn_iou_kind which = <c.dn_iou_kind>choose(_IOU, kind, "kind")
    cdef Floats first = read_floats(a, "a")
    cdef Floats second = read_floats(b, "b")
    if len(first.shape) != 2 or first.shape[1] != 4 or first.shape != second.shape:
        raise ValueError(f"two arrays of (n, 4) were expected, not {first.shape} and {second.shape}")
    out = np.empty(first.shape[0], np.float32)
    cdef Floats target = write_floats(out, "out")
    cdef size_t count = first.shape[0]
    with nogil:
        c.dn_box_iou(first.data, second.data, count, which, target.data)
    target.release()
    return out
