"""Rosters in memory, read by a source as a bulk run reads them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from zoom_provider.models.user import CreateRequest, parse_create_request
from zoom_provider.provisioning.options import BulkOptions, file_format, parse_options
from zoom_provider.provisioning.roster import Row
from zoom_provider.provisioning.roster_copy import RosterCopy
from zoom_provider.provisioning.source import Source, make_source


@dataclass
class MemoryFiles:
    """One file under every name, and how often it was fetched."""

    data: bytes
    fetched: list[str] = field(default_factory=list)

    def open_bytes(self, path: str) -> IO[bytes]:
        self.fetched.append(path)
        return io.BytesIO(self.data)


def open_source(
    data: bytes | str = b"", name: str = "hr.csv", files: MemoryFiles | None = None, **given: Any
) -> Source:
    """Open a roster, or a list where ``users`` are given."""
    if "users" not in given:
        given["roster"] = name
    options: BulkOptions = parse_options(**given)
    held = files or MemoryFiles(data if isinstance(data, bytes) else data.encode())
    copy = RosterCopy(held, options.roster, file_format(options))  # type: ignore[arg-type]  # a part
    return make_source(options, copy)


def creates(user_info: object) -> CreateRequest:
    return parse_create_request("create", user_info)


def read_rows(source: Source) -> list[Row]:
    """Read a source as a run does: first a survey, then its rows."""
    source.survey()
    return list(source.rows(creates))


def people(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return row number, address, type and first name of each user, or the faulty fields."""
    return [
        (
            row.number,
            row.email,
            *(
                (int(row.request.user_info.type), row.request.user_info.first_name)
                if row.request
                else (sorted(row.error.errors) if row.error else f"duplicate of {row.first}",)
            ),
        )
        for row in rows
    ]


def read_people(
    data: bytes | str = b"", name: str = "hr.csv", **given: Any
) -> list[tuple[Any, ...]]:
    """Read a roster, and say who is in it."""
    source = open_source(data, name, **given)
    try:
        return people(read_rows(source))
    finally:
        if source.roster is not None:
            source.roster.close()


MAPPING: Mapping[str, Any] = {
    "email": "Work Email",
    "type": {"column": "Department", "map": {"Sales": 2}, "default": 1},
    "first_name": "First Name",
}
