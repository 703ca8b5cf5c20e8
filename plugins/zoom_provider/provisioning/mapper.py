"""Apply a mapping to rows, and keep account of what it did not take from them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from zoom_provider.models.rules import UserType
from zoom_provider.models.user import UserInfo
from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.columns import (
    Column,
    ColumnFinder,
    FoundColumns,
    as_read,
    strip_blanks,
)
from zoom_provider.provisioning.roster import InvalidRow, Record, in_shard

NAMES: Final = ("first_name", "last_name", "display_name")
_SECRET: Final = "password"  # noqa: S105 - the field's name

_REQUIRED: Final = ("email", "type")

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("Email Address",),
    "type": ("User Type", "Licenses", "License"),
    "first_name": ("First Name",),
    "last_name": ("Last Name",),
    "display_name": ("Display Name",),
}
"""
What the columns of Zoom's own files are called: those of the web portal's batch import and of its
export of users (support.zoom.com, KB0068315).
"""

_TEMPLATE: Final = (
    frozenset({"email", "first name", "last name"}),
    frozenset(
        {"email", "first name", "last name", "display name", "department", "manager"}
        | {"user group", "im group", "job title", "location"}
    ),
)
"""The columns that the batch import's template must and may have. It has none for the type, which
the portal asks for at the upload."""

_TYPE_WORDS: Final[Mapping[str, UserType]] = {
    "basic": UserType.BASIC,
    "zoom meetings basic": UserType.BASIC,
    "zoom workplace basic": UserType.BASIC,
    "licensed": UserType.LICENSED,
    "on-prem": UserType.ON_PREM,
    "on prem": UserType.ON_PREM,
    "unassigned": UserType.UNASSIGNED,
    "unassigned without meetings basic": UserType.UNASSIGNED,
}

_EMPTY_WORDS: Final = frozenset({"null", "nan", "none", "nil", "n/a", "#n/a", "undefined"})
"""What programs write for nothing. As a name it may be one: Null is a surname."""

_MOST_VALUES: Final = 1_000
"""Values of a column that are counted one by one."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a field comes from: a constant, or a column with what is made of its cells."""

    field: str
    column: str | None = None
    value: Any = None
    optional: bool = False
    values: Mapping[str, Any] | None = None
    has_default: bool = False
    default: Any = None


@dataclass(slots=True)
class MappingNotes:
    """
    What a mapping did not take from the rows as it stood there.

    :param defaults: by field, how many rows of each value fell to the default; the value is empty
        for an empty cell, and None where the file has no such column
    :param empty_words: by field of a name, rows that hold a word such as ``NULL``
    :param apostrophes: rows whose address begins with an apostrophe
    :param of_template: whether it is the portal's template, which has no column for the type
    """

    defaults: dict[str, Counter[str | None]] = field(default_factory=dict)
    empty_words: dict[str, list[int]] = field(default_factory=dict)
    apostrophes: list[int] = field(default_factory=list)
    of_template: bool = False

    def note(
        self, number: int, user_info: Mapping[str, Any], fell: Iterable[tuple[str, str | None]]
    ) -> None:
        """Take account of one row."""
        for name, value in fell:
            counter = self.defaults.setdefault(name, Counter())
            if value is not None and value not in counter and len(counter) >= _MOST_VALUES:
                value = "…"
            counter[value] += 1
        for name in NAMES:
            text = user_info.get(name)
            if isinstance(text, str) and len(text) < 12 and text.lower() in _EMPTY_WORDS:
                self.empty_words.setdefault(name, []).append(number)
        email = user_info.get("email")
        if isinstance(email, str) and email.startswith("'"):
            self.apostrophes.append(number)

    def to_summary(self) -> dict[str, dict[str, Any]]:
        """Return how many rows of each field fell to its default, with the most frequent values."""
        found: dict[str, dict[str, Any]] = {}
        for name, counter in self.defaults.items():
            found[name] = {"rows": counter.total()}
            if name not in (*NAMES, _SECRET, "email"):
                values = {
                    "(no column)" if value is None else value or "(empty)": count
                    for value, count in counter.most_common(20)
                }
                found[name]["values"] = values
        return found

    def warnings(self) -> Iterator[str]:
        """Say what a person should look at, one sentence each."""
        for name, about in self.to_summary().items():
            listed = ", ".join(f"{value}: {n}" for value, n in about.get("values", {}).items())
            rows = f"{about['rows']} rows have the default of Zoom's {name}"
            yield f"{rows}, for the values {{{listed}}}" if listed else rows
        if self.of_template:
            yield (
                "the template of Zoom's batch import has no column for the type, so all users are "
                "Basic: add a column User Type, or give a mapping, if they are not to be"
            )
        for name, numbers in self.empty_words.items():
            yield (
                f"{len(numbers)} rows have a word such as NULL, nan or N/A as {name}, which is "
                f"kept as a name: rows {_some(numbers)}. If it means that there is none, give "
                "empty_values"
            )
        if self.apostrophes:
            yield (
                f"{len(self.apostrophes)} addresses begin with an apostrophe, which may come from "
                f"a spreadsheet and is sent as it stands: rows {_some(self.apostrophes)}"
            )


def _some(numbers: Sequence[int]) -> str:
    more = ", ..." if len(numbers) > 10 else ""
    return ", ".join(map(str, numbers[:10])) + more


class Mapper:
    """
    Makes ``user_info`` of records as a mapping declares it.

    A text names a column; a number, a boolean or a list is a constant; an object says more:
    ``{"column": "Department", "map": {"Sales": 2}, "default": 1}``, ``{"value": "text"}``; a
    column that is ``"optional": True`` may be missing. The default stands for an empty cell and for
    a value that the map lacks. Without a mapping, the columns with Zoom's names are taken.

    Texts are stripped, empty ones count as not given, and addresses are lower-cased. A type may be
    one of Zoom's words, such as Basic.

    :param mapping: from Zoom's field to its source; None and an empty one are no mapping
    :param key: the column that the source knows a row by
    :param empty_values: texts that count as empty
    :param shard: ``(i, n)``: take account only of rows whose address falls to part i of n
    :param first_day: the column of the first days, where they are asked for
    """

    def __init__(
        self,
        mapping: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        empty_values: Iterable[str] = (),
        shard: tuple[int, int] | None = None,
        first_day: str | None = None,
    ) -> None:
        self.notes = MappingNotes()
        self._shard = shard
        self._empty = frozenset(map(as_read, empty_values))
        self._by_name = not mapping
        self._sources = (
            [_parse_source(*item) for item in mapping.items()]
            if mapping
            else [_own_source(name) for name in UserInfo.model_fields]
        )
        implied = {"type": _TEMPLATE} if self._by_name else {}
        self.finder = ColumnFinder(used_columns(mapping, key, first_day), implied)
        spelt = {as_read(column.name): column.name for column in self.finder.columns}
        self._columns = [spelt[as_read(s.column)] if s.column else None for s in self._sources]
        self._key = spelt[as_read(key)] if key else None

    def apply(self, records: Iterable[Record]) -> Iterator[Record]:
        """Make ``user_info`` of each record; what is no record is left as it is."""
        for number, record, key in records:
            if not isinstance(record, Mapping):
                yield Record(number, record, key)
                continue
            found = self.finder.find(record)
            user_info: dict[str, Any] = {}
            faults: dict[str, list[str]] = {}
            fell: list[tuple[str, str | None]] = []
            for source, column in zip(self._sources, self._columns, strict=True):
                try:
                    value = self._read(source, column, record, found, fell)
                except ValueError as error:
                    faults[f"user_info.{source.field}"] = [str(error)]
                    continue
                if value is not None and value != "":
                    user_info[source.field] = value
            if isinstance(user_info.get("email"), str):
                user_info["email"] = user_info["email"].lower()
            if self._shard is None or in_shard(str(user_info.get("email", "")), *self._shard):
                self.notes.note(number, user_info, fell)
            key = self._key_of(record, found) if self._key else key
            yield Record(number, InvalidRow(faults, user_info) if faults else user_info, key)

    def _key_of(self, record: Mapping[Any, Any], found: FoundColumns) -> str:
        name = found.names.get(self._key or "")
        return "" if name is None else _key_text(record[name])

    def _read(
        self,
        source: _Source,
        column: str | None,
        record: Mapping[Any, Any],
        found: FoundColumns,
        fell: list[tuple[str, str | None]],
    ) -> Any:
        """Return one field's value; raise ValueError with the reason if there is none."""
        if column is None:
            value = source.value
        elif column in found.names:
            value = self._from_cell(source, record[found.names[column]], fell)
        elif any(twice.name == column for twice, _ in found.twice):
            raise ValueError(f"column {sanitize_for_log(column, 80)!r} stands twice in this row")
        elif any(missing.name == column for missing in found.missing):
            raise ValueError(f"column {sanitize_for_log(column, 80)!r} is missing")
        else:
            if source.has_default:
                fell.append((source.field, None))
            elif self._by_name and source.field == "type":
                fell.append((source.field, None))
                self.notes.of_template = True
                return UserType.BASIC
            value = source.default
        return _user_type(value) if source.field == "type" else value

    def _from_cell(self, source: _Source, value: Any, fell: list[tuple[str, str | None]]) -> Any:
        if isinstance(value, str):
            value = strip_blanks(value)
            empty = not value or (bool(self._empty) and as_read(value) in self._empty)
        else:
            # A frame of pandas holds NaN where a cell is empty; it equals nothing, itself neither.
            empty = value is None or (isinstance(value, float) and value != value)
        if source.values is not None:
            key = "" if empty else as_read(value)
            if key in source.values:
                return source.values[key]
        elif not empty:
            return value
        if source.has_default:
            fell.append((source.field, "" if empty else _shown_value(value)))
        elif not empty:
            raise ValueError(
                f"column {sanitize_for_log(source.column, 80)!r} holds a value that the mapping "
                "lacks"
                + ("" if source.field in (*NAMES, _SECRET) else f": {_shown_value(value)!r}")
            )
        return source.default


class PlainRows:
    """
    Takes users as they are, and keeps the same account of them as a :class:`Mapper`.

    :param key: the column that the source knows a row by; one that is no field of Zoom's is taken
        off
    :param empty_values: texts that count as empty
    :param shard: as for a mapper
    :param first_day: as for a mapper; a column that is no field of Zoom's is taken off
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        empty_values: Iterable[str] = (),
        shard: tuple[int, int] | None = None,
        first_day: str | None = None,
    ) -> None:
        self.notes = MappingNotes()
        named = {key: "the rows' key", first_day: "first_day"}
        self.finder = ColumnFinder([Column(name, why) for name, why in named.items() if name])
        self._key = key
        self._empty = frozenset(map(as_read, empty_values))
        self._shard = shard

    def apply(self, records: Iterable[Record]) -> Iterator[Record]:
        """Note the key of each record, and drop what counts as empty."""
        for number, record, key in records:
            if not isinstance(record, Mapping):
                yield Record(number, record, key)
                continue
            names = self.finder.find(record).names
            name = names.get(self._key or "")
            key = key if name is None else _key_text(record[name])
            own = set(names.values()) - UserInfo.model_fields.keys()
            user_info = {
                field_name: value
                for field_name, value in record.items()
                if field_name not in own and not self._is_empty(value)
            }
            if "type" in user_info:
                user_info["type"] = _user_type(user_info["type"])
            email = str(user_info.get("email", "")).strip()
            if self._shard is None or in_shard(email, *self._shard):
                self.notes.note(number, user_info, ())
            yield Record(number, user_info, key)

    def _is_empty(self, value: Any) -> bool:
        return bool(self._empty) and isinstance(value, str) and as_read(value) in self._empty


def _key_text(value: Any) -> str:
    return "" if value is None else sanitize_for_log(strip_blanks(str(value)))


def used_columns(
    mapping: Mapping[str, Any] | None, key: str | None = None, first_day: str | None = None
) -> list[Column]:
    """Return the columns that a mapping uses, each once, with what it is for."""
    found: dict[str, Column] = {}

    def add(name: str, purpose: str, optional: bool, aliases: tuple[str, ...] = ()) -> None:
        earlier = found.get(as_read(name))
        if earlier is None:
            found[as_read(name)] = Column(name, purpose, optional, aliases)
        elif earlier.optional and not optional:
            found[as_read(name)] = Column(earlier.name, purpose, False, earlier.aliases)

    sources = map(_parse_source, mapping.keys(), mapping.values()) if mapping else ()
    for source in sources:
        if source.column is not None:
            add(source.column, f"Zoom's {source.field}", source.optional)
    if not mapping:
        for name in UserInfo.model_fields:
            add(name, f"Zoom's {name}", name not in _REQUIRED, _ALIASES.get(name, ()))
    if key:
        add(key, "the rows' key", False)
    if first_day:
        add(first_day, "first_day", False)
    return list(found.values())


def _parse_source(name: str, source: Any) -> _Source:
    if isinstance(source, str):
        return _Source(name, column=source)
    if not isinstance(source, Mapping):
        return _Source(name, value=source)
    if "column" not in source:
        return _Source(name, value=source.get("value"))
    values = source.get("map")
    return _Source(
        name,
        column=source["column"],
        optional=bool(source.get("optional")),
        values=None if values is None else {as_read(k): v for k, v in values.items()},
        has_default="default" in source,
        default=source.get("default"),
    )


def _own_source(name: str) -> _Source:
    return _Source(name, column=name, optional=name not in _REQUIRED)


def _user_type(value: Any) -> Any:
    """Read Zoom's words for a type, and a number as a table of numbers with gaps has it: 2.0."""
    if isinstance(value, str):
        whole = re.fullmatch(r"(\d{1,3})\.0+", value)
        return whole[1] if whole else _TYPE_WORDS.get(as_read(value), value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown_value(value: Any) -> str:
    """Show a cell in a log, unless it may be a password that strayed into another column."""
    text = sanitize_for_log(value, 40)
    kinds = (str.isupper, str.islower, str.isdigit)
    looks_secret = len(text) >= 8 and " " not in text
    if looks_secret and all(any(map(kind, text)) for kind in kinds):
        return "another text"
    return text
