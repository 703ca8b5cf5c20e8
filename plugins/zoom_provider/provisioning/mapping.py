"""A declared mapping from Zoom's fields to columns, checked before it is applied to rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.user import UserInfo
from zoom_provider.models.validation import sanitize_for_log, unknown_field_hint
from zoom_provider.provisioning.columns import as_read

_FIELDS: Final = tuple(UserInfo.model_fields)
_REQUIRED: Final = ("email", "type")
_WORDS: Final = ("column", "map", "default", "optional", "value")


def check_mapping(mapping: object) -> None:
    """
    Refuse a mapping that could not make any user, before a row is read.

    :param mapping: as :class:`zoom_provider.provisioning.mapper.Mapper` takes it; None and an
        empty one are no mapping
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
                errors[f"mapping.{sanitize_for_log(field, 48, escape=True)}"] = [fault]
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
            shown = sanitize_for_log(word, 48, escape=True)
            return f"has {shown!r}, but takes {', '.join(_WORDS)} only"
    if ("value" in source) == ("column" in source):
        return 'must have either "column" or "value"'
    if "value" in source:
        return None if len(source) == 1 else 'has "value", which stands alone'
    if not isinstance(source["column"], str) or not source["column"]:
        return 'has a "column" that is no text'
    if not isinstance(source.get("optional", True), bool):
        return 'has an "optional" that is neither True nor False'
    values = source.get("map", {})
    if not isinstance(values, Mapping):
        return 'has a "map" that is no object from a cell\'s text to a value'
    return _fault_of_map(values)


def _fault_of_map(values: Mapping[Any, Any]) -> str | None:
    """Refuse two texts that a person reads as one, but that lead to different values."""
    read: dict[str, Any] = {}
    for text, value in values.items():
        if read.setdefault(as_read(text), value) != value:
            shown = sanitize_for_log(text, 48, escape=True)
            return f'has a "map" in which {shown!r} stands twice, as people read it'
    return None
