"""Video: frames from files, cameras and streams through a network, and what becomes of the results.

`Network.detect_video` is the short way. `Video` is a source, `Outputs` hands frames to any number of sinks: a video
file, pictures, a JSON file, servers for browsers and programs.
"""

from .sinks import JpegFiles, JsonFile, Outputs, Shown, Sink, VideoFile
from .source import Picture, Video
from .stream import ClassifiedFrame, VideoFrame, detect_video, predict_video

__all__ = [
    "ClassifiedFrame",
    "JpegFiles",
    "JsonFile",
    "Outputs",
    "Picture",
    "Shown",
    "Sink",
    "Video",
    "VideoFile",
    "VideoFrame",
    "detect_video",
    "predict_video",
]
