"""Where the people of a task come from: a list, or a file that is read row by row."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, RawIOBase, TextIOWrapper
from tempfile import TemporaryFile
from typing import IO, Any, TextIO

from zoom_provider.api.response import printable
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.user import UserInfo
from zoom_provider.provisioning import roster
from zoom_provider.provisioning.checkpoint import Rows
from zoom_provider.provisioning.mapping import columns_needed, mapped
from zoom_provider.provisioning.options import BulkOptions
from zoom_provider.provisioning.ports import Files
from zoom_provider.provisioning.roster import Check, Listed, Record, Row

_JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Survey:
    """
    What one reading of a source tells.

    :param people: fingerprint of which person stands in which row
    :param rows: the numbers of all rows
    """

    people: str
    rows: Rows


class RosterCopy:
    """
    A roster as it was when it was first opened, in a file without a name on this worker's disk.

    A try reads it several times. Were it replaced in between, row numbers of one roster would be
    taken for persons of the other.

    :param files: opens the roster
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._copy: IO[bytes] | None = None

    def open_text(self, path: str, mode: str = "r") -> TextIO:
        """Open the copy to read text from its beginning; any number may be open."""
        if self._copy is None:
            with self._files.open_text(path, mode) as roster:
                self._copy = TemporaryFile()  # noqa: SIM115 - closed by close()
                shutil.copyfileobj(roster.buffer, self._copy)
            self._copy.flush()
        raw = BufferedReader(_Reader(self._copy.fileno()))
        # A byte-order mark before a quotation mark would make that a part of a column's name.
        return TextIOWrapper(raw, encoding="utf-8-sig", newline="")

    def close(self) -> None:
        """Drop the copy."""
        if self._copy is not None:
            self._copy.close()


class _Reader(RawIOBase):
    """Reads an open file from its beginning, whatever else reads it."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._file, len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def make_source(options: BulkOptions, roster: RosterCopy) -> Source:
    """
    Build the source of a bulk run.

    :param roster: opens the file, where that is the source
    :raises ZoomValidationError: ``users`` is no list
    """
    users = options.users
    if users is not None and not isinstance(users, (list, tuple)):
        raise ZoomValidationError(
            "users must be a list of user_info objects", errors={"users": ["is not a list"]}
        )
    return Source(
        users=users or (),
        path=options.roster,
        open_text=roster.open_text,
        mapping=options.mapping,
        key=options.key,
        # A template's text may be what a run was started with.
        name=printable(options.source or options.roster or "users"),
        shard=options.shard,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    The people of a task, read again as often as they are asked for.

    :param users: ``user_info`` objects, or records that the mapping is for
    :param path: instead of them, of a CSV file or one of JSON Lines, by its ending
    :param name: what a person calls it
    :param open_text: opens a path for text in a mode
    :param mapping: from Zoom's field to its source
    :param key: the column that its source knows a row by
    :param shard: ``(i, n)``: only the rows whose address falls to part i of n
    """

    users: Sequence[object] = ()
    path: str | None = None
    name: str = ""
    open_text: Callable[[str, str], TextIO]
    mapping: Mapping[str, Any] | None = None
    key: str | None = None
    shard: tuple[int, int] | None = None

    def rows(self, check: Check) -> Iterator[Row]:
        """Read the people, one at a time, each held against Zoom's rules by ``check``."""
        return roster.read(self._records(), check, shard=self.shard)

    def refuse_more_than(self, most: int, check: Check) -> None:
        """
        Stop before the first call where a wrong export would create a crowd.

        :raises ZoomValidationError: there are more people than ``most``
        """
        people = sum(row.request is not None for row in self.rows(check))
        if people > most:
            raise ZoomValidationError(
                f"{people} people are more than max_creates={most} allows; nobody was created",
                errors={"max_creates": [f"{people} people"]},
            )

    def listed(self) -> Iterator[Listed]:
        """Read number, key and address of each row."""
        return roster.listed(self._records(), shard=self.shard)

    def survey(self) -> Survey:
        """Read it to its end: how many rows, and who stands in which."""
        digest = hashlib.sha256(b"people")
        rows = []
        for row in self.listed():
            rows.append(row.row)
            digest.update(f"{row.row} {row.key} {row.email}\n".encode("utf-8", "replace"))
        return Survey(digest.hexdigest()[:32], Rows(rows))

    @property
    def constants(self) -> dict[str, Any]:
        """What the mapping says, for a fingerprint; without the passwords' source."""
        return {k: v for k, v in (self.mapping or {}).items() if k != "password"}

    def _records(self) -> Iterator[Record]:
        if self.path is None:
            listed = self._keyed(roster.from_list(self.users))
            yield from mapped(listed, self.mapping) if self.mapping else listed
            return
        with self.open_text(self.path, "r") as stream:
            path = printable(self.path)
            if self.path.lower().endswith(_JSON_LINES):
                records = roster.from_json_lines(stream, path)
            else:
                needed = columns_needed(self.mapping)
                if self.key:
                    needed.setdefault(self.key, "the rows' key")
                records = roster.from_csv(stream, path, needed)
            yield from mapped(self._keyed(records), self.mapping)

    def _keyed(self, records: Iterator[Record]) -> Iterator[Record]:
        if self.key is None:
            return records
        # People who are taken as they are hold Zoom's fields and nothing else.
        only_key = not self.mapping and self.key not in UserInfo.model_fields
        return roster.keyed(records, self.key, taken_off=only_key)
