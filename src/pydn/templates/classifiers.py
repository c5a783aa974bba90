"""Classifiers that darknet took over: AlexNet (2012), VGG-16 (2014), ResNet-50 (2015), DenseNet-201 (2016).

ResNet and DenseNet are darknet's variants, which its published weights belong to: leaky instead of ReLU; ResNet's
shortcuts add every second row and column where the size changes; DenseNet takes maxima between its blocks, and passes
512 channels to the last.
"""

from __future__ import annotations

from .builder import Cfg, Request, Template

_IMAGENET = 1000


def _classify_connected(cfg: Cfg, classes: int) -> Cfg:
    """Append the three fully connected layers of AlexNet and VGG, and the head."""
    cfg.stage("classes")
    for _ in range(2):
        cfg.connected(4096, "relu")
        cfg.layer("dropout", probability=0.5)
    cfg.connected(classes, "linear")
    cfg.softmax()
    return cfg


def _alexnet(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=128,
        subdivisions=1,
        momentum=0.9,
        decay=0.0005,
        max_crop=request.crop(256),
        angle=7,
        hue=0.1,
        saturation=0.75,
        exposure=0.75,
        aspect=0.75,
        learning_rate=0.01,
        policy="poly",
        power=4,
        max_batches=800000,
    )
    cfg.stage("convolutions")
    cfg.layer("convolutional", filters=96, size=11, stride=4, pad=0, activation="relu")
    cfg.maxpool(3, 2, padding=0)
    cfg.conv(256, 5, activation="relu", batch_normalize=False)
    cfg.maxpool(3, 2, padding=0)
    for filters in (384, 384, 256):
        cfg.conv(filters, 3, activation="relu", batch_normalize=False)
    cfg.maxpool(3, 2, padding=0)
    return _classify_connected(cfg, request.classes)


def _vgg16(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=256,
        subdivisions=16,
        momentum=0.9,
        decay=0.0005,
        learning_rate=0.01,
        policy="poly",
        power=4,
        max_batches=370000,
    )
    cfg.stage("7/8 of the picture: its middle, or any part when training")
    cfg.layer(
        "crop",
        crop_width=request.width * 7 // 8,
        crop_height=request.height * 7 // 8,
        flip=1,
        angle=0,
        saturation=1,
        exposure=1,
    )
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        cfg.stage(f"{count} convolutions of {filters} filters")
        for _ in range(count):
            cfg.conv(filters, 3, activation="relu", batch_normalize=False)
        cfg.maxpool()
    return _classify_connected(cfg, request.classes)


def _resnet50(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=128,
        subdivisions=4,
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
    cfg.stage("stem")
    cfg.conv(64, 7, 2)
    cfg.maxpool()
    for filters, count in ((64, 3), (128, 4), (256, 6), (512, 3)):
        cfg.stage(f"{count} bottlenecks of {filters}, {filters} and {4 * filters} filters")
        for number in range(count):
            cfg.conv(filters)
            cfg.conv(filters, 3, 2 if number == 0 and filters > 64 else 1)
            cfg.conv(4 * filters, activation="linear")
            cfg.shortcut(-4, "leaky")
    cfg.stage("classes")
    cfg.layer("avgpool")
    cfg.output(request.classes)
    cfg.softmax()
    return cfg


def _densenet201(request: Request) -> Cfg:
    cfg = Cfg(
        request,
        batch=128,
        subdivisions=8,
        momentum=0.9,
        decay=0.0005,
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
        max_batches=1600000,
    )
    growth = 32
    cfg.stage("stem")
    cfg.conv(64, 7, 2)
    cfg.maxpool()
    for count, transition in ((6, 128), (12, 256), (48, 512), (32, None)):
        cfg.stage(f"{count} dense layers, each adds {growth} channels")
        for _ in range(count):
            cfg.convs((4 * growth, 1), (growth, 3))
            cfg.route(-1, -3)
        if transition is not None:
            cfg.conv(transition)
            cfg.maxpool()
    cfg.stage("classes")
    cfg.output(request.classes)
    cfg.layer("avgpool")
    cfg.softmax()
    return cfg


TEMPLATES = {
    "alexnet": Template("AlexNet", _alexnet, (227, 227), _IMAGENET),
    "vgg16": Template("VGG-16", _vgg16, (256, 256), _IMAGENET),
    "resnet50": Template("ResNet-50; needs the pjreddie dialect", _resnet50, (256, 256), _IMAGENET),
    "densenet201": Template("DenseNet-201", _densenet201, (256, 256), _IMAGENET),
}
