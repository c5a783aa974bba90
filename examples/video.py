"""Detect objects in a video and write it with boxes. usage: video.py CFG WEIGHTS NAMES VIDEO OUT — or none."""

import sys
from contextlib import closing

import cv2

import pydn
from pydn import demo
from pydn.video import Shown, Video, VideoFile


def drawn_video(path: str) -> str:
    """Make a video of a few pictures of the demo."""
    pictures = [demo.picture(seed)[0] for seed in range(5)]
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"mp4v"), 2, pictures[0].shape[1::-1])
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path


def main(arguments: list[str]) -> None:
    if arguments:
        cfg, weights, names, file, out = arguments
        net = pydn.load(cfg, weights, names=names)
    else:
        net, file, out = demo.network(), drawn_video("shapes.mp4"), "found.mp4"
    video = Video(file)
    with closing(VideoFile(out, video.fps)) as written:
        for frame in net.detect_video(video):
            print(f"{frame.seconds:6.2f} s: {len(frame.detections)} objects")
            written.write(Shown(frame))


if __name__ == "__main__":
    main(sys.argv[1:])
