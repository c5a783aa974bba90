"""YOLOv7-tiny (2022): every stage is an ELAN block, which keeps the outputs of all its convolutions."""

from __future__ import annotations

from .builder import Cfg, Request, Template, coarser, finer, spatial_pyramid, yolo
from .yolov3 import ANCHORS


def _elan(cfg: Cfg, filters: int, out: int) -> int:
    """Append two 1×1 and two 3×3 convolutions, all four outputs joined and mixed into `out` channels."""
    cfg.conv(filters)
    cfg.route(-2)
    cfg.convs((filters, 1), (filters, 3), (filters, 3))
    cfg.route(-5, -3, -2, -1)
    return cfg.conv(out)


def _pyramid(cfg: Cfg, filters: int) -> int:
    """Append spatial pyramid pooling that half of the channels pass by."""
    bypass = cfg.conv(filters)
    cfg.route(-2)
    cfg.conv(filters)
    spatial_pyramid(cfg)
    cfg.conv(filters)
    cfg.route(bypass, -1)
    return cfg.conv(filters)


def _head(cfg: Cfg, request: Request, scale: int) -> None:
    yolo(
        cfg,
        request,
        (3 * scale, 3 * scale + 1, 3 * scale + 2),
        activation="logistic",
        new_coords=1,
        jitter=0.1,
        resize=1.5,
        scale_x_y=2,
        objectness_smooth=1,
        iou_thresh=0.2,
        iou_normalizer=0.05,
        cls_normalizer=0.5,
        obj_normalizer=1,
        iou_loss="ciou",
        nms_kind="diounms",
        beta_nms=0.6,
        max_delta=2,
    )


def _yolov7_tiny(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=64,
        subdivisions=1,
        momentum=0.9,
        decay=0.0005,
        angle=0,
        saturation=1.5,
        exposure=1.5,
        hue=0.1,
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
    ends = []
    for filters in (32, 64, 128, 256):
        cfg.stage(f"ELAN block of {filters} filters")
        ends.append(_elan(cfg, filters, 2 * filters))
        if filters < 256:
            cfg.maxpool()
    cfg.stage("neck: spatial pyramid")
    coarse = _pyramid(cfg, 256)
    cfg.stage("neck: to the middle and the finest map")
    finer(cfg, 128, ends[2])
    middle = _elan(cfg, 64, 128)
    finer(cfg, 64, ends[1])
    maps = [_elan(cfg, 32, 64)]
    cfg.stage("neck: back to the middle and the coarsest map")
    coarser(cfg, 128, middle)
    maps.append(_elan(cfg, 64, 128))
    coarser(cfg, 256, coarse)
    maps.append(_elan(cfg, 128, 256))
    for scale, name in enumerate(("small", "middle", "large")):
        cfg.stage(f"head of {name} objects")
        cfg.route(maps[scale])
        cfg.conv(128 << scale, 3)
        _head(cfg, request, scale)
    return cfg


TEMPLATES = {"yolov7-tiny": Template("YOLOv7-tiny", _yolov7_tiny, (416, 416), 80, ANCHORS, 32)}
