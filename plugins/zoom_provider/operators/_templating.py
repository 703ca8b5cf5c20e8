"""
Parse and mask ``user_info`` while rendering, once for all operators.

Airflow stores rendered fields before ``execute`` runs, and masks a password only by its key. A
JSON text has no keys, so it becomes an object here, before it is stored; and what is stored has no
password in it at all, whatever its column is called.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from zoom_provider._compat import mask_secret
from zoom_provider.exceptions import ZoomValidationError

_MIN_SIMILARITY = 0.7
"""From here on a field's name is taken for a misspelt ``password``."""

_MAX_DEPTH = 20
"""Levels; what is nested deeper is no person, and is not shown."""

_MAX_JSON_LAYERS = 3
"""A JSON text is a text again where a template passes it through ``tojson``."""

_MAX_MASKED = 100
"""Each mask costs every log line; what Airflow stores is without passwords in any number."""


def is_nothing(value: Any) -> bool:
    """Return whether a value is what a template of nothing renders to."""
    return isinstance(value, str) and value.strip().lower() in ("", "none", "null")


class UnparsableText(str):
    """Stands where a text was that could not be parsed, and that may hold a password."""

    __slots__ = ()


def password_column(mapping: Any) -> str | None:
    """Return what a source calls its passwords, which need not look like the word."""
    source = mapping.get("password") if isinstance(mapping, Mapping) else None
    column = source.get("column") if isinstance(source, Mapping) else source
    return column if isinstance(column, str) else None


def parse_and_mask_passwords(value: Any, column: str | None = None) -> Any:
    """
    Parse a text into people; mask the passwords among them in this process's logs.

    :param column: what holds a password besides what is called one
    """
    people = parse_people(value)
    for person in people[:_MAX_MASKED] if isinstance(people, list) else [people]:
        for secret in _iter_passwords(person, column):
            mask_secret(secret)
            mask_secret(json.dumps(secret)[1:-1])
    return people


def redact_passwords(people: Any, column: str | None = None, depth: int = 0) -> Any:
    """Return people as they may be shown: each password, at any depth, of any type, is ``***``."""
    if depth > _MAX_DEPTH:
        return "***"
    if isinstance(people, (list, tuple)):
        shown: Any = [redact_passwords(item, column, depth + 1) for item in people]
        return shown if any(a is not b for a, b in zip(shown, people, strict=True)) else people
    if not isinstance(people, dict):
        return people
    shown = {
        name: "***"
        if value not in (None, "") and _is_password(name, column)
        else redact_passwords(value, column, depth + 1)
        for name, value in people.items()
    }
    return shown if any(shown[name] is not value for name, value in people.items()) else people


def require_parsed(value: Any, name: str) -> Any:
    """
    Return a parameter.

    :raises ZoomValidationError: it was a text that could not be parsed
    """
    if isinstance(value, UnparsableText):
        raise ZoomValidationError(f"{name} cannot be read {value}", errors={name: [str(value)]})
    return value


def parse_people(value: Any) -> Any:
    """
    Turn a JSON text, or the text of a Python literal, into what it stands for.

    ``"{{ params.user_info }}"`` renders to a Python literal, ``"{{ ... | tojson }}"`` to JSON.
    Texts inside a list are parsed as well. What cannot be parsed comes back as
    :class:`UnparsableText`, which says why and holds nothing of it.
    """
    # Airflow makes a lazy sequence of the outputs of mapped tasks; masking needs them all.
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_parse_text(item) if isinstance(item, str) else item for item in value]
    if isinstance(value, str):
        found = _parse_text(value)
        return parse_people(found) if isinstance(found, (list, tuple)) else found
    return value


def _parse_text(text: str) -> Any:
    found: Any = text
    for _ in range(_MAX_JSON_LAYERS):
        if not isinstance(found, str) or isinstance(found, UnparsableText):
            break
        found = _parse_once(found)
    if isinstance(found, (dict, list, tuple, UnparsableText)):
        return found
    # Whatever it is, it may be a password in the wrong place.
    return UnparsableText("(not shown: neither an object nor a list)")


def _parse_once(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg.partition(':')[0]}"
    except (ValueError, RecursionError) as error:
        where = type(error).__name__
    try:
        with warnings.catch_warnings():
            # Python would quote an odd escape sequence of the text.
            warnings.simplefilter("ignore")
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return UnparsableText(f"(not shown: neither JSON nor a Python literal; {where})")


def _iter_passwords(
    value: Any, column: str | None, depth: int = 0, *, inside: bool = False
) -> Iterator[str]:
    """Yield the texts that are passwords, at any depth; a number would mask too much."""
    if isinstance(value, str) and inside and value:
        yield value
    elif isinstance(value, (list, tuple)) and depth <= _MAX_DEPTH:
        for item in value:
            yield from _iter_passwords(item, column, depth + 1, inside=inside)
    elif isinstance(value, dict) and depth <= _MAX_DEPTH:
        for name, item in value.items():
            within = inside or _is_password(name, column)
            yield from _iter_passwords(item, column, depth + 1, inside=within)


def _is_password(name: Any, column: str | None) -> bool:
    if not isinstance(name, str):
        return False
    return (column is not None and _reads_alike(name, column)) or _looks_like_password(name)


@lru_cache(maxsize=4096)
def _reads_alike(name: str, column: str) -> bool:
    """Say whether a mapping's column is found under a name, which case and blanks do not change."""
    from zoom_provider.provisioning.columns import as_read

    return as_read(name) == as_read(column)


@lru_cache(maxsize=4096)
def _looks_like_password(name: str) -> bool:
    """Say whether a field's name is ``password``, perhaps misspelt."""
    return SequenceMatcher(None, name.lower()[:64], "password").ratio() >= _MIN_SIMILARITY
