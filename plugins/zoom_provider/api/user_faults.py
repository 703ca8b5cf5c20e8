"""From pydantic's account of what is wrong with a person to one that people can act on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from zoom_provider.api.field_names import advice, visible
from zoom_provider.exceptions import ZoomValidationError

_TEXTS = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_unicode": "holds characters that cannot be sent: half of a surrogate pair",
    "bool_type": "must be true or false",
    "model_type": "must be an object",
    "key_unicode": "holds a field whose name cannot be sent: half of a surrogate pair",
    "invalid_key": "holds a field whose name is not a string",
}

# Somebody's whole export in one field must not fill a log.
_MOST_FAULTS = 50
_MOST_TOLD = 20


class Faults(ValueError):
    """All that is wrong with one field; pydantic carries it here."""

    def __init__(self, *texts: str) -> None:
        super().__init__("; ".join(texts))
        self.texts = texts


def obeying(rule: Callable[[str], Sequence[str]]) -> Callable[[str], str]:
    """
    Make a validator for pydantic of a rule that lists faults.

    :param rule: what tells everything that is wrong with a text
    """

    def obey(text: str) -> str:
        if faults := rule(text):
            raise Faults(*faults)
        return text

    return obey


def by_field(
    error: ValidationError, known: Callable[[Sequence[int | str]], Collection[str]]
) -> dict[str, list[str]]:
    """
    Sort what pydantic found by field, named as in ``user_info.license_info_list[0].license_type``.

    No value is repeated, and names of fields that came from outside are made printable.

    :param error: what pydantic raised
    :param known: the fields that are taken at a place, none where a value has no fields
    """
    found: dict[str, list[str]] = {}
    # Counted one by one: names that are cut to the same length count as one field.
    for count, details in enumerate(error.errors(include_url=False, include_input=False)):
        if count == _MOST_FAULTS:
            found["user_info"] = ["has more faults than are worth listing"]
            break
        loc = details["loc"]
        place, name = loc[:-1], loc[-1] if loc else ""
        if details["type"] == "string_unicode" and known(loc):
            found.setdefault(_path(loc), []).append(_TEXTS["key_unicode"])
        elif details["type"] == "invalid_key":
            found.setdefault(_path(place), []).append(_TEXTS["invalid_key"])
        elif details["type"] == "extra_forbidden":
            text = advice(str(name), known(place), top=not place)
            found.setdefault(_path(loc), []).append(text)
        else:
            found.setdefault(_path(loc), []).extend(_texts(details))
    return found


def refusal(errors: Mapping[str, Sequence[str]]) -> ZoomValidationError:
    """
    Build the error that tells all faults of a person in one line.

    :param errors: what is wrong, by field
    """
    told = [f"{field}: {', '.join(texts)}" for field, texts in list(errors.items())[:_MOST_TOLD]]
    if len(errors) > _MOST_TOLD:
        told.append(f"and {len(errors) - _MOST_TOLD} more fields")
    return ZoomValidationError(f"Nothing was sent to Zoom: {'; '.join(told)}.", errors=errors)


def _texts(details: ErrorDetails) -> Sequence[str]:
    """Put one of pydantic's findings into words that fit behind the name of a field."""
    context = details.get("ctx", {})
    if isinstance(faults := context.get("error"), Faults):
        return faults.texts
    return [_TEXTS.get(details["type"], "is not valid")]


def _path(loc: Sequence[int | str]) -> str:
    """Write where something is the way one would in code."""
    return "user_info" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{visible(part)}" for part in loc
    )
