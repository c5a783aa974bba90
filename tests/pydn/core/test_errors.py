"""Every status has its exception, every exception its fields, and they survive pickling."""

from __future__ import annotations

import copy
import inspect
import logging
import pickle
import re
from pathlib import Path

import pytest

from pydn import errors
from pydn._core.errors import EXCEPTIONS
from pydn._core.network import Network

HEADER = Path(__file__).parents[3] / "vendor" / "darknet" / "include" / "darknet" / "darknet.h"
CLASSES = [value for name in errors.__all__ if inspect.isclass(value := getattr(errors, name))]
FILLED = {
    "file": "some.cfg",
    "line": 12,
    "section": "route",
    "key": "layers",
    "expected": "an earlier layer",
    "found": "17",
    "layer": 3,
    "needed": 400,
    "free": 100,
    "iteration": 7,
    "pictures": ("a.jpg",),
}


def filled(kind):
    names = list(inspect.signature(kind).parameters)
    return kind("a text", **{name: FILLED[name] for name in names if name != "message"})


def test_table_has_every_status_of_the_header():
    enum = re.search(r"typedef enum dn_status \{(.*?)\} dn_status;", HEADER.read_text(), re.DOTALL).group(1)
    statuses = dict(re.findall(r"(DN_\w+) = (\d+)", enum))
    assert len(statuses) >= 8
    assert set(EXCEPTIONS) == {int(value) for name, value in statuses.items() if name != "DN_OK"}


def test_table_gives_errors_of_the_package_or_builtins():
    own = [kind for kind in EXCEPTIONS.values() if kind is not ValueError]
    assert len(set(own)) == len(own)
    assert all(issubclass(kind, errors.Error) for kind in own)


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (errors.CfgError, [ValueError]),
        (errors.ShapeError, [errors.CfgError]),
        (errors.WeightsError, [ValueError]),
        (errors.DataError, [ValueError]),
        (errors.UnsupportedError, [NotImplementedError]),
        (errors.DeviceError, [RuntimeError]),
        (errors.OutOfMemoryError, [errors.DeviceError, MemoryError]),
        (errors.TrainingError, [RuntimeError]),
    ],
)
def test_bases(kind, bases):
    assert all(issubclass(kind, base) for base in [errors.Error, *bases])


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_copies_are_whole(kind, again):
    error = filled(kind)
    twin = again(error)
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert vars(twin) == vars(error) == {name: FILLED[name] for name in vars(error)}


@pytest.mark.parametrize("kind", CLASSES)
def test_message_alone(kind):
    assert str(kind("a text")) == "a text"
    assert str(kind()) == ""


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (filled(errors.CfgError), "some.cfg:12: [route] layers: a text"),
        (errors.CfgError("a text", line=3), "line 3: a text"),
        (errors.CfgError("a text", file="a.cfg"), "a.cfg: a text"),
        (errors.CfgError("[net] has no width=", section="net", key="width", line=1), "line 1: [net] has no width="),
        (filled(errors.ShapeError), "some.cfg:12: [route] layers: layer 3: a text"),
        (errors.ShapeError("layer 3 is odd", layer=3, file="a.cfg"), "a.cfg: layer 3 is odd"),
        (filled(errors.WeightsError), "some.cfg: layer 3: a text"),
        (filled(errors.DataError), "some.cfg:12: a text"),
        (filled(errors.OutOfMemoryError), "a text"),
    ],
)
def test_text_says_where(error, text):
    assert str(error) == text


NET = b"[net]\nwidth=8\nheight=8\nchannels=1\n"
CONVOLUTION = b"[convolutional]\nfilters=2\nsize=1\nactivation=linear\n"


def test_syntax():
    with pytest.raises(errors.CfgError) as caught:
        Network(NET + CONVOLUTION.replace(b"filters=2", b"filters=many"), device="ref", cfg_file="bad.cfg")
    error = caught.value
    assert (error.file, error.line, error.section, error.key) == ("bad.cfg", 6, "convolutional", "filters")
    assert error.found == "many"
    assert error.expected
    assert str(error).startswith("bad.cfg:6: ")


def test_unknown_section():
    with pytest.raises((errors.CfgError, errors.UnsupportedError)) as caught:
        Network(NET + b"[hyperbolic]\nfilters=2\n", device="ref")
    assert caught.value.line == 5
    assert "hyperbolic" in str(caught.value)


def test_shapes():
    cfg = NET + CONVOLUTION + b"[route]\nlayers=-1\ngroups=3\n"
    with pytest.raises(errors.ShapeError) as caught:
        Network(cfg, device="ref", cfg_file="bad.cfg")
    error = caught.value
    assert (error.layer, error.section, error.file) == (1, "route", "bad.cfg")
    assert error.line in (9, 10, 11)
    for number in ("2", "3"):
        assert number in error.message


@pytest.mark.parametrize("cfg", [b"", b"\n\n", b"[convolutional]\n", b"\0\xff\xfe", b"width=3\n"])
def test_what_is_no_cfg(cfg):
    with pytest.raises(errors.CfgError):
        Network(cfg, device="ref")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "tpu"}, "'tpu'"),
        ({"device": "cpu:1"}, "'cpu:1'"),
        ({"device": "cuda:"}, "'cuda:'"),
        ({"outputs": "some"}, "'heads', 'all'"),
        ({"prepare": "best"}, "'fuse'"),
        ({"dialect": "hank"}, "'alexeyab', 'pjreddie'"),
        ({"precision": "fp8"}, "'fp32'"),
        ({"batch": -1}, "batch"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(ValueError, match=words):
        Network(NET + CONVOLUTION, **options)


def test_what_this_machine_does_not_do():
    with pytest.raises(errors.UnsupportedError):
        Network(NET + CONVOLUTION, precision="fp16")
    with pytest.raises(errors.Error):
        Network(NET + CONVOLUTION, device="cuda:63")


def test_a_size_that_no_memory_holds():
    cfg = b"[net]\nwidth=30000\nheight=30000\nchannels=1\n" + CONVOLUTION.replace(b"filters=2", b"filters=1000000")
    with pytest.raises((errors.OutOfMemoryError, errors.CfgError, errors.UnsupportedError, ValueError)):
        Network(cfg, device="ref")


@pytest.mark.parametrize(("cfg", "weights"), [("a.cfg", None), (None, None), (b"", 3), (3.5, None)])
def test_what_has_no_bytes(cfg, weights):
    with pytest.raises((TypeError, errors.CfgError)):
        Network(cfg, weights, device="ref")


def test_decode_without_a_detection_head():
    net = Network(NET + CONVOLUTION, device="ref")
    with pytest.raises(ValueError, match="call forward first"):
        net.decode()
    net.forward()
    with pytest.raises((ValueError, errors.UnsupportedError)) as caught:
        net.decode()
    assert str(caught.value)


def test_unused_options_are_told_and_logged(caplog):
    with caplog.at_level(logging.DEBUG, logger="pydn"):
        net = Network(NET + CONVOLUTION + b"colour=blue\n", device="ref", cfg_file="odd.cfg")
    assert net.unused_options == [("convolutional", "colour", "blue", 9)]
    told = [record for record in caplog.records if "colour" in record.getMessage()]
    assert [(r.name, r.levelno) for r in told] == [("pydn", logging.WARNING)]
    assert told[0].getMessage().startswith("odd.cfg: ")


def test_a_log_handler_may_use_the_network():
    class Handler(logging.Handler):
        def emit(self, record):
            seen.append(Network(NET + CONVOLUTION, device="ref").forward()[0].shape)

    seen = []
    handler = Handler()
    logging.getLogger("pydn").addHandler(handler)
    try:
        Network(NET + CONVOLUTION + b"colour=blue\n", device="ref")
    finally:
        logging.getLogger("pydn").removeHandler(handler)
    assert seen == [(1, 2, 8, 8)]


@pytest.mark.parametrize("text", ["größe".encode("latin-1"), "größe".encode(), "日".encode() * 200])
def test_any_encoding_in_a_message(text):
    net = Network(NET + CONVOLUTION + text + b"=1\n", device="ref")
    key = net.unused_options[0][1]
    assert key.startswith("gr") if b"\xf6" in text else key == text.decode()
    with pytest.raises(errors.CfgError) as caught:
        Network(NET + CONVOLUTION.replace(b"filters=2", b"filters=" + text), device="ref")
    assert str(caught.value)
