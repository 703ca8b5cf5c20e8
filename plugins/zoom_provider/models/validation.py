"""From pydantic's account of what is wrong with a user to one that people can act on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.rules import FieldErrors

#: Fields that Zoom takes by ``PATCH /users/{userId}`` only, once the person exists.
PATCH_ONLY = frozenset(
    {
        "about_me",
        "cms_user_id",
        "company",
        "cost_center",
        "custom_attributes",
        "dept",
        "group_id",
        "host_key",
        "job_title",
        "language",
        "linkedin_url",
        "location",
        "manager",
        "phone_country",
        "phone_number",
        "phone_numbers",
        "pmi",
        "pronouns",
        "pronouns_option",
        "timezone",
        "use_pmi",
        "vanity_name",
    }
)

_SET_BY_PATCH = (
    "is set with PATCH after the person exists (ZoomHook.update_user), not at creation: "
    "leave it out"
)
_GROUP = (
    "is no field of creation: a group takes its members once they exist "
    "(POST /groups/{groupId}/members)"
)
_ROLE = (
    "is no field of creation: a role is assigned once the person exists "
    "(POST /roles/{roleId}/members)"
)
_READ_ONLY = "is given by Zoom and cannot be sent: leave it out"
_HINTS = {
    "group": _GROUP,
    "groups": _GROUP,
    "group_ids": _GROUP,
    "im_group_ids": _GROUP,
    "role": _ROLE,
    "role_id": _ROLE,
    "role_name": _ROLE,
    "id": _READ_ONLY,
    "created_at": _READ_ONLY,
    "user_created_at": _READ_ONLY,
    "status": _READ_ONLY,
    "verified": _READ_ONLY,
    "action": "belongs beside user_info, not in it",
    "zoom_phone": "belongs in feature at creation: feature.zoom_phone",
    "zoom_one_type": "belongs in feature at creation: feature.zoom_one_type",
}

# Words of HR systems, which no likeness of letters would lead to Zoom's.
SYNONYMS = {
    "department": "dept",
    "title": "job_title",
    "position": "job_title",
    "office": "location",
    "phone": "phone_numbers",
    "mobile": "phone_numbers",
    "mobile_phone": "phone_numbers",
    "work_phone": "phone_numbers",
    "supervisor": "manager",
    "time_zone": "timezone",
    "locale": "language",
    "mail": "email",
    "email_address": "email",
    "work_email": "email",
    "given_name": "first_name",
    "forename": "first_name",
    "surname": "last_name",
    "family_name": "last_name",
    "full_name": "display_name",
    "name": "display_name",
    "user_type": "type",
    "division_id": "division_ids",
    "license_info": "license_info_list",
}

_NAME_LENGTH = 48


def sanitize_for_log(text: object, max_length: int = 300, *, escape: bool = False) -> str:
    """
    Make a text from outside fit for one line of a log: no control characters, no great length.

    :param text: anything, such as a message of Zoom's or a cell of a file
    :param max_length: characters to keep
    :param escape: spell out what cannot be printed (``U+200B`` as its six-character escape)
        instead of leaving a blank
    """
    whole = str(text)
    kept = whole[:max_length]
    if not kept.isprintable():
        kept = "".join(
            char if char.isprintable() else f"\\u{ord(char):04x}" if escape else " "
            for char in kept
        )
    return kept if len(whole) <= max_length else f"{kept}…"


def unknown_field_hint(name: str, known: Iterable[str], *, top: bool = True) -> str:
    """
    Say why Zoom does not take a field at creation and what was probably meant.

    :param name: the field as it came
    :param known: the fields that are taken at this place
    :param top: whether the place is ``user_info`` itself, where PATCH's fields may be looked for
    """
    plain = normalize_name(name)
    if not top:
        near = nearest_name(plain, known)
        return f"is not a field of Zoom's here: {_did_you_mean(near, known)}"
    if plain in PATCH_ONLY:
        return _SET_BY_PATCH
    if plain in _HINTS:
        return _HINTS[plain]
    near = SYNONYMS.get(plain) or nearest_name(plain, {*known, *PATCH_ONLY, *_HINTS})
    if near in PATCH_ONLY:
        return f"is not a field of Zoom's; {near} {_SET_BY_PATCH}"
    if near in _HINTS:
        return f"is not a field of Zoom's; {near} {_HINTS[near]}"
    return f"is not a field of Zoom's: {_did_you_mean(near, known)}"


def normalize_name(name: str) -> str:
    """Write ``First Name``, ``first-name`` and ``firstName`` as ``first_name``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:_NAME_LENGTH].strip())
    return re.sub(r"\W+", "_", words).strip("_").lower()


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """
    Find the known name that looks most like another one.

    :param name: what was written
    :param known: what could have been meant
    """
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), None)


def _did_you_mean(near: str | None, known: Iterable[str]) -> str:
    """Ask whether the nearest name was meant, or list what there is."""
    if near:
        return f"did you mean {near}?"
    return f"it takes {', '.join(sorted(known))}"


_TEXTS = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_unicode": "holds characters that cannot be sent: half of a surrogate pair",
    "bool_type": "must be true or false",
    "model_type": "must be an object",
    "key_unicode": "holds a field whose name cannot be sent: half of a surrogate pair",
    "invalid_key": "holds a field whose name is not a string",
}

# A whole export in one field must not fill a log.
_MAX_ERRORS = 50
_MAX_ERRORS_LISTED = 20


def errors_by_field(
    error: ValidationError,
    known: Callable[[Sequence[int | str]], Collection[str]],
    *,
    root: str = "user_info",
    hint: Callable[..., str] = unknown_field_hint,
) -> dict[str, list[str]]:
    """
    Sort what pydantic found by field, named as in ``user_info.license_info_list[0].license_type``.

    No value is repeated, and names of fields that came from outside are made printable.

    :param error: what pydantic raised
    :param known: the fields that are taken at a place, none where a value has no fields
    :param root: the name of the parameter that holds the fields
    :param hint: says why a field is not taken, as :func:`advice` does
    """
    found: dict[str, list[str]] = {}
    # Counted one by one: names that are cut to the same length count as one field.
    for count, details in enumerate(error.errors(include_url=False, include_input=False)):
        if count == _MAX_ERRORS:
            found[root] = ["has more faults than are worth listing"]
            break
        loc = details["loc"]
        place, name = loc[:-1], loc[-1] if loc else ""
        if details["type"] == "string_unicode" and known(loc):
            found.setdefault(_path(loc, root), []).append(_TEXTS["key_unicode"])
        elif details["type"] == "invalid_key":
            found.setdefault(_path(place, root), []).append(_TEXTS["invalid_key"])
        elif details["type"] == "extra_forbidden":
            text = hint(str(name), known(place), top=not place)
            found.setdefault(_path(loc, root), []).append(text)
        else:
            found.setdefault(_path(loc, root), []).extend(_texts(details))
    return found


def build_validation_error(errors: Mapping[str, Sequence[str]]) -> ZoomValidationError:
    """
    Build the error that lists all faults of a person in one line.

    :param errors: what is wrong, by field
    """
    listed = [
        f"{field}: {', '.join(texts)}" for field, texts in list(errors.items())[:_MAX_ERRORS_LISTED]
    ]
    if len(errors) > _MAX_ERRORS_LISTED:
        listed.append(f"and {len(errors) - _MAX_ERRORS_LISTED} more fields")
    return ZoomValidationError(f"Nothing was sent to Zoom: {'; '.join(listed)}.", errors=errors)


def _texts(details: ErrorDetails) -> Sequence[str]:
    """Put one of pydantic's findings into words that fit behind the name of a field."""
    context = details.get("ctx", {})
    if isinstance(errors := context.get("error"), FieldErrors):
        return errors.texts
    return [_TEXTS.get(details["type"], "is not valid")]


def _path(loc: Sequence[int | str], root: str) -> str:
    """Write where something is the way one would in code."""
    return root + "".join(
        f"[{part}]"
        if isinstance(part, int)
        else f".{sanitize_for_log(part, _NAME_LENGTH, escape=True)}"
        for part in loc
    )
