"""Files as a task reads and writes them: this worker's disk, and object stores by URL."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from posixpath import normpath
from tempfile import TemporaryFile
from typing import IO, Any, cast
from uuid import uuid4

from airflow.providers.common.compat.sdk import ObjectStoragePath


def _local_path(path: str) -> Path | None:
    """Return the path on this worker's disk; None for an object store's URL."""
    if "://" in path and not path.startswith("file://"):
        return None
    return Path(path.removeprefix("file://"))


class AirflowFiles:
    """
    This worker's disk, and the object stores that Airflow's ObjectStoragePath knows, by URL.

    :param run: the digest of the run that writes, which names its unfinished files
    """

    def __init__(self, run: str = "") -> None:
        self._run = run

    def for_run(self, run: str) -> AirflowFiles:
        """Return the same files, which name what is unfinished after a run."""
        return AirflowFiles(run)

    def list_leftovers(self, path: str, start: str, end: str) -> list[str]:
        """
        List what killed tries of the run have left beside a file: unfinished files and others.

        In an object store there is none: what is unfinished is on the worker's disk, and unnamed.

        :param start: of the names of those others
        :param end: of these names
        """
        file = _local_path(path)
        if file is None:
            return []
        unfinished = _temporary_prefix(self._run) if self._run else None
        return [
            str(other)
            for folder in {file.parent.resolve(), file.resolve().parent}
            if folder.is_dir()
            for other in folder.iterdir()
            if (other.name.startswith(start) and other.name.endswith(end))
            or (unfinished is not None and other.name.startswith(unfinished))
        ]

    def open_bytes(self, path: str) -> IO[bytes]:
        """Open a file to read it once from its beginning to its end."""
        place: Any = _local_path(path) or ObjectStoragePath(path)
        return cast(IO[bytes], place.open("rb"))

    def read(self, path: str) -> bytes | None:
        """Return what a file holds; None where there is none."""
        return self.head(path, -1)

    def head(self, path: str, size: int) -> bytes | None:
        """Return the first bytes of a file; None where there is none."""
        place: Any = _local_path(path) or ObjectStoragePath(path)
        try:
            with place.open("rb") as file:
                return bytes(file.read(size))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, path: str, data: bytes) -> None:
        """Put a whole file in place at once."""
        output = self.create(path)
        try:
            output.write(data)
            output.publish(replace=True)
        finally:
            output.close()

    def create(self, path: str) -> LocalOutput | StoreOutput:
        """Begin a file that appears under its name at ``publish``; its folder is made."""
        file = _local_path(path)
        return StoreOutput(path) if file is None else LocalOutput(file, self._run)

    def move(self, path: str, target: str, identity: object = None) -> None:
        """
        Give a file another name; do nothing where there is none.

        :param identity: of the file that is meant; another one stays where it is
        """
        file, other = _local_path(path), _local_path(target)
        if file is not None and other is not None:
            # Of a link it is the file that moves: the link leads to what takes its place.
            with suppress(FileNotFoundError):
                _move_local(file.resolve(), other, identity)
        elif (data := self.read(path)) is not None:
            self.write(target, data)
            self.delete(path)

    def delete(self, path: str) -> None:
        """Delete a file; do nothing where there is none."""
        place: Any = _local_path(path) or ObjectStoragePath(path)
        with suppress(FileNotFoundError, NotADirectoryError):
            place.unlink()

    def identity(self, path: str) -> object:
        """Return what changes where another file takes the name; None in an object store."""
        file = _local_path(path)
        try:
            return None if file is None else _identity(file.stat())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def same(self, path: str, other: str) -> bool:
        """Say whether two paths lead to one file, whether or not it is there yet."""
        one, two = _local_path(path), _local_path(other)
        if one is None or two is None:
            return one is two and _normal_url(path) == _normal_url(other)
        if one.exists() and two.exists():
            return one.samefile(two)
        return one.resolve() == two.resolve()


def _move_local(file: Path, target: Path, identity: object) -> None:
    """Move a file aside, so that it has one of its names at any moment; leave another file."""
    link = target.with_name(f"{_temporary_prefix('')}{uuid4().hex}.part")
    try:
        link.hardlink_to(file)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one without links
        shutil.copy2(file, link)
    else:
        if identity is not None and _identity(link.stat()) != identity:
            link.unlink()
            return
    link.replace(target)
    link.unlink(missing_ok=True)  # where the target was this file already, nothing was renamed
    _drop_name(file, identity)


def _drop_name(file: Path, identity: object) -> None:
    """Take the name from a file; put it back where it was not the file that is meant."""
    own = file.with_name(f"{_temporary_prefix('')}{uuid4().hex}.part")
    file.rename(own)
    if identity is not None and _identity(own.stat()) != identity:
        with suppress(FileExistsError):
            file.hardlink_to(own)
    own.unlink()


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _normal_url(url: str) -> str:
    """Write an object's URL in one way, whatever connection reaches it."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme.lower()}://{bucket.rpartition('@')[2]}{normpath('/' + key.lstrip('/'))}"


class LocalOutput:
    """
    A file on this worker's disk that grows under a name of its own until it is published.

    Each line is handed to the operating system at once: a worker may be killed.

    :param run: the digest of the run that writes it
    """

    def __init__(self, path: Path, run: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path.parent.resolve() / path.name if not path.is_symlink() else path.resolve()
        self._temporary = self._path.with_name(f"{_temporary_prefix(run)}{uuid4().hex}.part")
        self._file = self._temporary.open("xb", buffering=0)
        self.identity: object = _identity(os.fstat(self._file.fileno()))
        self._incomplete = False
        self._size = 0
        self.live = False

    def write_line(self, line: str) -> None:
        """Write a line that ends in a line break."""
        self.write(line.encode("utf-8", "replace"))

    def write(self, data: bytes) -> None:
        """Write bytes; what a failure has left of those before is taken away first."""
        if self._incomplete:
            self._file.seek(self._size)
            self._file.truncate()
        self._incomplete = True
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._size += len(data)
        self._incomplete = False

    def publish(self, *, replace: bool) -> None:
        """Give it its name; from then on what is written is seen at once."""
        if self.live:
            return
        if replace:
            self._temporary.replace(self._path)
        else:
            try:
                self._path.hardlink_to(self._temporary)
                self._temporary.unlink()
            except FileExistsError:
                raise
            except OSError:  # a file system without links
                self._temporary.replace(self._path)
        self.live = True

    def close(self) -> None:
        """Close it; a file that was never published is dropped."""
        self._file.close()
        if not self.live:
            self._temporary.unlink(missing_ok=True)


def _temporary_prefix(run: str) -> str:
    return f".zoom-{run}-" if run else ".zoom-"


class StoreOutput:
    """An object of a store, written on this worker's disk until it is published."""

    live = False
    identity: object = None

    def __init__(self, url: str) -> None:
        self._url = url
        self._spool = TemporaryFile()  # noqa: SIM115 - closed by close()

    def write_line(self, line: str) -> None:
        """Write a line that ends in a line break."""
        self.write(line.encode("utf-8", "replace"))

    def write(self, data: bytes) -> None:
        """Write bytes."""
        self._spool.write(data)

    def publish(self, *, replace: bool) -> None:
        """Put what is written so far into the store."""
        store: Any = ObjectStoragePath(self._url)
        if not replace and store.exists():
            raise FileExistsError(self._url)
        self._spool.seek(0)
        with store.open("wb") as target:
            shutil.copyfileobj(self._spool, target)
        self._spool.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Drop what this worker's disk holds of it."""
        self._spool.close()
