"""The PyTorch twin of a loaded network: the same layers and parameters, up to the inputs of its detection heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import pydn

ACTIVATIONS: dict[str, type[nn.Module] | Any] = {
    "linear": nn.Identity,
    "leaky": lambda: nn.LeakyReLU(0.1),
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "logistic": nn.Sigmoid,
    "mish": nn.Mish,
    "swish": nn.SiLU,
    "tanh": nn.Tanh,
}
HEADS = {"yolo", "region", "softmax"}


def tensor(view: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(view))


def convolutional(layer: pydn.Layer) -> nn.Module:
    facts = layer.facts
    normalized = bool(facts["batch_normalize"])
    strides = (int(facts["stride_y"]), int(facts["stride_x"]))
    filters, channels, size, _ = layer.weights.shape
    groups, dilation = int(facts["groups"]), int(facts["dilation"])
    pad = int(facts["padding"]) * dilation
    convolution = nn.Conv2d(channels * groups, filters, size, strides, pad, dilation, groups, bias=not normalized)
    convolution.weight.data = tensor(layer.weights)
    parts: list[nn.Module] = [convolution]
    if normalized:
        norm = nn.BatchNorm2d(filters, eps=1e-5)
        norm.weight.data, norm.bias.data = tensor(layer.scales), tensor(layer.biases)
        norm.running_mean, norm.running_var = tensor(layer.rolling_mean), tensor(layer.rolling_variance)
        parts.append(norm)
    elif convolution.bias is not None:
        convolution.bias.data = tensor(layer.biases)
    return nn.Sequential(*parts, ACTIVATIONS[layer.activation]())


def connected(layer: pydn.Layer) -> nn.Module:
    linear = nn.Linear(layer.weights.shape[1], layer.weights.shape[0])
    linear.weight.data, linear.bias.data = tensor(layer.weights), tensor(layer.biases)
    return nn.Sequential(nn.Flatten(), linear, ACTIVATIONS[layer.activation]())


class MaxPool(nn.Module):
    """darknet's padding is a total, the smaller half before the image."""

    def __init__(self, size: int, strides: tuple[int, int], padding: int) -> None:
        super().__init__()
        self.size, self.strides = size, strides
        self.before, self.after = padding // 2, padding - padding // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        least = torch.finfo(x.dtype).min
        x = functional.pad(x, (self.before, self.after, self.before, self.after), value=least)
        return functional.max_pool2d(x, self.size, self.strides)


def module(layer: pydn.Layer) -> nn.Module:
    facts = layer.facts
    if layer.kind == "convolutional":
        return convolutional(layer)
    if layer.kind == "connected":
        return connected(layer)
    if layer.kind == "maxpool":
        return MaxPool(int(facts["size"]), (int(facts["stride_y"]), int(facts["stride_x"])), int(facts["padding"]))
    if layer.kind == "avgpool":
        return nn.AdaptiveAvgPool2d(1)
    if layer.kind == "upsample":
        return nn.Upsample(scale_factor=int(facts["stride"]), mode="nearest")
    if layer.kind in {"shortcut", "scale_channels", "sam"}:
        return ACTIVATIONS[layer.activation]()
    if layer.kind in {"route", "dropout", "cost", *HEADS}:
        return nn.Identity()
    raise NotImplementedError(f"layer {layer.index} [{layer.kind}] has no twin")


def indices(fact: Any) -> list[int]:
    return [int(i) for i in np.atleast_1d(fact)]


class Twin(nn.Module):
    """Calling it gives the inputs of the network's heads (classifiers: the probabilities)."""

    def __init__(self, net: pydn.Network) -> None:
        super().__init__()
        self.kinds = [layer.kind for layer in net.layers]
        self.facts = [layer.facts for layer in net.layers]
        self.parts = nn.ModuleList(module(layer) for layer in net.layers)
        self.head_layers = tuple(net.head_layers)

    def step(self, i: int, x: torch.Tensor, outputs: list[torch.Tensor]) -> torch.Tensor:
        kind, facts = self.kinds[i], self.facts[i]
        if kind == "route":
            parts = [outputs[k] for k in indices(facts["layers"])]
            groups, group = int(facts["groups"]), int(facts["group_id"])
            if groups > 1:
                parts = [part.chunk(groups, 1)[group] for part in parts]
            return torch.cat(parts, 1) if len(parts) > 1 else parts[0]
        if kind == "shortcut":
            for k in indices(facts["from"]):
                x = x + outputs[k]
        elif kind == "scale_channels" or kind == "sam":
            x = x * outputs[indices(facts["from"])[0]]
        elif kind == "softmax":
            return torch.softmax(x.flatten(1), 1)
        return self.parts[i](x)  # type: ignore[no-any-return]

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs: list[torch.Tensor] = []
        for i in range(len(self.kinds)):
            x = self.step(i, x, outputs)
            outputs.append(x)
        return tuple(outputs[i] for i in self.head_layers)


def randomize(net: pydn.Network, seed: int = 0) -> None:
    """Random parameters that keep activations near one, so that no runtime meets infinities or denormals."""
    generator = np.random.default_rng(seed)
    for (_, name), view in net.weights.items():
        fan_in = int(np.prod(view.shape[1:]))
        if name == "weights":
            view[...] = generator.normal(0, (1.5 / fan_in) ** 0.5, view.shape)
        elif name in {"scales", "rolling_variance"}:
            view[...] = generator.uniform(0.8, 1.2, view.shape)
        else:
            view[...] = generator.normal(0, 0.1, view.shape)
