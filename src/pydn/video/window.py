"""A window that shows frames while they come, where OpenCV has windows and there is a screen."""

from __future__ import annotations

import os
import sys

import cv2

from ..image import Pixels

_ESCAPE = 27


def has_screen() -> bool:
    """Whether a window could be seen."""
    elsewhere = not sys.platform.startswith("linux")
    return elsewhere or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class Window:
    """A window; it is made with the first picture, in the thread that shows it.

    Attributes
    ----------
    on
        Whether pictures are shown.

    Parameters
    ----------
    title
        None: there is no window.
    """

    def __init__(self, title: str | None) -> None:
        self._title = title or ""
        self._open = False
        self.on = title is not None and has_screen()

    def show(self, picture: Pixels) -> bool:
        """Show a picture; return False once a person wants it to end."""
        if not self.on:
            return True
        try:
            if not self._open:
                cv2.namedWindow(self._title, cv2.WINDOW_NORMAL)
                cv2.resizeWindow(self._title, picture.shape[1], picture.shape[0])
                self._open = True
            cv2.imshow(self._title, picture)
            return cv2.waitKey(1) & 0xFF != _ESCAPE
        except cv2.error:  # a build without windows
            self.on = self._open = False
            return True

    def close(self) -> None:
        """Close the window."""
        if self._open:
            cv2.destroyWindow(self._title)
            self._open = False
