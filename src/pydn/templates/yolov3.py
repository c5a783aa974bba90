"""The YOLOv3 family (2018) and EfficientNet-YOLOv3 (enet-coco).

YOLOv3: Darknet-53 and three heads on ever finer maps, each seeing the coarser one through an upsampled route.
"""

from __future__ import annotations

from typing import Any

from .builder import Cfg, Request, Template, pyramid, spatial_pyramid, yolo
from .darknets import darknet53_stages

ANCHORS = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326)
TINY_ANCHORS = (10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319)

_TRAINING: dict[str, Any] = {
    "momentum": 0.9,
    "decay": 0.0005,
    "angle": 0,
    "saturation": 1.5,
    "exposure": 1.5,
    "hue": 0.1,
    "learning_rate": 0.001,
    "burn_in": 1000,
    "max_batches": 500200,
    "policy": "steps",
    "steps": (400000, 450000),
    "scales": (0.1, 0.1),
}
_LARGE, _MIDDLE, _SMALL = (6, 7, 8), (3, 4, 5), (0, 1, 2)


def _head(cfg: Cfg, request: Request, filters: int, mask: tuple[int, int, int]) -> None:
    """Append the last convolution and the head, so that layer -4 is what a finer head looks at."""
    cfg.conv(filters, 3)
    yolo(cfg, request, mask, jitter=0.3, random=1)


def _finer(cfg: Cfg, filters: int, source: int) -> None:
    """Append doubling of what led to the last head, and the route with a layer of the backbone."""
    cfg.route(-4)
    cfg.conv(filters)
    cfg.upsample()
    cfg.route(-1, source)


def _yolov3(request: Request, *, spp: bool) -> Cfg:
    cfg = Cfg(request, batch=64, subdivisions=16, **_TRAINING)
    ends = darknet53_stages(cfg)
    cfg.stage("head of large objects")
    cfg.convs((512, 1), (1024, 3), (512, 1))
    if spp:
        spatial_pyramid(cfg)
        cfg.conv(512)
    cfg.convs((1024, 3), (512, 1))
    _head(cfg, request, 1024, _LARGE)
    for filters, name, mask in ((256, "middle", _MIDDLE), (128, "small", _SMALL)):
        cfg.stage(f"head of {name} objects")
        _finer(cfg, filters, ends[2 * filters])
        cfg.convs(*((filters, 1), (2 * filters, 3)) * 2, (filters, 1))
        _head(cfg, request, 2 * filters, mask)
    return cfg


def _yolov3_tiny(request: Request) -> Cfg:
    cfg = Cfg(request, batch=64, subdivisions=2, **_TRAINING)
    cfg.stage("backbone")
    pyramid(cfg, (16, 32, 64, 128, 256))
    fine = cfg.last
    cfg.maxpool()
    cfg.conv(512, 3)
    cfg.maxpool(2, 1)
    cfg.conv(1024, 3)
    cfg.stage("head of large objects")
    cfg.conv(256)
    _head(cfg, request, 512, (3, 4, 5))
    cfg.stage("head of small objects")
    _finer(cfg, 128, fine)
    _head(cfg, request, 256, (0, 1, 2))
    return cfg


_SQUEEZE = {32: 8, 96: 16, 144: 8, 192: 16, 384: 24, 576: 32, 960: 64}
"""Channels of a block to those of its squeeze-and-excitation."""
_ENET_STAGES = (
    # channels in the first block and in the others, kernel, first stride, channels out, blocks
    (32, 32, 3, 1, 16, 1),
    (96, 144, 3, 2, 24, 2),
    (144, 192, 5, 2, 40, 2),
    (192, 384, 3, 1, 80, 3),
    (384, 576, 5, 2, 112, 3),
    (576, 960, 5, 2, 192, 4),
    (960, 960, 3, 1, 320, 1),
)


def _mobile(cfg: Cfg, channels: int, kernel: int, stride: int, out: int) -> int:
    """Append a mobile inverted bottleneck with squeeze-and-excitation.

    Returns
    -------
    int
        Number of its first layer.
    """
    first = cfg.conv(channels, activation="swish")
    cfg.conv(channels, kernel, stride, activation="swish", groups=channels)
    cfg.layer("avgpool")
    cfg.conv(_SQUEEZE[channels], activation="swish", batch_normalize=False)
    cfg.conv(channels, activation="logistic", batch_normalize=False)
    cfg.layer("scale_channels", **{"from": -4})
    cfg.conv(out, activation="linear")
    return first


def _enet(request: Request) -> Cfg:
    cfg = Cfg(request, batch=64, subdivisions=8, **_TRAINING)
    cfg.stage("stem")
    cfg.conv(32, 3, 2, activation="swish")
    fine = 0
    for first, others, kernel, stride, out, count in _ENET_STAGES:
        cfg.stage(f"mobile bottlenecks to {out} channels: {count}")
        start = _mobile(cfg, first, kernel, stride, out)
        fine = start if out == 192 else fine
        for _ in range(count - 1):
            _mobile(cfg, others, kernel, 1, out)
            cfg.layer("dropout", probability=0)
            cfg.shortcut(-9)
    cfg.conv(1280, activation="swish")
    cfg.stage("head of large objects")
    cfg.convs((256, 1), (256, 3))
    cfg.shortcut(-2, "leaky")
    yolo(cfg, request, (3, 4, 5), jitter=0.3, random=0)
    cfg.stage("head of small objects")
    cfg.route(-4)
    cfg.conv(128)
    cfg.upsample()
    cfg.shortcut(fine, "leaky")
    cfg.conv(128, 3)
    cfg.shortcut(-3, "leaky")
    cfg.shortcut(fine, "leaky")
    yolo(cfg, request, (1, 2, 3), jitter=0.3, random=0)
    return cfg


TEMPLATES = {
    "yolov3": Template("YOLOv3", lambda r: _yolov3(r, spp=False), (416, 416), 80, ANCHORS, 32),
    "yolov3-spp": Template(
        "YOLOv3 with spatial pyramid pooling", lambda r: _yolov3(r, spp=True), (608, 608), 80, ANCHORS, 32
    ),
    "yolov3-tiny": Template("YOLOv3-tiny", _yolov3_tiny, (416, 416), 80, TINY_ANCHORS, 32),
    "enet-coco": Template("YOLOv3-tiny's heads on EfficientNet-B0", _enet, (416, 416), 80, TINY_ANCHORS, 32),
}
