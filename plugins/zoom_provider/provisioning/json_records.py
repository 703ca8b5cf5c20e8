"""Records of JSON Lines and of a JSON array, one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import chain
from typing import Any, Final, TextIO

from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.columns import strip_blanks
from zoom_provider.provisioning.file_format import FileFault
from zoom_provider.provisioning.roster import InvalidRow, Record

_LONGEST_ELEMENT: Final = 1 << 24
"""Characters of one element of an array."""

_CHUNK: Final = 1 << 16


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members; none may stand twice, or one of them would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _RepeatedNameError(f"holds the name {sanitize_for_log(twice, 40)!r} twice")
    return found


class _RepeatedNameError(Exception):
    """No ValueError: it is not the JSON that is broken."""


_JSON_BLANKS: Final = " \t\r\n"
_JSON: Final = json.JSONDecoder(object_pairs_hook=_unique)


def read_json_lines(lines: Iterable[str]) -> Iterator[Record]:
    """Read an object on each line, with the line's number; empty lines are passed over."""
    for number, line in enumerate(lines, start=1):
        text = strip_blanks(line)
        if text:
            try:
                yield Record(number, _JSON.decode(text))
            except _RepeatedNameError as error:
                yield Record(number, InvalidRow({"row": [str(error)]}))
            except (ValueError, RecursionError):
                yield Record(number, InvalidRow({"row": ["is not JSON"]}))


def read_json_file(stream: TextIO) -> Iterator[Record]:
    """
    Read the objects of an array, numbered from 1; an object on each line is read as JSON Lines.

    :raises FileFault: it is neither, or breaks off
    """
    text = stream.read(_CHUNK)
    while text and not strip_blanks(text):
        text += stream.read(_CHUNK)
    start = len(text) - len(text.lstrip(f"\ufeff{_JSON_BLANKS}"))
    if text.startswith("[", start):
        yield from _json_array(text, start + 1, stream)
        return
    lines = StringIO(text + stream.readline(), newline="")
    first = next(filter(strip_blanks, lines), "")
    try:
        is_line = isinstance(_JSON.decode(strip_blanks(first)), dict)
    except (ValueError, RecursionError, _RepeatedNameError):
        is_line = False
    if not is_line:
        raise FileFault("holds no list of people: its JSON must be an array of objects, [{...}]")
    lines.seek(0)
    yield from read_json_lines(chain(lines, stream))


def _json_array(text: str, at: int, stream: TextIO) -> Iterator[Record]:
    """Read the elements of an array one at a time, whatever its length."""
    number = 0
    text, at = _skip_blanks(text, at, stream)
    if text.startswith("]", at):
        return
    while True:
        number += 1
        value, text, at = _element(text, at, stream, number)
        yield Record(number, value)
        text, at = _skip_blanks(text, at, stream)
        if text.startswith("]", at):
            return
        if not text.startswith(",", at):
            raise _broken_json(number)
        text, at = _skip_blanks(text, at + 1, stream)


def _skip_blanks(text: str, at: int, stream: TextIO) -> tuple[str, int]:
    while True:
        while at < len(text) and text[at] in _JSON_BLANKS:
            at += 1
        if at < len(text):
            return text, at
        text, at = stream.read(_CHUNK), 0
        if not text:
            return "", 0


def _element(text: str, at: int, stream: TextIO, number: int) -> tuple[Any, str, int]:
    """Decode what begins at a place; read on while it may be cut off there."""
    while True:
        value: Any
        try:
            value, end = _JSON.raw_decode(text, at)
            # A number at the end of what was read may go on.
            if end < len(text):
                return value, text, end
        except _RepeatedNameError as error:
            raise FileFault(f"{error}, in element {number}") from None
        except RecursionError:
            raise _broken_json(number) from None
        except ValueError:
            pass
        more = stream.read(max(_CHUNK, len(text) - at))
        if not more or len(text) - at > _LONGEST_ELEMENT:
            raise _broken_json(number)
        text, at = text[at:] + more, 0


def _broken_json(number: int) -> FileFault:
    return FileFault(f"is not JSON from element {number} of its array on: export it again")
