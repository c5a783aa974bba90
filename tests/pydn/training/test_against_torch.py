"""Twenty steps of a small network equal PyTorch's where definitions coincide: SGD, and Adam of the same constants."""

import numpy as np
import pytest

import pydn

torch = pytest.importorskip("torch", reason="PyTorch is the peer of this test")

CFG = b"""[net]
batch=8
width=8
height=8
channels=3
learning_rate=0.01
momentum=0.9
decay=0.0005
%s
[convolutional]
filters=6
size=3
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
filters=8
size=3
pad=1
activation=mish

[avgpool]

[connected]
output=4
activation=linear

[softmax]
"""
LAYERS = {0: 0, 3: 2, 7: 4}  # of the twin, of the network


def twin(net: pydn.Network):  # type: ignore[no-untyped-def]  # torch may be absent
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.LeakyReLU(0.1),
        nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.Mish(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )
    for theirs, ours in LAYERS.items():
        layer = net.layers[ours]
        model[theirs].weight.data = torch.tensor(layer.weights.copy()).reshape(model[theirs].weight.shape)
        model[theirs].bias.data = torch.tensor(layer.biases.copy())
    return model


@pytest.mark.parametrize("adam", [False, True])
def test_twenty_steps(adam: bool) -> None:
    random = np.random.default_rng(0)
    x, classes = random.normal(size=(8, 3, 8, 8)).astype(np.float32), random.integers(0, 4, 8)
    net = pydn.load(CFG % (b"adam=1\neps=1e-8" if adam else b""))
    model = twin(net)
    groups = [
        {"params": [model[k].weight for k in LAYERS], "weight_decay": 0.0005},
        {"params": [model[k].bias for k in LAYERS], "weight_decay": 0.0},
    ]
    # Darknet's gradient is the sum over the images, PyTorch's here the mean: eps stands beside a root 8 times as large.
    optimizer = (
        torch.optim.Adam(groups, lr=0.01, eps=1e-8 / 8) if adam else torch.optim.SGD(groups, lr=0.01, momentum=0.9)
    )
    for _ in range(20):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(torch.tensor(x)), torch.tensor(classes))
        loss.backward()
        optimizer.step()
        assert net.train_step(x, classes).loss == pytest.approx(loss.item(), abs=1e-5)
    for theirs, ours in LAYERS.items():
        expected = model[theirs].weight.detach().numpy()
        np.testing.assert_allclose(net.layers[ours].weights.ravel(), expected.ravel(), atol=1e-5)
