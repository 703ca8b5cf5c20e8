"""A declared mapping from Zoom's fields to columns, checked before it is applied to rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from zoom_provider.api.response import printable
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.user import UserInfo
from zoom_provider.models.validation import unknown_field_hint, visible
from zoom_provider.provisioning.roster import Record, Unusable

_FIELDS: Final = tuple(UserInfo.model_fields)
_SAME: Final = {field: {"column": field} for field in _FIELDS}
_REQUIRED: Final = ("email", "type")
_WORDS: Final = ("column", "map", "default", "optional", "value")


def check_mapping(mapping: object) -> None:
    """
    Refuse a mapping that could not make anybody, before a row is read.

    :param mapping: as :func:`mapped` takes it; None and an empty one are no mapping
    :raises ZoomValidationError: with all faults by field
    """
    if mapping is None or mapping == {}:
        return
    errors: dict[str, list[str]] = {}
    if not isinstance(mapping, Mapping):
        errors["mapping"] = ["must be an object from Zoom's fields to their sources"]
    else:
        for field in _REQUIRED:
            if field not in mapping:
                errors[f"mapping.{field}"] = ["is missing, and Zoom requires it"]
        for field, source in mapping.items():
            fault = _fault_of(field, source)
            if fault:
                errors[f"mapping.{visible(str(field))}"] = [fault]
    if errors:
        listed = "; ".join(f"{name} {texts[0]}" for name, texts in errors.items())
        raise ZoomValidationError(listed, errors=errors)


def _fault_of(field: object, source: object) -> str | None:
    """Say what is wrong with one field's source."""
    if field not in _FIELDS:
        return unknown_field_hint(str(field), _FIELDS)
    if source is None or source == "":
        return "names no source: leave the field out, or name a column"
    return _fault_of_object(source) if isinstance(source, Mapping) else None


def _fault_of_object(source: Mapping[Any, Any]) -> str | None:
    for word in source:
        if word not in _WORDS:
            return f"has {visible(str(word))!r}, but takes {', '.join(_WORDS)} only"
    if ("value" in source) == ("column" in source):
        return 'must have either "column" or "value"'
    if "value" in source:
        return None if len(source) == 1 else 'has "value", which stands alone'
    if not isinstance(source["column"], str) or not source["column"]:
        return 'has a "column" that is no text'
    if not isinstance(source.get("optional", True), bool):
        return 'has an "optional" that is neither True nor False'
    if not isinstance(source.get("map", {}), Mapping):
        return 'has a "map" that is no object from a cell\'s text to a value'
    return None


def columns_needed(mapping: Mapping[str, Any] | None) -> dict[str, str]:
    """Give the columns without which every row would be rejected, each with what it is for."""
    if not mapping:
        return {field: f"Zoom's {field}" for field in _REQUIRED}
    needed = {}
    for field, source in mapping.items():
        if isinstance(source, str):
            needed[source] = f"Zoom's {field}"
        elif isinstance(source, Mapping) and not source.keys() & {"default", "optional", "value"}:
            needed[source["column"]] = f"Zoom's {field}"
    return needed


def mapped(records: Iterable[Record], mapping: Mapping[str, Any] | None) -> Iterator[Record]:
    """
    Make ``user_info`` of records as declared.

    A text names a column; a number, a boolean or a list is a constant; an object says more:
    ``{"column": "Department", "map": {"Sales": 2}, "default": 1}``, ``{"value": "text"}``; a
    column that is ``"optional": True`` may be missing. Texts are stripped, empty ones count as not
    given, and addresses are lower-cased. Without a mapping, what bears one of Zoom's names is
    taken.

    :param mapping: from Zoom's field to its source
    """
    sources = {
        field: {"column": source} if isinstance(source, str) else source
        for field, source in (mapping or {}).items()
    }
    for number, record, key in records:
        if not isinstance(record, Mapping):
            yield Record(number, record, key)
            continue
        user_info: dict[str, Any] = {}
        faults: dict[str, list[str]] = {}
        for field, source in (sources or _by_name(record)).items():
            try:
                value = _value(record, source)
            except ValueError as error:
                faults[f"user_info.{field}"] = [str(error)]
                continue
            if value not in (None, ""):
                user_info[field] = value
        if isinstance(user_info.get("email"), str):
            user_info["email"] = user_info["email"].lower()
        if faults:
            yield Record(number, Unusable(faults, str(user_info.get("email", ""))), key)
        else:
            yield Record(number, user_info, key)


def _by_name(record: Mapping[Any, Any]) -> dict[str, dict[str, str]]:
    """Map what bears one of Zoom's names."""
    return {field: source for field, source in _SAME.items() if field in record}


def _value(record: Mapping[Any, Any], source: Any) -> Any:
    """Take one field's value from a record; raise ValueError with the reason if there is none."""
    if not isinstance(source, Mapping):
        return source
    if "value" in source:
        return source["value"]
    column = source.get("column")
    if column not in record and not source.get("optional") and "default" not in source:
        raise ValueError(f"column {printable(column, 80)!r} is missing")
    value = record.get(column)
    value = value.strip() if isinstance(value, str) else value
    if "map" in source and value not in (None, ""):
        try:
            return source["map"][value]
        except (KeyError, TypeError):
            if "default" not in source:
                raise ValueError(
                    f"column {printable(column, 80)!r} holds a value that the mapping lacks"
                ) from None
            value = None
    return source.get("default") if value in (None, "") else value
