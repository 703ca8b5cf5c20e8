"""
Counts what a process writes to files, below Python's buffers.

What is still buffered when a process is killed is lost, as in life.
"""

from __future__ import annotations

import builtins
import io
import os
import shutil
from pathlib import Path
from typing import Any, Final

from tests.unit.operators.model.strikes import Effects

_BY_PATH: Final = ("replace", "rename", "link", "unlink", "remove", "truncate")
_BY_HANDLE: Final = ("write", "ftruncate")


class _Counted(io.FileIO):
    """A file whose every write is an effect."""

    effects: Effects

    def write(self, data: Any) -> int:
        whole = bytes(data)
        # Within a letter of several bytes where there is one, else in the middle.
        cut = next((i + 1 for i, byte in enumerate(whole) if byte >= 0xC0), len(whole) // 2)
        self.effects.before("write", lambda: super(_Counted, self).write(whole[:cut]))
        return super().write(whole)


def watch_files(root: Path, effects: Effects) -> None:
    """Count what is written below a folder, by whichever of Python's ways."""
    _Counted.effects = effects
    _watch_open(root, effects)
    _watch_os(root, effects)
    # Or shutil copies within the kernel, past all of these.
    shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined]  # private, and needed


def _inside(root: Path, path: Any) -> bool:
    return isinstance(path, (str, os.PathLike)) and Path(path).is_relative_to(root)


def _watch_open(root: Path, effects: Effects) -> None:
    real = io.open

    def counted(
        file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None,
        errors: str | None = None, newline: str | None = None, closefd: bool = True,
        opener: Any = None,
    ) -> Any:  # fmt: skip
        if not _inside(root, file) or not set(mode) & set("wax+"):
            return real(file, mode, buffering, encoding, errors, newline, closefd, opener)
        effects.before("write")
        raw = _Counted(file, mode.replace("t", "").replace("b", ""), closefd, opener)
        if buffering == 0:
            return raw
        size = io.DEFAULT_BUFFER_SIZE if buffering in (-1, 1) else buffering
        binary: Any = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, size)
        if "b" in mode:
            return binary
        return io.TextIOWrapper(binary, encoding, errors, newline, line_buffering=buffering == 1)

    builtins.open = io.open = counted


def _watch_os(root: Path, effects: Effects) -> None:
    handles: set[int] = set()

    def watch(name: str) -> None:
        real = getattr(os, name)

        def counted(target: Any, *more: Any, **options: Any) -> Any:
            if _inside(root, target) or (isinstance(target, int) and target in handles):
                effects.before("write")
            return real(target, *more, **options)

        setattr(os, name, counted)

    real_open = os.open

    def counted_open(path: Any, flags: int, *more: Any, **options: Any) -> int:
        writes = _inside(root, path) and flags & (os.O_WRONLY | os.O_RDWR)
        if writes:
            effects.before("write")
        handle = real_open(path, flags, *more, **options)
        if writes:
            handles.add(handle)
        return handle

    for name in _BY_PATH + _BY_HANDLE:
        watch(name)
    os.open = counted_open
