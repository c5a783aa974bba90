"""``pydn detector demo`` and its kin: video through a network, shown, written and served."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from typing import TypeVar

from ..class_names import COCO_NAMES, VOC_NAMES
from ..datafile import DataFile
from ..network import Network
from ..server import LOCAL
from ..video import JpegFiles, JsonFile, Outputs, Shown, Sink, Video, VideoFile, VideoFrame, predict_video
from ..video.servers import JsonServer, MjpegServer
from ..video.window import Window
from .classifier import IGNORED, names_of
from .common import note, open_network
from .options import Command, Flag, Options, UsageError
from .video_text import Rates, class_lines, frame_text, object_lines

_Frame = TypeVar("_Frame")
_SOURCE = (
    "VIDEO is a file, a URL (rtsp://…) or a pattern of numbered pictures (frames/%05d.jpg); without it a camera is "
    "read. Esc in the window or Ctrl-C ends it; what was written so far is complete."
)
_CAMERA = Flag("c", "number of the camera (default 0)", int, "N")
_BENCHMARK = Flag("benchmark", "compute the first frame again and again and draw nothing, to see the network's speed")
_DONT_SHOW = Flag("dont_show", "open no window")
_SKIP = Flag("s", "after each frame pass over N (default 0)", int, "N")
_FLAGS = (
    Flag("hier", "how sure a node of a class tree must be (default 0.5)", float, "P"),
    Flag("letter_box", "keep the frame's aspect"),
    _CAMERA,
    _SKIP,
    Flag("avgframes", "search the mean of the last N frames' outputs (default 1; pjreddie 3)", int, "N"),
    Flag("avg", "the same, as pjreddie calls it", int, "N"),
    Flag("out_filename", "write the video: .mp4 .m4v .mov .mkv (MPEG-4) or .avi (Motion JPEG)", str, "FILE"),
    Flag("prefix", "write each frame as PREFIX_00000001.jpg; no window then", str, "PREFIX"),
    Flag("json_file_output", "write the objects of all frames as JSON", str, "FILE"),
    Flag("mjpeg_port", "show the video at http://127.0.0.1:PORT/", int, "PORT"),
    Flag("json_port", "send the objects as JSON from http://127.0.0.1:PORT/", int, "PORT"),
    Flag("address", f"where to serve; 0.0.0.0: to every machine that reaches this one (default {LOCAL})", str, "IP"),
    Flag("time_limit_sec", "end after so many seconds (default 0: never)", int, "SECONDS"),
    Flag("dontdraw_bbox", "draw no boxes"),
    Flag("ext_output", "print boxes in pixels"),
    _DONT_SHOW,
    _BENCHMARK,
)
_IGNORED: dict[str, type[bool] | type[int] | type[float] | type[str]] = {
    "benchmark_layers": bool,
    "cuda_debug_sync": bool,
    "fps": int,
    "fullscreen": bool,
    "http_post_host": str,
    "iou_thresh": float,
    "points": int,
    "show_imgs": bool,
    "w": int,
}


def _thresh(default: str) -> Flag:
    return Flag("thresh", f"lowest confidence (default {default})", float, "P")


DETECTOR_DEMO = Command(
    "detector demo",
    "DATA CFG [WEIGHTS] [VIDEO]",
    f"Finds objects in a video and prints them, frame by frame, with the speed. {_SOURCE}",
    (_thresh("0.25; pjreddie 0.5"), *_FLAGS),
    _IGNORED,
)
YOLO_DEMO = Command(
    "yolo demo",
    "CFG [WEIGHTS] [VIDEO]",
    f"Finds objects in a video with YOLOv1's settings and VOC's names. {_SOURCE}",
    (_thresh("0.2"), *_FLAGS),
    _IGNORED,
)
COCO_DEMO = Command(
    "coco demo",
    "CFG [WEIGHTS] [VIDEO]",
    f"Finds objects in a video with YOLOv1's settings and COCO's names. {_SOURCE}",
    YOLO_DEMO.flags,
    _IGNORED,
)
CLASSIFIER_DEMO = Command(
    "classifier demo",
    "DATA CFG [WEIGHTS] [VIDEO]",
    f"Prints the best classes of every frame of a video, as many as DATA's top= says (1), with the speed. {_SOURCE}",
    (_CAMERA, _SKIP, _DONT_SHOW, _BENCHMARK, Flag("time_limit_sec", "end after so many seconds", int, "SECONDS")),
    {name: kind for name, kind in IGNORED.items() if name not in ("c", "dont_show", "benchmark")},
)


def detector_demo(options: Options) -> int:
    """Run ``detector demo``."""
    _check(options, DETECTOR_DEMO)
    data = DataFile.read(options.words[0])
    return _detect(options, open_network(options, options.words[1], options.word(2), data), options.word(3), None)


def yolo_demo(options: Options) -> int:
    """Run ``yolo demo``."""
    _check(options, YOLO_DEMO)
    net = open_network(options, options.words[0], options.word(1), names=list(VOC_NAMES))
    return _detect(options, net, options.word(2), 0.2)


def coco_demo(options: Options) -> int:
    """Run ``coco demo``."""
    _check(options, COCO_DEMO)
    net = open_network(options, options.words[0], options.word(1), names=list(COCO_NAMES))
    return _detect(options, net, options.word(2), 0.2)


def classifier_demo(options: Options) -> int:
    """Run ``classifier demo``."""
    _check(options, CLASSIFIER_DEMO)
    data = DataFile.read(options.words[0])
    net = open_network(options, options.words[1], options.word(2), names=names_of(data))
    print("Classifier Demo")
    video = _source(options, options.word(3), net.dialect)
    pjreddie, benchmark = net.dialect == "pjreddie", options.on("benchmark")
    top, skip = max(1, data.integer("top", 1)), options.integer("s") or 0
    frames = predict_video(net, video, top, skip=skip, stretch=not pjreddie)
    rates, window = Rates(), _window(options, "Classifier")
    with closing(frames), closing(window):
        for frame in _limited(frames, options):
            rates.tick()
            print(class_lines(frame.classification, rates, pjreddie=pjreddie, benchmark=benchmark), end="", flush=True)
            if not window.show(frame.image):
                break
    return 0


def _check(options: Options, command: Command) -> None:
    """Refuse numbers that mean nothing, before a network is loaded."""
    for name, least, most in (
        ("s", 0, 10**6),
        ("avgframes", 1, 1000),
        ("avg", 1, 1000),
        ("c", 0, 10**6),
        ("mjpeg_port", -1, 65535),
        ("json_port", -1, 65535),
        ("time_limit_sec", 0, 10**9),
    ):
        value = options.integer(name)
        if value is not None and not least <= value <= most:
            raise UsageError(f"-{name} must be {least} to {most}, not {value}", command)
    if options.on("http_post_host"):
        note("pydn: warning: -http_post_host is of no effect: read the objects from -json_port")


def _source(options: Options, word: str | None, dialect: str) -> Video:
    """Open what the command line names, and report it as darknet does."""
    camera = options.integer("c") or 0
    if word is not None:
        print(f"video file: {word}")
    elif dialect == "alexeyab":
        print(f"Webcam index: {camera}")
    video = Video(camera if word is None else word, repeat=options.on("benchmark"))
    if dialect == "alexeyab":
        print(f"Video stream: {video.size[0]} x {video.size[1]} ", flush=True)
    return video


def _detect(options: Options, net: Network, word: str | None, thresh: float | None) -> int:
    print("Demo")
    pjreddie, benchmark = net.dialect == "pjreddie", options.on("benchmark")
    video = _source(options, word, net.dialect)
    frames = _found(options, net, video, thresh)
    boxes, rates = not (options.on("dontdraw_bbox") or benchmark), Rates()
    with ExitStack() as stack:
        outputs = _outputs(stack, options, video, pjreddie=pjreddie)
        window = stack.enter_context(closing(_window(options, "Demo")))
        stack.enter_context(closing(frames))
        for frame in _limited(frames, options):
            rates.tick()
            objects = "" if benchmark else object_lines(frame.detections, options.on("ext_output"), pjreddie)
            print(frame_text(objects, rates, pjreddie=pjreddie), end="", flush=True)
            shown = Shown(frame, boxes)
            if outputs is not None:
                outputs.write(shown)
            if window.on and not window.show(shown.picture):
                break
    if not pjreddie:
        print("input video stream closed. ")
        if options.on("out_filename"):
            print("output_video_writer closed. ")
    note(f"pydn: {rates.frames} frames in {rates.seconds:.1f} s, {rates.average:.1f} a second")
    return 0


def _found(options: Options, net: Network, video: Video, thresh: float | None) -> Generator[VideoFrame]:
    pjreddie = net.dialect == "pjreddie"
    given, hier = options.number("thresh"), options.number("hier")
    return net.detect_video(
        video,
        thresh if given is None else given,
        0.4 if pjreddie else 0.45,
        True if options.on("letter_box") else None,
        0.5 if hier is None else hier,
        average=options.integer("avgframes") or options.integer("avg") or (3 if pjreddie else 1),
        skip=options.integer("s") or 0,
    )


def _outputs(stack: ExitStack, options: Options, video: Video, *, pjreddie: bool) -> Outputs | None:
    """Open what the flags ask for; it is closed with the stack."""
    address, fps = options.text("address") or LOCAL, video.fps / (1 + (options.integer("s") or 0))
    prefix, sinks = options.text("prefix"), list[Sink]()

    def add(sink: Sink) -> None:
        sinks.append(sink)
        undo.callback(sink.close)

    with ExitStack() as undo:
        if (port := options.integer("mjpeg_port") or 0) > 0:
            add(MjpegServer(port, address))
            note(f"pydn: the video is at http://{address}:{port}/")
        if (port := options.integer("json_port") or 0) > 0:
            add(JsonServer(port, address))
        if (path := options.text("out_filename")) is not None:
            add(VideoFile(path, fps))
        if (path := options.text("json_file_output")) is not None:
            add(JsonFile(path))
        if prefix is not None:
            add(JpegFiles(prefix, 0 if pjreddie else 1))
        undo.pop_all()
    return stack.enter_context(closing(Outputs(sinks))) if sinks else None


def _window(options: Options, title: str) -> Window:
    return Window(None if options.on("dont_show") or options.on("prefix") else title)


def _limited(frames: Iterator[_Frame], options: Options) -> Iterator[_Frame]:
    """Yield frames until the time is over."""
    limit, start = options.integer("time_limit_sec") or 0, time.monotonic()
    for frame in frames:
        yield frame
        if limit and time.monotonic() - start > limit:
            return


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = (
    (DETECTOR_DEMO, detector_demo),
    (YOLO_DEMO, yolo_demo),
    (COCO_DEMO, coco_demo),
    (CLASSIFIER_DEMO, classifier_demo),
)
