"""A private copy of a roster, which is read as often as the work needs."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from io import BufferedReader
from tempfile import TemporaryFile
from typing import IO, Any, cast

from zoom_provider.provisioning.columns import ColumnFinder
from zoom_provider.provisioning.excel import read_sheet
from zoom_provider.provisioning.file_format import FileFormat
from zoom_provider.provisioning.ports import Files
from zoom_provider.provisioning.readers import check_format, kind_of, read_text_records, refusals
from zoom_provider.provisioning.roster import Record
from zoom_provider.provisioning.spool import FileReader
from zoom_provider.provisioning.tables import table_records


class RosterCopy:
    """
    A roster as it was when it was first opened, in a file without a name on this worker's disk.

    A try reads it several times. Were it replaced in between, row numbers of one roster would be
    taken for users of the other. Its store is asked for it once; an Excel file is unpacked once.

    :param files: opens the roster
    :param path: where it is
    :param form: how it is to be read, as far as it does not say so itself
    """

    def __init__(self, files: Files, path: str | None, form: FileFormat) -> None:
        self._files = files
        self._path = path or ""
        self._form = form
        self._copy: IO[bytes] | None = None
        self._is_table = False

    def records(self, finder: ColumnFinder) -> Iterator[Record]:
        """
        Read the copy from its beginning, one row at a time; any number may be reading.

        :param finder: finds the used columns
        :raises ZoomValidationError: it cannot be read, or its header lacks a used column
        """
        if self._copy is None:
            with refusals(self._path):
                self._copy = self._take_copy()
        if self._is_table:
            with refusals(self._path):
                yield from table_records(_table_rows(self._copy), finder, self._form)
        else:
            yield from read_text_records(_reader(self._copy), self._path, finder, self._form)

    def close(self) -> None:
        """Drop the copy."""
        if self._copy is not None:
            self._copy.close()

    def _take_copy(self) -> IO[bytes]:
        with self._files.open_bytes(self._path) as file:
            copy = _spool(file)
        try:
            kind = kind_of(_reader(copy).read(4), self._path)
            if kind == "gzip":
                kind, copy = self._unpack(copy)
            check_format(kind, self._form)
            self._is_table = kind == "excel"
            return self._unpack_sheet(copy) if self._is_table else copy
        except BaseException:
            copy.close()
            raise

    def _unpack(self, packed: IO[bytes]) -> tuple[str, IO[bytes]]:
        """Say what gzip holds; an Excel file is unpacked, since its parts are read in any order."""
        with gzip.GzipFile(fileobj=_reader(packed)) as unpacked:
            kind = kind_of(unpacked.read(4), self._path)
            if kind != "excel":
                return kind, packed
            unpacked.seek(0)
            with packed:
                return kind, _spool(unpacked)

    def _unpack_sheet(self, book: IO[bytes]) -> IO[bytes]:
        """Write a sheet's cells row by row, so that no later pass has to unpack them again."""
        table = TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            with book:
                for cells in read_sheet(_reader(book), self._form.sheet):
                    table.write(json.dumps(cells).encode() + b"\n")
            table.flush()
        except BaseException:
            table.close()
            raise
        return table


def _spool(file: Any) -> IO[bytes]:
    """Copy a file into one that has no name, and that only this process can read."""
    copy = TemporaryFile()  # noqa: SIM115 - closed by the caller
    shutil.copyfileobj(file, copy)
    copy.flush()
    return cast(IO[bytes], copy)


def _reader(file: IO[bytes]) -> BufferedReader:
    return BufferedReader(FileReader(file.fileno()))


def _table_rows(table: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(_reader(table), start=1):
        yield number, json.loads(line)
