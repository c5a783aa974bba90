"""What can go wrong: every exception of pydn is an `Error`, and also the builtin that a caller would expect.

A missing file is the ordinary `FileNotFoundError`, an argument out of range the ordinary `ValueError`.
"""

from __future__ import annotations

__all__ = [
    "CfgError",
    "DataError",
    "DeviceError",
    "Error",
    "OutOfMemoryError",
    "ShapeError",
    "TrainingError",
    "UnsupportedError",
    "WeightsError",
]


class Error(Exception):
    """Base class of all exceptions of pydn.

    `str` gives one line: where (file, line, section, key or layer, as far as known), then what.
    """

    # Attributes are set by __init__ and travel in __dict__, so that pickle and copy need only the message.
    def __init__(self, message: str = "") -> None:
        super().__init__(message)

    @property
    def message(self) -> str:
        """The text without the place."""
        return str(self.args[0]) if self.args else ""

    def _place(self) -> list[str]:
        return []

    def __str__(self) -> str:
        return ": ".join([*self._place(), self.message])


def _file_and_line(file: str, line: int) -> list[str]:
    if file:
        return [f"{file}:{line}" if line else file]
    return [f"line {line}"] if line else []


class CfgError(Error, ValueError):
    """A cfg (or a tree or map that it names) is not what its syntax or its keys demand.

    Attributes
    ----------
    file : str
        Name of the cfg, "" where it came from memory.
    line : int
        Line in it, counted from 1; 0 where none is to blame.
    section, key : str
        Where in the cfg, "" where it does not apply.
    expected, found : str
        Short texts, "" where they do not apply.
    """

    def __init__(
        self,
        message: str = "",
        *,
        file: str = "",
        line: int = 0,
        section: str = "",
        key: str = "",
        expected: str = "",
        found: str = "",
    ) -> None:
        super().__init__(message.removeprefix(f"line {line}: "))  # the engine says so; here it stands behind the file
        self.file = file
        self.line = line
        self.section = section
        self.key = key
        self.expected = expected
        self.found = found

    def _place(self) -> list[str]:
        # A message that names the section or the key by itself is not made to say it twice.
        inside = []
        if self.section and f"[{self.section}]" not in self.message:
            inside.append(f"[{self.section}]")
        if self.key and self.key not in self.message:
            inside.append(self.key)
        return _file_and_line(self.file, self.line) + ([" ".join(inside)] if inside else [])


class ShapeError(CfgError):
    """Layers of a cfg do not fit together.

    Attributes
    ----------
    layer : int or None
        Index of the layer, counted from 0 after [net].
    """

    def __init__(
        self,
        message: str = "",
        *,
        layer: int | None = None,
        file: str = "",
        line: int = 0,
        section: str = "",
        key: str = "",
        expected: str = "",
        found: str = "",
    ) -> None:
        super().__init__(message, file=file, line=line, section=section, key=key, expected=expected, found=found)
        self.layer = layer

    def _place(self) -> list[str]:
        place = super()._place()
        if self.layer is None or f"layer {self.layer}" in self.message:
            return place
        return [*place, f"layer {self.layer}"]


class WeightsError(Error, ValueError):
    """A weights file does not fit the cfg.

    Attributes
    ----------
    file : str
        Name of the weights file, "" where it came from memory.
    layer : int or None
        The layer whose parameters do not fit.
    needed, found : int or None
        Bytes that the cfg needs and bytes that the file has.
    """

    def __init__(
        self,
        message: str = "",
        *,
        file: str = "",
        layer: int | None = None,
        needed: int | None = None,
        found: int | None = None,
    ) -> None:
        super().__init__(message)
        self.file = file
        self.layer = layer
        self.needed = needed
        self.found = found

    def _place(self) -> list[str]:
        place = _file_and_line(self.file, 0)
        if self.layer is None or f"layer {self.layer}" in self.message:
            return place
        return [*place, f"layer {self.layer}"]


class DataError(Error, ValueError):
    """A data set is not usable: a list, a label file or an image.

    Attributes
    ----------
    file : str
        The file to blame.
    line : int
        Line in it, counted from 1; 0 where none is to blame.
    """

    def __init__(self, message: str = "", *, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.line = line

    def _place(self) -> list[str]:
        return _file_and_line(self.file, self.line)


class UnsupportedError(Error, NotImplementedError):
    """Correct, but this engine or this device does not do it.

    Attributes
    ----------
    file : str
        Name of the cfg, "" where it came from memory or does not apply.
    line : int
        Line in it, counted from 1, or 0.
    layer : int or None
        The layer that cannot be run.
    """

    def __init__(self, message: str = "", *, file: str = "", line: int = 0, layer: int | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.line = line
        self.layer = layer

    def _place(self) -> list[str]:
        return _file_and_line(self.file, self.line)


class DeviceError(Error, RuntimeError):
    """A device failed, is not there, or cannot be used from here."""


class OutOfMemoryError(DeviceError, MemoryError):
    """There is not enough memory, of the machine or of the device.

    Attributes
    ----------
    needed, free : int or None
        Bytes asked for and bytes there were, as far as known.
    """

    def __init__(self, message: str = "", *, needed: int | None = None, free: int | None = None) -> None:
        super().__init__(message)
        self.needed = needed
        self.free = free


class TrainingError(Error, RuntimeError):
    """Training cannot go on: the loss or a gradient is not a number, or no data is left.

    Attributes
    ----------
    iteration : int or None
        In which, from 1.
    layer : int or None
        The first layer whose output, else whose delta or gradient is not finite.
    pictures : tuple of str
        Of the mini-batch, or those of them that are to blame.
    images : tuple of int
        Their numbers in the iteration, from 0.
    """

    images: tuple[int, ...] = ()

    def __init__(
        self,
        message: str = "",
        *,
        iteration: int | None = None,
        layer: int | None = None,
        pictures: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.iteration = iteration
        self.layer = layer
        self.pictures = pictures
