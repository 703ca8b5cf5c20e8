"""Why an update does not take a field, and the way that does exist."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from zoom_provider.models.validation import SYNONYMS, nearest_name, normalize_name

_GROUPS: Final = "is no field of PATCH: write groups, a list of names or ids"
_ROLE: Final = "is no field of PATCH, which answers 204 and does nothing: write role"
_STATUS: Final = (
    "is no field of PATCH, which answers 204 and does nothing: use ZoomSetUserStatusOperator "
    "(activate, deactivate) or ZoomDeleteUserOperator"
)
_EMPLOYEE_ID: Final = (
    "cannot be written by this API: map it in the account's SAML settings (Employee Unique ID), "
    "or write employeeNumber by SCIM"
)
_READ_ONLY: Final = "is given by Zoom and cannot be changed: leave it out"
_HINTS: Final = {
    **dict.fromkeys(("group", "group_ids", "im_group_ids"), _GROUPS),
    **dict.fromkeys(("role_id", "role_name", "roles"), _ROLE),
    **dict.fromkeys(("status", "active", "action"), _STATUS),
    **dict.fromkeys(("employee_unique_id", "employee_id", "employee_number"), _EMPLOYEE_ID),
    **dict.fromkeys(
        (
            *("id", "created_at", "user_created_at", "verified", "account_id", "last_login_time"),
            *("login_types", "pic_url", "personal_meeting_url", "jid", "cluster"),
        ),
        _READ_ONLY,
    ),
    "password": "is not changed here: Zoom's web portal sends the user a link to reset it",
    "vanity_url": "is what Zoom makes of vanity_name: write vanity_name",
    "zoom_phone": "belongs in feature: feature.zoom_phone",
}
_IN_FEATURE: Final = {"zoom_one_type": "belongs beside feature in an update: zoom_one_type"}


def update_field_hint(name: str, known: Iterable[str], *, top: bool = True) -> str:
    """
    Say why an update does not take a field and what was probably meant.

    :param name: the field as it came
    :param known: the fields that are taken at this place
    :param top: whether the place is ``fields`` itself
    """
    fields = sorted(known)
    plain = normalize_name(name)
    if not top:
        near = nearest_name(plain, fields)
        return _IN_FEATURE.get(plain) or f"is not a field of Zoom's here: {_mean(near, fields)}"
    if plain in _HINTS:
        return _HINTS[plain]
    near = SYNONYMS.get(plain) or nearest_name(plain, {*fields, *_HINTS})
    if near in _HINTS:
        return f"is not a field of Zoom's; {near} {_HINTS[near]}"
    return f"is not a field of Zoom's: {_mean(near, fields)}"


def _mean(near: str | None, fields: list[str]) -> str:
    return f"did you mean {near}?" if near else f"it takes {', '.join(fields)}"
