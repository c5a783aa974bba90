"""The YOLOv4 family (2020, 2021): YOLOv4, Scaled-YOLOv4's CSP form, YOLOv4-tiny.

CSPDarknet-53 splits each of Darknet-53's stages in two halves, of which one passes the residual blocks. The neck goes
from the coarsest map to the finest and back (PANet), after spatial pyramid pooling.
"""

from __future__ import annotations

from typing import Any

from .builder import Cfg, Request, Template, coarser, finer, residual, spatial_pyramid, yolo
from .yolov3 import TINY_ANCHORS

_ANCHORS = (12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401)
_AUGMENTATION: dict[str, Any] = {"angle": 0, "saturation": 1.5, "exposure": 1.5, "hue": 0.1}
_SCHEDULE: dict[str, Any] = {
    "burn_in": 1000,
    "max_batches": 500500,
    "policy": "steps",
    "steps": (400000, 450000),
    "scales": (0.1, 0.1),
    "mosaic": 1,
}


def _csp_stage(cfg: Cfg, filters: int, count: int, *, whole: bool = False) -> int:
    """Append a stage of CSPDarknet-53; in a `whole` one, both parts have all the channels."""
    cfg.stage(f"half the size, split, residual blocks of {filters} filters: {count}")
    part = filters if whole else filters // 2
    cfg.conv(filters, 3, 2, activation="mish")
    bypass = cfg.conv(part, activation="mish")
    cfg.route(-2)
    cfg.conv(part, activation="mish")
    residual(cfg, filters // 2, part, count, "mish")
    cfg.conv(part, activation="mish")
    cfg.route(-1, bypass)
    return cfg.conv(filters, activation="mish")


def _yolov4_head(cfg: Cfg, request: Request, scale: int, **options: Any) -> None:
    """Append the head of the finest map (`scale` 0), the middle one (1) or the coarsest (2)."""
    cfg.conv(256 << scale, 3)
    yolo(
        cfg,
        request,
        (3 * scale, 3 * scale + 1, 3 * scale + 2),
        jitter=0.3,
        scale_x_y=(1.2, 1.1, 1.05)[scale],
        iou_thresh=0.213,
        cls_normalizer=1,
        iou_normalizer=0.07,
        iou_loss="ciou",
        nms_kind="greedynms",
        beta_nms=0.6,
        max_delta=5,
        **options,
    )


def _five(cfg: Cfg, filters: int) -> int:
    """Append five convolutions, 1×1 with `filters` and 3×3 with twice as many in turn."""
    return cfg.convs(*((filters, 1), (2 * filters, 3)) * 2, (filters, 1))


def _yolov4(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=64,
        subdivisions=8,
        momentum=0.949,
        decay=0.0005,
        **_AUGMENTATION,
        learning_rate=0.0013,
        **_SCHEDULE,
    )
    cfg.stage("stem")
    cfg.conv(32, 3, activation="mish")
    _csp_stage(cfg, 64, 1, whole=True)
    _csp_stage(cfg, 128, 2)
    fine = _csp_stage(cfg, 256, 8)
    middle = _csp_stage(cfg, 512, 8)
    _csp_stage(cfg, 1024, 4)
    cfg.stage("neck: spatial pyramid")
    cfg.convs((512, 1), (1024, 3), (512, 1))
    spatial_pyramid(cfg)
    coarse = cfg.convs((512, 1), (1024, 3), (512, 1))
    cfg.stage("neck: to the middle and the finest map")
    finer(cfg, 256, middle)
    middle = _five(cfg, 256)
    finer(cfg, 128, fine)
    _five(cfg, 128)
    cfg.stage("head of small objects")
    _yolov4_head(cfg, request, 0)
    cfg.stage("back to the middle map, head of middle objects")
    cfg.route(-4)
    coarser(cfg, 256, middle)
    _five(cfg, 256)
    _yolov4_head(cfg, request, 1)
    cfg.stage("back to the coarsest map, head of large objects")
    cfg.route(-4)
    coarser(cfg, 512, coarse)
    _five(cfg, 512)
    _yolov4_head(cfg, request, 2, random=1)
    return cfg


def _csp_neck(cfg: Cfg, filters: int) -> int:
    """Append two pairs of convolutions that half of the channels pass by."""
    cfg.conv(filters, activation="mish")
    bypass = cfg.conv(filters, activation="mish")
    cfg.route(-2)
    cfg.convs(*((filters, 1), (filters, 3)) * 2, activation="mish")
    cfg.route(-1, bypass)
    return cfg.conv(filters, activation="mish")


def _csp_pyramid(cfg: Cfg) -> int:
    """Append spatial pyramid pooling that half of the channels pass by."""
    bypass = cfg.conv(512, activation="mish")
    cfg.route(-2)
    cfg.convs((512, 1), (512, 3), (512, 1), activation="mish")
    spatial_pyramid(cfg)
    cfg.convs((512, 1), (512, 3), activation="mish")
    cfg.route(-1, bypass)
    return cfg.conv(512, activation="mish")


def _csp_head(cfg: Cfg, request: Request, scale: int) -> None:
    cfg.conv(256 << scale, 3, activation="mish")
    yolo(
        cfg,
        request,
        (3 * scale, 3 * scale + 1, 3 * scale + 2),
        activation="logistic",
        new_coords=1,
        jitter=0.1,
        resize=1.5,
        scale_x_y=2,
        objectness_smooth=min(scale, 1),
        iou_thresh=0.2,
        iou_normalizer=0.05,
        cls_normalizer=0.5,
        obj_normalizer=(4, 1, 0.4)[scale],
        iou_loss="ciou",
        nms_kind="diounms",
        beta_nms=0.6,
        max_delta=2 if scale == 2 else 5,
    )


def _yolov4_csp(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=64,
        subdivisions=8,
        letter_box=1,
        momentum=0.949,
        decay=0.0005,
        ema_alpha=0.9998,
        **_AUGMENTATION,
        learning_rate=0.001,
        **_SCHEDULE,
    )
    cfg.stage("stem")
    cfg.conv(32, 3, activation="mish")
    cfg.conv(64, 3, 2, activation="mish")
    residual(cfg, 32, 64, 1, "mish")
    _csp_stage(cfg, 128, 2)
    fine = _csp_stage(cfg, 256, 8)
    middle = _csp_stage(cfg, 512, 8)
    _csp_stage(cfg, 1024, 4)
    cfg.stage("neck: spatial pyramid")
    coarse = _csp_pyramid(cfg)
    cfg.stage("neck: to the middle and the finest map")
    finer(cfg, 256, middle, "mish")
    middle = _csp_neck(cfg, 256)
    finer(cfg, 128, fine, "mish")
    _csp_neck(cfg, 128)
    cfg.stage("head of small objects")
    _csp_head(cfg, request, 0)
    for scale, name, source in ((1, "middle", middle), (2, "large", coarse)):
        cfg.stage(f"head of {name} objects")
        filters = 128 << scale
        cfg.route(-4)
        coarser(cfg, filters, source, "mish")
        _csp_neck(cfg, filters)
        _csp_head(cfg, request, scale)
    return cfg


def _tiny_head(cfg: Cfg, request: Request, mask: tuple[int, int, int]) -> None:
    yolo(
        cfg,
        request,
        mask,
        jitter=0.3,
        resize=1.5,
        scale_x_y=1.05,
        cls_normalizer=1,
        iou_normalizer=0.07,
        iou_loss="ciou",
        random=0,
        nms_kind="greedynms",
        beta_nms=0.6,
    )


def _tiny_stage(cfg: Cfg, filters: int) -> int:
    """Append a stage of which half of the channels pass two convolutions, and a pooling.

    Returns
    -------
    int
        Number of the layer with the stage's `filters` channels.
    """
    cfg.stage(f"split, {filters} filters, half the size")
    whole = cfg.conv(filters, 3)
    cfg.layer("route", layers=-1, groups=2, group_id=1)
    cfg.convs((filters // 2, 3), (filters // 2, 3))
    cfg.route(-1, -2)
    mixed = cfg.conv(filters)
    cfg.route(whole, -1)
    cfg.maxpool()
    return mixed


def _yolov4_tiny(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=64,
        subdivisions=1,
        momentum=0.9,
        decay=0.0005,
        **_AUGMENTATION,
        learning_rate=0.00261,
        burn_in=1000,
        max_batches=2000200,
        policy="steps",
        steps=(1600000, 1800000),
        scales=(0.1, 0.1),
    )
    cfg.stage("stem")
    cfg.conv(32, 3, 2)
    cfg.conv(64, 3, 2)
    fine = [_tiny_stage(cfg, filters) for filters in (64, 128, 256)][-1]
    cfg.stage("head of large objects")
    cfg.convs((512, 3), (256, 1), (512, 3))
    _tiny_head(cfg, request, (3, 4, 5))
    cfg.stage("head of small objects")
    cfg.route(-4)
    cfg.conv(128)
    cfg.upsample()
    cfg.route(-1, fine)
    cfg.conv(256, 3)
    _tiny_head(cfg, request, (1, 2, 3))
    return cfg


TEMPLATES = {
    "yolov4": Template("YOLOv4", _yolov4, (608, 608), 80, _ANCHORS, 32),
    "yolov4-csp": Template("Scaled-YOLOv4, CSP", _yolov4_csp, (512, 512), 80, _ANCHORS, 32),
    "yolov4-tiny": Template("YOLOv4-tiny", _yolov4_tiny, (416, 416), 80, TINY_ANCHORS, 32),
}
