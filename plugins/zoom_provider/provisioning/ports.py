"""Protocols for what provisioning needs from Airflow: files, state, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Protocol


class OutputFile(Protocol):
    """A file that one try writes, line by line."""

    live: bool
    """Whether it is published and what is written is seen at once."""

    identity: object
    """As :meth:`Files.identity` gives it for the published file."""

    def write_line(self, line: str) -> None:
        """Write a line that ends in a line break, so that a kill loses at most this one."""

    def publish(self, *, replace: bool) -> None:
        """
        Let the file be seen under its name; an object store gets what is written so far.

        :raises FileExistsError: another file bears the name, and ``replace`` is False
        """

    def close(self) -> None:
        """Close it; a file that was never published is dropped."""


class Files(Protocol):
    """A worker's disk and object stores, by path or URL."""

    def open_bytes(self, path: str) -> IO[bytes]:
        """Open a file to read it once from its beginning to its end."""

    def read(self, path: str) -> bytes | None:
        """Return what a file holds; None where there is none."""

    def head(self, path: str, size: int) -> bytes | None:
        """Return the first bytes of a file; None where there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Put a whole file in place at once."""

    def create(self, path: str) -> OutputFile:
        """Begin a file that appears under its name at :meth:`OutputFile.publish`."""

    def for_run(self, run: str) -> Files:
        """Return the same files, which name what is unfinished after a run."""

    def list_leftovers(self, path: str, start: str, end: str) -> list[str]:
        """
        List what killed tries of the run have left beside a file: unfinished files and others.

        :param start: of the names of those others
        :param end: of these names
        """

    def move(self, path: str, target: str, identity: object = None) -> None:
        """
        Give a file another name; do nothing where there is none.

        :param identity: of the file that is meant; another one stays where it is
        """

    def delete(self, path: str) -> None:
        """Delete a file; do nothing where there is none."""

    def identity(self, path: str) -> object:
        """Return what changes where another file takes the name; None where that cannot be seen."""

    def same(self, path: str, other: str) -> bool:
        """Say whether two paths lead to one file, whether or not it is there yet."""


class NewerTryError(Exception):
    """The store belongs to a newer try of the task: this one must stop."""


class CheckpointStore(Protocol):
    """Keeps where a task is, so that a later try of it can resume."""

    def load(self) -> dict[str, Any]:
        """Return what was saved last; empty where nothing was."""

    def save(self, state: Mapping[str, Any]) -> None:
        """
        Keep a JSON object of at most 64 KB.

        :raises NewerTryError: a newer try of the task has begun
        """

    def clear(self) -> None:
        """Delete it: the task is done."""


class AttemptNote(Protocol):
    """Remembers over tries that a task was about to post a user."""

    kept: bool
    """Whether notes survive a try and there may be another one: else none need be made."""

    def load(self, email: str) -> bool:
        """Return whether an earlier try noted that it would post this user."""

    def save(self, email: str) -> None:
        """Note that this user is about to be posted."""

    def clear(self) -> None:
        """Delete the note: the result is known."""


class Meter(Protocol):
    """Takes counts and times, by names such as ``zoom.create``."""

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""

    def timing(self, name: str, seconds: float) -> None:
        """Record how long something took."""
