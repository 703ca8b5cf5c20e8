"""How the API shows a person: whole, or as a row of a list, where much of it is left out."""

from __future__ import annotations

from typing import Any

from zoom_provider.simulator.person import SSO_LOGIN, Person, timestamp
from zoom_provider.simulator.world import World

# Written by PATCH and shown nowhere, or under another name.
_NOT_SHOWN = frozenset({"about_me", "linkedin_url", "host_key", "vanity_name"})
# Fields of a person that have a value of "" until another is set; all others are then absent.
_EMPTY = ("dept", "job_title", "cost_center", "location", "phone_country", "phone_number")
_ROW_TEXTS = ("language", "timezone", "phone_number", "last_login_time")
_ROW_IF_SET = ("dept", "division_ids")

LANGUAGES = {
    "english": "en-US",
    "en": "en-US",
    "ja": "jp-JP",
    "ja-jp": "jp-JP",
    "ko": "ko-KO",
    "ko-kr": "ko-KO",
    "tr-tr": "Tr-TR",
}
TIME_ZONES = {
    "Europe/Kyiv": "Europe/Kiev",
    "Asia/Ho_Chi_Minh": "Asia/Saigon",
    "Asia/Kolkata": "Asia/Calcutta",
    "Asia/Dhaka": "Asia/Dacca",
    "America/Nuuk": "America/Godthab",
    "America/Indiana/Indianapolis": "America/Indianapolis",
}


def show_user(world: World, person: Person) -> dict[str, Any]:
    """Return a person as GET /users/{userId} does."""
    settings = world.settings
    if person.status == "pending":
        shown = _show_pending(world, person)
        if not settings.pending_get_has_id:
            del shown["id"]
        return shown
    shown = {
        **_show_base(world, person),
        "role_name": world.roles.name(person.role_id),
        "account_id": settings.account_id,
        "use_pmi": False,
        "cms_user_id": "",
        "group_ids": list(person.group_ids),
        "im_group_ids": [],
        **dict.fromkeys(_EMPTY, ""),
        **{k: v for k, v in person.profile.items() if k not in _NOT_SHOWN},
    }
    if person.zoom_one_type:
        shown["zoom_one_type"] = person.zoom_one_type
    if person.profile.get("vanity_name"):
        shown["vanity_url"] = f"https://example.zoom.us/my/{person.profile['vanity_name']}"
    if settings.spelling == "zoom":
        shown["language"] = LANGUAGES.get(shown["language"].lower(), shown["language"])
        shown["timezone"] = TIME_ZONES.get(shown["timezone"], shown["timezone"])
    return shown


def show_row(world: World, person: Person, include: str = "") -> dict[str, Any]:
    """
    Return a person as a row of GET /users, where pending people have no id.

    :param include: ``custom_attributes`` or ``host_key`` to have that, too
    """
    if person.status == "pending":
        row = _show_pending(world, person)
        del row["id"]
        return row
    row = _show_base(world, person)
    row["phone_number"] = ""
    row.update({k: person.profile[k] for k in _ROW_TEXTS if k in person.profile})
    row.update({k: person.profile[k] for k in _ROW_IF_SET if person.profile.get(k)})
    if person.group_ids:
        row["group_ids"] = list(person.group_ids)
    if include in person.profile:
        row[include] = person.profile[include]
    return row


def show_member(person: Person, *, role: bool = False) -> dict[str, Any]:
    """Return a person as a member of a group or, with a department, of a role."""
    shown: dict[str, Any] = {
        "id": person.id,
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "type": person.type,
    }
    if role:
        shown["department"] = person.profile.get("dept", "")
    return shown


def _show_pending(world: World, person: Person) -> dict[str, Any]:
    if world.settings.pending_fields == "full":
        return _show_base(world, person)
    return {
        "id": person.id,
        "email": person.email,
        "type": person.type,
        "status": person.status,
        "verified": 0,
        **_stamps(world, person),
    }


def _stamps(world: World, person: Person) -> dict[str, str]:
    # A pending person's stamps are those of the call: they say nothing about the person.
    stamp = timestamp(world.now() if person.status == "pending" else person.created)
    return {"created_at": stamp, "user_created_at": stamp}


def _show_base(world: World, person: Person) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "display_name": person.name,
        "email": person.email,
        "type": person.type,
        "pmi": person.pmi,
        "role_id": person.role_id,
        "status": person.status,
        "verified": int(person.status == "active"),
        **_stamps(world, person),
        "login_types": [person.login_type],
        "timezone": "",
        "language": "en-US",
    }
    if person.plan_united_type:
        shown["plan_united_type"] = person.plan_united_type
    if person.license_info_list:
        shown["license_info_list"] = [dict(item) for item in person.license_info_list]
    by_sso = world.settings.sso == "on" and person.login_type == SSO_LOGIN
    if by_sso and person.employee_unique_id:
        shown["employee_unique_id"] = person.employee_unique_id
    return shown
