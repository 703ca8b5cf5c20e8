"""Changing a user: the fields of PATCH, and the e-mail address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoom_provider.simulator import validation
from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError, invalid
from zoom_provider.simulator.lifecycle import rename
from zoom_provider.simulator.operations.common import (
    USER_WRITE,
    Operation,
    Operations,
    domain_of,
    require_user,
)
from zoom_provider.simulator.operations.users import is_taken
from zoom_provider.simulator.person import BASIC, LICENSED, LICENSED_FEATURES, UNASSIGNED, Person
from zoom_provider.simulator.replies import NO_CONTENT, Reply
from zoom_provider.simulator.seats import check_seats
from zoom_provider.simulator.world import DAY, World

_NAMES = ("first_name", "last_name", "display_name")
_KEPT_AS_SENT = (
    *validation.PROFILE_TEXTS,
    *("division_ids", "host_key", "pronouns_option", "use_pmi"),
)
_EMAIL_CHANGES_PER_DAY = 3


def update_user(world: World, call: Call) -> Reply:
    """PATCH /users/{userId}: only what is sent changes; unknown fields are passed over."""
    person = require_user(world, call)
    fields = validation.check_update(call.data, world.settings.subscriptions)
    fields = {k: v for k, v in fields.items() if k not in world.settings.ignored_fields}
    if person.status == "pending":
        _update_pending(world, person, fields)
        return NO_CONTENT
    if person.status == "inactive":
        return _change_inactive(world)
    changes = _read_changes(world, person, fields)
    after = replace(person, **changes)
    _check_type(person, after, fields)
    _check_link_name(world, person, fields)
    check_seats(world, person, after, "convert")
    world.people.change(person, **changes)
    if fields:
        world.emit("user.updated", after, fields=sorted(fields))
    return NO_CONTENT


def change_email(world: World, call: Call) -> Reply:
    """PUT /users/{userId}/email, to an address of a managed domain that is free everywhere."""
    person, settings = require_user(world, call), world.settings
    email = validation.as_object(call.data).get("email")
    if not validation.good_email(email):
        raise invalid("email")
    if person.status == "pending":
        if settings.pending_email == "refused":
            raise ApiError("email_domain")
        return NO_CONTENT
    if person.status == "inactive":
        return _change_inactive(world)
    if person.is_admin:
        raise ApiError("email_other_admin")
    if domain_of(email) not in settings.managed_domains:
        raise ApiError("email_domain")
    other = email.lower() != person.email.lower()
    if other and (is_taken(world, email) or _has_account_elsewhere(world, email)):
        old = f"exists_{settings.exists_wording}"
        raise ApiError(old if settings.email_taken == 1005 else "email_taken", email=email)
    lately = [moment for moment in person.email_changes if moment > world.now() - DAY]
    if settings.email_changes_limited and len(lately) >= _EMAIL_CHANGES_PER_DAY:
        raise ApiError("email_too_often")
    if email != person.email and "email" not in settings.ignored_fields:
        rename(world, person, email)
    return NO_CONTENT


def _has_account_elsewhere(world: World, email: str) -> bool:
    key = email.lower()
    return key in world.settings.foreign_accounts or key in world.personal


def _change_inactive(world: World) -> Reply:
    if world.settings.inactive_update == "refused":
        raise ApiError("inactive")
    return NO_CONTENT


def _update_pending(world: World, person: Person, fields: Mapping[str, Any]) -> None:
    """Change nothing; a group is at most noted, to be joined when the person accepts."""
    group_id = fields.get("group_id")
    if isinstance(group_id, str) and world.settings.pending_group == "applied":
        world.people.change(person, pending_group=world.groups.get(group_id).id)


def _read_changes(world: World, person: Person, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a person that a request changes, with their new values."""
    changes: dict[str, Any] = {k: fields[k] for k in (*_NAMES, "type", "pmi") if k in fields}
    if "plan_united_type" in fields:
        plan = fields["plan_united_type"]
        changes["plan_united_type"] = "" if plan == "none" else plan
    for name in ("zoom_one_type", "license_info_list"):
        if name in fields:
            changes[name] = fields[name]
    if isinstance(fields.get("feature"), dict) and "zoom_phone" in fields["feature"]:
        changes["zoom_phone"] = bool(fields["feature"]["zoom_phone"])
    if changes.get("type", LICENSED) != LICENSED:
        kept = {k: v for k, v in person.features.items() if not k.startswith(LICENSED_FEATURES)}
        changes["features"] = kept
    profile = _read_profile(world, person, fields)
    if profile != person.profile:
        changes["profile"] = profile
    return changes


def _read_profile(world: World, person: Person, fields: Mapping[str, Any]) -> dict[str, Any]:
    profile = dict(person.profile)
    profile.update({k: fields[k] for k in _KEPT_AS_SENT if k in fields})
    if not world.settings.empty_clears:
        kept = {k: person.profile.get(k, "") for k, v in fields.items() if v == ""}
        profile.update({k: v for k, v in kept.items() if k in profile})
    if "phone_numbers" in fields:
        profile["phone_numbers"] = [_read_phone(phone) for phone in fields["phone_numbers"]]
    if "custom_attributes" in fields:
        profile["custom_attributes"] = _read_attributes(world, person, fields)
    manager = fields.get("manager")
    if manager and not _is_colleague(world, manager):
        if world.settings.unknown_manager == "refused":
            raise ApiError("manager")
        profile.pop("manager")
        if "manager" in person.profile:
            profile["manager"] = person.profile["manager"]
    return profile


def _is_colleague(world: World, manager: str) -> bool:
    if "@" not in manager:
        return any(person.name == manager for person in world.people)
    person = world.people.find(manager)
    return person is not None and person.status != "expired"


def _read_phone(phone: Mapping[str, Any]) -> dict[str, Any]:
    number = str(phone.get("number", "")).removeprefix(str(phone.get("code", "")))
    return {"label": "Mobile", **phone, "number": number, "verified": False}


def _read_attributes(
    world: World, person: Person, fields: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a person's custom attributes; those that the account does not have are dropped."""
    merged = world.settings.custom_attributes_write == "merged"
    before = person.profile.get("custom_attributes", []) if merged else []
    values = {item["key"]: item.get("value", "") for item in before}
    for item in fields["custom_attributes"]:
        if world.attribute_name(item["key"]) is not None:
            values[item["key"]] = item.get("value", "")
    return [
        {"key": key, "name": world.attribute_name(key) or "", "value": value}
        for key, value in values.items()
    ]


def _check_type(before: Person, after: Person, fields: Mapping[str, Any]) -> None:
    wanted = fields.get("type")
    if before.room and wanted in (BASIC, UNASSIGNED):
        cause = "room_free" if wanted == BASIC else "room_unassigned"
        raise ApiError(cause, user=before.id)
    if wanted == BASIC and before.zoom_events:
        raise ApiError("events_basic")
    if after.type == UNASSIGNED and ("pmi" in fields or "use_pmi" in fields):
        raise ApiError("pmi_unassigned")


def _check_link_name(world: World, person: Person, fields: Mapping[str, Any]) -> None:
    wanted = fields.get("vanity_name")
    if not wanted:
        return
    for other in world.people:
        if other.id != person.id and other.profile.get("vanity_name") == wanted:
            raise ApiError("link_taken")


OPERATIONS: Operations = {
    ("PATCH", "users", "*"): Operation(
        update_user, "LIGHT", ("user:update:user:admin", "user:update:user", *USER_WRITE)
    ),
    ("PUT", "users", "*", "email"): Operation(
        change_email,
        "LIGHT",
        ("user:update:email:admin", "user:update:email", *USER_WRITE),
    ),
}
