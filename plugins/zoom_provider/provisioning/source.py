"""Where the people of a task come from: a list, or a file that is read row by row."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from tempfile import TemporaryFile
from typing import IO, Any

from zoom_provider.api.response import printable
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning import roster
from zoom_provider.provisioning.checkpoint import Rows
from zoom_provider.provisioning.columns import ColumnFinder, describe_faults
from zoom_provider.provisioning.excel import read_sheet
from zoom_provider.provisioning.mapper import Mapper, MappingNotes, PlainRows
from zoom_provider.provisioning.options import BulkOptions
from zoom_provider.provisioning.ports import Files
from zoom_provider.provisioning.readers import (
    EXCEL_ENDINGS,
    FileFault,
    FileFormat,
    check_format,
    kind_of,
    read_text_records,
    refusals,
    table_records,
)
from zoom_provider.provisioning.roster import Check, Listed, Record, Row

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Survey:
    """
    What one reading of a source tells.

    :param people: fingerprint of which person stands in which row
    :param rows: the numbers of all rows
    :param notes: what the mapping did not take from them as it stood there
    """

    people: str
    rows: Rows
    notes: MappingNotes


class RosterCopy:
    """
    A roster as it was when it was first opened, in a file without a name on this worker's disk.

    A try reads it several times. Were it replaced in between, row numbers of one roster would be
    taken for users of the other. Its store is asked for it once, and an Excel file is unpacked once.

    :param files: opens the roster
    :param path: where it is
    :param form: how it is to be read, as far as it does not say so itself
    """

    def __init__(self, files: Files, path: str | None, form: FileFormat) -> None:
        self._files = files
        self._path = path or ""
        self._form = form
        self._copy: IO[bytes] | None = None
        self._table: IO[bytes] | None = None

    def records(self, finder: ColumnFinder) -> Iterator[Record]:
        """
        Read the copy from its beginning, one row at a time; any number may be reading.

        :param finder: finds the used columns
        :raises ZoomValidationError: it cannot be read, or its header lacks a used column
        """
        if self._copy is None:
            self._copy = self._take_copy()
            with refusals(self._path):
                if self._is_excel(self._copy):
                    self._table = self._unpack_sheet(self._copy)
        if self._table is not None:
            with refusals(self._path):
                yield from table_records(_table_rows(self._table), finder, self._form)
        else:
            yield from read_text_records(_reader(self._copy), self._path, finder, self._form)

    def close(self) -> None:
        """Drop the copy."""
        for file in (self._copy, self._table):
            if file is not None:
                file.close()

    def _take_copy(self) -> IO[bytes]:
        with self._files.open_bytes(self._path) as roster:
            copy = TemporaryFile()  # noqa: SIM115 - closed by close()
            shutil.copyfileobj(roster, copy)
        copy.flush()
        return copy

    def _is_excel(self, copy: IO[bytes]) -> bool:
        kind = kind_of(_reader(copy).read(4), self._path)
        if kind == "gzip" and self._path.lower().removesuffix(".gz").endswith(EXCEL_ENDINGS):
            raise FileFault("is a compressed Excel file: give the .xlsx as it is")
        check_format(kind, self._path, self._form)
        return kind == "excel"

    def _unpack_sheet(self, copy: IO[bytes]) -> IO[bytes]:
        """Write a sheet's cells row by row: the next passes need not unpack the file again."""
        table = TemporaryFile()  # noqa: SIM115 - closed by close()
        for cells in read_sheet(_reader(copy), self._form.sheet):
            table.write(json.dumps(cells).encode() + b"\n")
        table.flush()
        return table


def _reader(file: IO[bytes]) -> BufferedReader:
    return BufferedReader(_Reader(file.fileno()))


def _table_rows(table: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(_reader(table), start=1):
        yield number, json.loads(line)


class _Reader(RawIOBase):
    """Reads an open file from its beginning, whatever else reads it."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        self._at = offset + (os.fstat(self._file).st_size if start is None else start)
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._file, len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def make_source(options: BulkOptions, roster: RosterCopy) -> Source:
    """
    Build the source of a bulk run.

    :param roster: the file, where that is the source
    :raises ZoomValidationError: ``users`` is no list
    """
    users = options.users
    if users is not None and not isinstance(users, (list, tuple)):
        raise ZoomValidationError(
            "users must be a list of user_info objects", errors={"users": ["is not a list"]}
        )
    return Source(
        users=users or (),
        roster=roster if options.roster is not None else None,
        mapping=options.mapping,
        key=options.key,
        # A template's text may be what a run was started with.
        name=printable(options.source or options.roster or "users"),
        shard=options.shard,
        empty_values=options.empty_values,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    The people of a task, read again as often as they are asked for.

    :param users: ``user_info`` objects, or records that the mapping is for
    :param roster: a file that has them instead
    :param name: what a person calls it
    :param mapping: from Zoom's field to its source
    :param key: the column that its source knows a row by
    :param shard: ``(i, n)``: only the rows whose address falls to part i of n
    :param empty_values: texts that count as empty
    """

    users: Sequence[object] = ()
    roster: RosterCopy | None = None
    name: str = ""
    mapping: Mapping[str, Any] | None = None
    key: str | None = None
    shard: tuple[int, int] | None = None
    empty_values: Sequence[str] = ()

    def rows(self, check: Check) -> Iterator[Row]:
        """Read the people, one at a time, each held against Zoom's rules by ``check``."""
        return roster.read(self._records(self._mapper()), check, shard=self.shard)

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
        return self._listed(self._mapper())

    def survey(self) -> Survey:
        """
        Read it to its end: how many rows, who stands in which, and what the mapping makes of them.

        :raises ZoomValidationError: none of the rows has a column that is needed
        """
        digest = hashlib.sha256(b"people")
        rows = []
        mapper = self._mapper()
        for row in self._listed(mapper):
            rows.append(row.row)
            digest.update(f"{row.row} {row.key} {row.email}\n".encode("utf-8", "replace"))
        self._refuse_absent(mapper.finder)
        for warning in mapper.notes.warnings():
            log.warning("%s: %s.", self.name, warning)
        return Survey(digest.hexdigest()[:32], Rows(rows), mapper.notes)

    @property
    def constants(self) -> dict[str, Any]:
        """What the mapping says, for a fingerprint; without the passwords' source."""
        found = {k: v for k, v in (self.mapping or {}).items() if k != "password"}
        return {**found, "empty_values": list(self.empty_values)} if self.empty_values else found

    def _mapper(self) -> Mapper | PlainRows:
        given: dict[str, Any] = {
            "key": self.key,
            "empty_values": self.empty_values,
            "shard": self.shard,
        }
        if self.roster is None and not self.mapping:
            return PlainRows(**given)
        return Mapper(self.mapping, **given)

    def _listed(self, mapper: Mapper | PlainRows) -> Iterator[Listed]:
        return roster.listed(self._records(mapper), shard=self.shard)

    def _records(self, mapper: Mapper | PlainRows) -> Iterator[Record]:
        if self.roster is not None:
            return mapper.apply(self.roster.records(mapper.finder))
        return mapper.apply(roster.from_list(self.users))

    def _refuse_absent(self, finder: ColumnFinder) -> None:
        absent = finder.absent()
        if absent.missing:
            fault = describe_faults(absent, list(finder.names), "in any of its rows")
            field = "users" if self.roster is None else "roster"
            raise ZoomValidationError(f"{self.name} {fault}", errors={field: [fault]})
