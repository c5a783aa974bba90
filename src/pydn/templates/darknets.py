"""Darknet's own classifiers: Darknet-19, Darknet-53, Tiny Darknet, Extraction, the backbone of ttt5.

Darknet-19 is that of Redmon & Farhadi, "YOLO9000: better, faster, stronger" (2017), Darknet-53 that of their
"YOLOv3: an incremental improvement" (2018). Extraction is the backbone of the first YOLO (2016). [softmax] computes the
loss as well; only ttt5's classifier was published with a [cost] after it.
"""

from __future__ import annotations

from .builder import Cfg, Request, Template, alternating, pyramid, residual

_IMAGENET = 1000


def darknet19_stages(cfg: Cfg) -> None:
    """Append the 18 convolutions of Darknet-19 that detectors take over."""
    cfg.stage("stem")
    pyramid(cfg, (32, 64), pool_last=True)
    for filters, count in ((128, 3), (256, 3), (512, 5)):
        cfg.stage(f"{count} convolutions, {filters // 2} and {filters} filters")
        alternating(cfg, filters, count)
        cfg.maxpool()
    cfg.stage("5 convolutions, 512 and 1024 filters")
    alternating(cfg, 1024, 5)


def darknet53_stages(cfg: Cfg) -> dict[int, int]:
    """Append the 52 convolutions of Darknet-53 that detectors take over.

    Returns
    -------
    dict of int to int
        Number of filters to number of the last layer with so many.
    """
    cfg.stage("stem")
    cfg.conv(32, 3)
    ends = {}
    for filters, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        cfg.stage(f"half the size, residual blocks of {filters} filters: {count}")
        cfg.conv(filters, 3, 2)
        residual(cfg, filters // 2, filters, count)
        ends[filters] = cfg.last
    return ends


def _classify(cfg: Cfg, classes: int, activation: str = "linear") -> Cfg:
    """Append a score for each class and place, their means, and the head."""
    cfg.stage("classes")
    cfg.output(classes, activation)
    cfg.layer("avgpool")
    cfg.softmax()
    return cfg


def _darknet19(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=128,
        subdivisions=1,
        momentum=0.9,
        decay=0.0005,
        max_crop=request.crop(448),
        learning_rate=0.1,
        policy="poly",
        power=4,
        max_batches=1600000,
    )
    darknet19_stages(cfg)
    return _classify(cfg, request.classes)


def _darknet53(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=128,
        subdivisions=8,
        momentum=0.9,
        decay=0.0005,
        min_crop=request.crop(128),
        max_crop=request.crop(448),
        angle=7,
        hue=0.1,
        saturation=0.75,
        exposure=0.75,
        aspect=0.75,
        learning_rate=0.1,
        burn_in=1000,
        policy="poly",
        power=4,
        max_batches=800000,
    )
    darknet53_stages(cfg)
    cfg.stage("classes")
    cfg.layer("avgpool")
    cfg.output(request.classes)
    cfg.softmax()
    return cfg


def _tiny(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=128,
        subdivisions=1,
        momentum=0.9,
        decay=0.0005,
        max_crop=request.crop(320),
        angle=7,
        hue=0.1,
        saturation=0.75,
        exposure=0.75,
        aspect=0.75,
        learning_rate=0.1,
        policy="poly",
        power=4,
        max_batches=1600000,
    )
    cfg.stage("stem")
    pyramid(cfg, (16, 32), pool_last=True)
    for narrow, wide in ((16, 128), (32, 256), (64, 512)):
        cfg.stage(f"two pairs of convolutions, {narrow} and {wide} filters")
        cfg.convs((narrow, 1), (wide, 3), (narrow, 1), (wide, 3))
        if wide < 512:
            cfg.maxpool()
    cfg.conv(128)
    return _classify(cfg, request.classes)


def _extraction(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=128,
        subdivisions=1,
        momentum=0.9,
        decay=0.0005,
        max_crop=request.crop(320),
        learning_rate=0.1,
        policy="poly",
        power=4,
        max_batches=1600000,
    )
    cfg.stage("stem")
    cfg.conv(64, 7, 2)
    cfg.maxpool()
    cfg.conv(192, 3)
    cfg.maxpool()
    cfg.stage("128 to 512 filters")
    cfg.convs((128, 1), (256, 3), (256, 1), (512, 3))
    cfg.maxpool()
    cfg.stage("256 and 512 filters, four times")
    cfg.convs(*((256, 1), (512, 3)) * 4, (512, 1), (1024, 3))
    cfg.maxpool()
    cfg.stage("512 and 1024 filters, twice")
    cfg.convs(*((512, 1), (1024, 3)) * 2)
    return _classify(cfg, request.classes, "leaky")


def ttt5_stages(cfg: Cfg) -> None:
    """Append the five convolutions that ttt5's classifier and detector share."""
    cfg.stage("backbone")
    cfg.conv(16, 3)
    cfg.maxpool()
    cfg.conv(32, 3)
    cfg.maxpool(4, 4)
    cfg.conv(128, 3)
    cfg.maxpool(4, 4)
    cfg.convs((512, 3), (512, 3))


def _ttt5_pre(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=64,
        subdivisions=1,
        momentum=0.9,
        decay=0.0005,
        hue=0.1,
        saturation=0.75,
        exposure=0.75,
        learning_rate=0.4,
        burn_in=100,
        policy="poly",
        power=4,
        max_batches=1600000,
    )
    ttt5_stages(cfg)
    cfg.stage("classes")
    cfg.conv(request.classes, 3)
    cfg.layer("avgpool")
    cfg.softmax()
    cfg.layer("cost", type="sse")
    return cfg


TEMPLATES = {
    "darknet19": Template("Darknet-19", _darknet19, (224, 224), _IMAGENET),
    "darknet53": Template("Darknet-53", _darknet53, (256, 256), _IMAGENET),
    "tiny": Template("Tiny Darknet, 4 MB of weights", _tiny, (224, 224), _IMAGENET),
    "extraction": Template("Extraction, the backbone of YOLOv1", _extraction, (224, 224), _IMAGENET),
    "ttt5_pre": Template("Classifier to start ttt5 from", _ttt5_pre, (224, 224), 500),
}
