"""The calls that turn an existing user into the wanted one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from zoom_provider.models.profile import NO_UNITED_PLAN
from zoom_provider.provisioning.compare import MEMBER, attributes_by_key, zoom_time_zone

PERSONAL: Final = frozenset(
    {
        *("first_name", "last_name", "display_name", "phone_number", "phone_numbers"),
        *("pronouns", "custom_attributes", "about_me", "linkedin_url", "host_key", "vanity_name"),
        "pmi",
    }
)
"""Fields that results and error texts name without their values."""

_ALONE: Final = ("plan_united_type", "zoom_one_type")
"""Zoom refuses two of ``type``, ``plan_united_type`` and ``zoom_one_type`` in one call."""
_LISTS: Final = frozenset({"phone_numbers", "division_ids", "license_info_list"})


class CallKind(StrEnum):
    """Which of Zoom's calls."""

    PATCH = "PATCH /users/{user}"
    EMAIL = "PUT /users/{user}/email"
    JOIN_GROUP = "POST /groups/{group}/members"
    LEAVE_GROUP = "DELETE /groups/{group}/members/{user}"
    ASSIGN_ROLE = "POST /roles/{role}/members"
    UNASSIGN_ROLE = "DELETE /roles/{role}/members/{user}"


@dataclass(frozen=True, slots=True)
class Difference:
    """
    A field that is not as wanted.

    :param name: the field
    :param old: what Zoom shows
    :param new: what is wanted; None where it is to be empty
    """

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Call:
    """
    One call to Zoom.

    :param kind: which one
    :param values: the body of a PATCH; else the one value that the call takes, by its name
    :param fields: the wanted fields that it writes
    """

    kind: CallKind
    values: Mapping[str, Any]
    fields: tuple[str, ...]


def build_calls(differences: Sequence[Difference], existing: Mapping[str, Any]) -> tuple[Call, ...]:
    """
    Return the calls that write differences, in the order to make them.

    All fields of PATCH go in one call, except plans. The e-mail address is last, since it is
    refused most often; only a user who becomes an administrator gets it before the role, because
    Zoom changes no administrator's address.

    :param existing: the user as Zoom shows them
    """
    by_name = {found.name: found for found in differences}
    groups = list(_group_calls(by_name.get("groups"), existing))
    role = list(_role_calls(by_name.get("role"), existing))
    email = [
        Call(CallKind.EMAIL, {"email": found.new}, ("email",))
        for found in differences
        if found.name == "email"
    ]
    last = email + role if role and role[-1].kind is CallKind.ASSIGN_ROLE else role + email
    return (*_patch_calls(differences, existing), *groups, *last)


def _patch_calls(differences: Sequence[Difference], existing: Mapping[str, Any]) -> Iterable[Call]:
    body = {
        found.name: _encode(found, existing)
        for found in differences
        if found.name not in ("email", "groups", "role")
    }
    rest = {name: value for name, value in body.items() if name not in _ALONE}
    if rest:
        yield Call(CallKind.PATCH, rest, tuple(rest))
    for name in _ALONE:
        if name in body:
            yield Call(CallKind.PATCH, {name: body[name]}, (name,))


def _encode(found: Difference, existing: Mapping[str, Any]) -> Any:
    """Write a value as PATCH takes it; each kind of field is cleared in its own way."""
    name, value = found.name, found.new
    if name == "custom_attributes":
        return _encode_attributes(value, existing)
    if value is None and name in _LISTS:
        return []
    if value is None and name == "plan_united_type":
        return NO_UNITED_PLAN
    if value is None:
        return 0 if name == "zoom_one_type" else ""
    if name == "phone_numbers":
        return [{key: part for key, part in item.items() if part} for item in value]
    return zoom_time_zone(value) if name == "timezone" else value


def _encode_attributes(
    value: Sequence[Mapping[str, Any]] | None, existing: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Write all that the user has besides what changes: Zoom may take the list for the whole."""
    found = attributes_by_key(existing)
    wanted = (
        {key: {**item, "value": None} for key, item in found.items()}
        if value is None
        else {
            str(item["key"]): {name: part for name, part in item.items() if name != "name" or part}
            for item in value
        }
    )
    merged = {key: {**found.get(key, {}), **item} for key, item in {**found, **wanted}.items()}
    return [
        {
            "key": key,
            **({"name": item["name"]} if item.get("name") else {}),
            "value": item.get("value") or "",
        }
        for key, item in merged.items()
    ]


def _group_calls(found: Difference | None, existing: Mapping[str, Any]) -> Iterable[Call]:
    if found is None:
        return
    members = list(existing.get("group_ids") or ())
    wanted = {"remove": members} if found.new is None else found.new
    for group in wanted.get("add", ()):
        if group not in members:
            yield Call(CallKind.JOIN_GROUP, {"group": group}, ("groups",))
    for group in wanted.get("remove", ()):
        if group in members:
            yield Call(CallKind.LEAVE_GROUP, {"group": group}, ("groups",))


def _role_calls(found: Difference | None, existing: Mapping[str, Any]) -> Iterable[Call]:
    """Assign a role; Member is what is left when the present role is taken away."""
    if found is None:
        return
    if (found.new or MEMBER) == MEMBER:
        yield Call(CallKind.UNASSIGN_ROLE, {"role": str(existing.get("role_id"))}, ("role",))
    else:
        yield Call(CallKind.ASSIGN_ROLE, {"role": found.new}, ("role",))
