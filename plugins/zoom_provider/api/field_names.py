"""What to answer to a field that Zoom does not take when a person is created."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

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

_WITH_PATCH = (
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
_ADVICE = {
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
_SYNONYMS = {
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


def visible(text: str, limit: int = _NAME_LENGTH) -> str:
    """
    Make a text from outside fit for one line of a log: short, every odd character spelt out.

    :param text: anything, such as the name of a field in somebody's data
    :param limit: how many characters of it to keep
    """
    kept = text[:limit]
    if not kept.isprintable():
        kept = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in kept)
    return kept if len(text) <= limit else f"{kept}..."


def advice(name: str, known: Iterable[str], *, top: bool = True) -> str:
    """
    Say why Zoom does not take a field at creation and what was probably meant.

    :param name: the field as it came
    :param known: the fields that are taken at this place
    :param top: whether the place is ``user_info`` itself, where PATCH's fields may be looked for
    """
    plain = _plain(name[:_NAME_LENGTH])
    if not top:
        near = nearest(plain, known)
        return f"is not a field of Zoom's here: {_mean(near, known)}"
    if plain in PATCH_ONLY:
        return _WITH_PATCH
    if plain in _ADVICE:
        return _ADVICE[plain]
    near = _SYNONYMS.get(plain) or nearest(plain, {*known, *PATCH_ONLY, *_ADVICE})
    if near in PATCH_ONLY:
        return f"is not a field of Zoom's; {near} {_WITH_PATCH}"
    if near in _ADVICE:
        return f"is not a field of Zoom's; {near} {_ADVICE[near]}"
    return f"is not a field of Zoom's: {_mean(near, known)}"


def _plain(name: str) -> str:
    """Write ``First Name``, ``first-name`` and ``firstName`` as ``first_name``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"\W+", "_", words).strip("_").lower()


def nearest(name: str, known: Iterable[str]) -> str | None:
    """
    Find the known name that looks most like another one.

    :param name: what was written
    :param known: what could have been meant
    """
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), None)


def _mean(near: str | None, known: Iterable[str]) -> str:
    """Ask whether the nearest name was meant, or list what there is."""
    if near:
        return f"did you mean {near}?"
    return f"it takes {', '.join(sorted(known))}"
