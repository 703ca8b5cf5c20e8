"""Find columns by their names as a person reads them, and say what is wrong where they are not."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from zoom_provider.models.validation import sanitize_for_log

_INVISIBLE: Final = "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_BLANKS: Final = _INVISIBLE + "".join(filter(str.isspace, map(chr, range(0x3001))))

_MOST_SHOWN: Final = 25
"""Columns that a message lists."""

_MOST_CACHED: Final = 1_000
"""Sets of column names that are remembered; JSON may have another in each row."""


def strip_blanks(text: str) -> str:
    """Strip what a person does not see at the ends: blanks, no-break ones too, zero-width marks."""
    return text.strip(_BLANKS)


@lru_cache(maxsize=8_192)
def _as_read(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    if not plain.isascii():
        plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return " ".join(plain.split()).casefold()


def as_read(value: object) -> str:
    """Return a value as a person compares it: without case, outer and doubled blanks; 1 is "1"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else str(value)
    return _as_read(text) if len(text) <= 200 else _as_read.__wrapped__(text)


@dataclass(frozen=True, slots=True)
class Column:
    """
    A column that is used.

    :param name: as a mapping declares it
    :param purpose: what it is used for, in an error
    :param optional: whether it may be missing
    :param aliases: other names for it, the best first
    """

    name: str
    purpose: str
    optional: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundColumns:
    """
    Where the used columns stand among the names of a header or of a record.

    :param names: from the declared name to the one that stands there
    :param missing: columns that are needed and do not stand there
    :param twice: columns that stand there more than once, with how often
    """

    names: Mapping[str, Any]
    missing: tuple[Column, ...] = ()
    twice: tuple[tuple[Column, int], ...] = ()


@dataclass(slots=True)
class ColumnFinder:
    """
    Finds the used columns among names, and remembers which names it has seen.

    :param columns: the used ones
    :param implied: columns that may be missing where all names are among the given ones, as in a
        form whose maker asks for them elsewhere
    :param seen: the declared names that were found at least once
    :param names: all names that were seen, in their order, at most 1,000
    """

    columns: Sequence[Column]
    implied: Mapping[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    names: dict[str, None] = field(default_factory=dict)
    _cache: dict[tuple[Any, ...], FoundColumns] = field(default_factory=dict)

    def find(self, names: Iterable[Any]) -> FoundColumns:
        """Find the used columns among the names of one record or header."""
        given = tuple(names)
        found = self._cache.get(given)
        if found is None:
            if len(self._cache) >= _MOST_CACHED:
                self._cache.clear()
            found = self._cache[given] = self._find(given)
            self.seen.update(found.names, (column.name for column, _ in found.twice))
            if len(self.names) < _MOST_CACHED:
                self.names.update(dict.fromkeys(map(str, given)))
        return found

    def remember(self, names: Iterable[Any], found: FoundColumns) -> None:
        """Note where the used columns stand among names that a reader has given their columns."""
        self._cache[tuple(names)] = found

    def _find(self, given: Sequence[Any]) -> FoundColumns:
        by_key: dict[str, list[Any]] = {}
        for name in given:
            by_key.setdefault(as_read(name), []).append(name)
        names: dict[str, Any] = {}
        missing: list[Column] = []
        twice: list[tuple[Column, int]] = []
        for column in self.columns:
            places = by_key.get(as_read(column.name), [])
            for alias in column.aliases:
                places = places or by_key.get(as_read(alias), [])
            if len(places) == 1:
                names[column.name] = places[0]
            elif places:
                twice.append((column, len(places)))
            elif not column.optional and not self._is_implied(column.name, by_key.keys()):
                missing.append(column)
        return FoundColumns(names, tuple(missing), tuple(twice))

    def _is_implied(self, column: str, keys: Iterable[str]) -> bool:
        if column not in self.implied:
            return False
        needed, allowed = self.implied[column]
        return needed <= set(keys) <= allowed | {""}

    def absent(self) -> FoundColumns:
        """Return the needed columns that stand in none of the records that were seen."""
        union = self._find(list(self.names)) if self.names else FoundColumns({})
        return FoundColumns({}, tuple(c for c in union.missing if c.name not in self.seen))


def describe_faults(found: FoundColumns, names: Sequence[str], place: str) -> str:
    """
    Say which used columns are missing or ambiguous, and what there is instead.

    :param names: those of the header, or of all records
    :param place: where they stand, such as ``in its header``
    """
    faults = [
        f"has {count} columns {_shown(column.name)} {place}, for {column.purpose}"
        for column, count in found.twice
    ]
    for column in found.missing:
        fault = f"has no column {_shown(column.name)} {place}, for {column.purpose}"
        near = nearest_column(column.name, names)
        faults.append(f"{fault} (did you mean {_shown(near)}?)" if near else fault)
    return f"{'; '.join(faults)}; {describe_names(names)}"


def describe_names(names: Sequence[str]) -> str:
    """List the names of columns, safe to print, unless they are personal data."""
    listed = [name for name in map(strip_blanks, names) if name]
    if any("@" in name for name in listed):
        return "what stands there is a person, with an address: the first row must name the columns"
    more = f" and {len(listed) - _MOST_SHOWN} more" if len(listed) > _MOST_SHOWN else ""
    return f"what there is: {', '.join(map(_shown, listed[:_MOST_SHOWN]))}{more}"


def nearest_column(name: str, names: Sequence[str]) -> str | None:
    """Return the name that looks most like another one; None where none does."""
    by_key = {as_read(other): other for other in names if strip_blanks(other) and "@" not in other}
    near = get_close_matches(as_read(name)[:80], by_key, n=1, cutoff=0.5)
    return by_key[near[0]] if near else None


def _shown(name: str) -> str:
    return repr(sanitize_for_log(name, 40))
