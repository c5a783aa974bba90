"""How much memory there is to take: of the machine, of the control group (a container), of the process."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def available_memory(root: str | os.PathLike[str] = "/") -> int | None:
    """Return the bytes that can be taken without swapping, or None where nobody says.

    The least of: what the kernel calls available, what the limits of the control groups leave (version 1 and 2, with
    pages of files counted as free), what the process's limit of address space leaves.

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are.
    """
    known = [
        value for value in (_of_machine(Path(root)), *_of_groups(Path(root)), _of_process(Path(root))) if value >= 0
    ]
    return min(known) if known else None


def shown(count: int) -> str:
    """Bytes for people."""
    unit, name = next(((unit, name) for unit, name in _UNITS if count >= unit), (1, "bytes"))
    return f"{count} bytes" if unit == 1 else f"{count / unit:.3g} {name}"


def _of_machine(root: Path) -> int:
    found = re.search(r"^MemAvailable: +(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    if found is not None:
        return int(found[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # not every system has sysconf, nor all names
        return -1


def _of_groups(root: Path) -> Iterator[int]:
    """Yield what the limit of each group that the process is in leaves."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            yield from _of_group(root / "sys/fs/cgroup", path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _of_group(root / "sys/fs/cgroup/memory", path, *files)


def _of_group(mount: Path, path: str, limit_file: str, usage_file: str, inactive: str) -> Iterator[int]:
    group = Path(os.path.normpath("/" + path))  # in a container the path may lie outside of what is mounted
    for place in (group, *group.parents):
        folder = mount / str(place).lstrip("/")
        limit, usage = _text(folder / limit_file).strip(), _text(folder / usage_file).strip()
        if not (limit.isdecimal() and usage.isdecimal()) or int(limit) >= 2**60:  # "max", or version 1's way to say it
            continue
        files = re.search(rf"^{inactive} (\d+)", _text(folder / "memory.stat"), re.MULTILINE)
        yield max(0, int(limit) - int(usage) + (int(files[1]) if files else 0))


def _of_process(root: Path) -> int:
    if sys.platform == "win32":
        return -1
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    used = re.search(r"^VmSize:\s+(\d+) kB", _text(root / "proc/self/status"), re.MULTILINE)
    if limit == resource.RLIM_INFINITY or used is None:
        return -1
    return max(0, limit - int(used[1]) * 1024)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
