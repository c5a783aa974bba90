"""YOLOv1-tiny (2016), the YOLOv2 family (2017), and ttt5, a small detector of that family.

YOLOv2 takes Darknet-19, looks also at the finer map before its last pooling (reorg and route), and predicts boxes from
anchors that are given in cells. ttt5 pools by four twice, so that a Raspberry Pi can run it.
"""

from __future__ import annotations

from typing import Any

from .builder import Cfg, Request, Template, pyramid, region
from .darknets import darknet19_stages, ttt5_stages

_COCO_ANCHORS = (0.57273, 0.677385, 1.87446, 2.06253, 3.33843, 5.47434, 7.88282, 3.52778, 9.77052, 9.16828)
_VOC_ANCHORS = (1.3221, 1.73145, 3.19275, 4.00944, 5.05587, 8.09892, 9.47112, 4.84053, 11.2364, 10.0071)
_TINY_VOC_ANCHORS = (1.08, 1.19, 3.42, 4.41, 6.63, 11.38, 9.42, 5.11, 16.62, 10.52)

_AUGMENTATION: dict[str, Any] = {"angle": 0, "saturation": 1.5, "exposure": 1.5, "hue": 0.1}
_OPTIMIZER: dict[str, Any] = {"momentum": 0.9, "decay": 0.0005}
_COCO: dict[str, Any] = {
    **_OPTIMIZER,
    **_AUGMENTATION,
    "learning_rate": 0.001,
    "burn_in": 1000,
    "max_batches": 500200,
    "policy": "steps",
    "steps": (400000, 450000),
    "scales": (0.1, 0.1),
}
_VOC = _COCO | {"max_batches": 80200, "steps": (40000, 60000)}
_TINY_VOC: dict[str, Any] = {
    **_OPTIMIZER,
    **_AUGMENTATION,
    "learning_rate": 0.001,
    "max_batches": 40200,
    "policy": "steps",
    "steps": (-1, 100, 20000, 30000),
    "scales": (0.1, 10, 0.1, 0.1),
}


def _yolov1_tiny(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=64,
        subdivisions=2,
        **_OPTIMIZER,
        saturation=0.75,
        exposure=0.75,
        hue=0.1,
        learning_rate=0.0005,
        policy="steps",
        steps=(200, 400, 600, 800, 20000, 30000),
        scales=(2.5, 2, 2, 2, 0.1, 0.1),
        max_batches=40000,
    )
    side, boxes, coords = 7, 2, 4
    cfg.stage("backbone")
    pyramid(cfg, (16, 32, 64, 128, 256, 512), pool_last=True)
    cfg.convs((1024, 3), (256, 3))
    cfg.stage(f"{side} x {side} cells, each predicts {boxes} boxes and one class")
    cfg.connected(side * side * (boxes * (1 + coords) + request.classes), "linear")
    cfg.layer(
        "detection",
        classes=request.classes,
        coords=coords,
        rescore=1,
        side=side,
        num=boxes,
        softmax=0,
        sqrt=1,
        jitter=0.2,
        object_scale=1,
        noobject_scale=0.5,
        class_scale=1,
        coord_scale=5,
    )
    return cfg


def _yolov2(request: Request, training: dict[str, Any]) -> Cfg:
    cfg = Cfg(request, batch=64, subdivisions=8, **training)
    darknet19_stages(cfg)
    fine = cfg.last - 6  # the last layer before the last pooling
    cfg.stage("neck: the finer map, four pixels into one, joins")
    cfg.convs((1024, 3), (1024, 3))
    coarse = cfg.last
    cfg.route(fine)
    cfg.conv(64)
    cfg.layer("reorg", stride=2)
    cfg.route(-1, coarse)
    cfg.conv(1024, 3)
    cfg.stage("head")
    region(cfg, request, jitter=0.3, rescore=1)
    return cfg


def _yolov2_tiny(request: Request, training: dict[str, Any], last: int, rescore: int) -> Cfg:
    cfg = Cfg(request, batch=64, subdivisions=2, **training)
    cfg.stage("backbone")
    pyramid(cfg, (16, 32, 64, 128, 256, 512))
    cfg.maxpool(2, 1)
    cfg.convs((1024, 3), (last, 3))
    cfg.stage("head")
    region(cfg, request, jitter=0.2, rescore=rescore)
    return cfg


def _ttt5(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=128,
        subdivisions=8,
        **_OPTIMIZER,
        **_AUGMENTATION,
        learning_rate=0.001,
        max_batches=40200,
        policy="poly",
    )
    ttt5_stages(cfg)
    cfg.stage("neck")
    cfg.convs((256, 1), (512, 3))
    cfg.stage("head")
    region(cfg, request, jitter=0.2, rescore=1)
    return cfg


TEMPLATES = {
    "yolov1-tiny": Template("YOLOv1-tiny, PASCAL VOC", _yolov1_tiny, (448, 448), 20),
    "yolov2": Template("YOLOv2, COCO", lambda r: _yolov2(r, _COCO), (416, 416), 80, _COCO_ANCHORS, 32),
    "yolov2-voc": Template("YOLOv2, PASCAL VOC", lambda r: _yolov2(r, _VOC), (416, 416), 20, _VOC_ANCHORS, 32),
    "yolov2-tiny": Template(
        "YOLOv2-tiny, COCO", lambda r: _yolov2_tiny(r, _COCO, 512, 0), (416, 416), 80, _COCO_ANCHORS, 32
    ),
    "yolov2-tiny-voc": Template(
        "YOLOv2-tiny, PASCAL VOC", lambda r: _yolov2_tiny(r, _TINY_VOC, 1024, 1), (416, 416), 20, _TINY_VOC_ANCHORS, 32
    ),
    "ttt5": Template("ttt5, PASCAL VOC, for small computers", _ttt5, (224, 224), 20, _TINY_VOC_ANCHORS, 32),
}
