"""Licences in bulk, add-ons, and how many the account has of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoom_provider.simulator import validation
from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError, invalid
from zoom_provider.simulator.limits import too_fast
from zoom_provider.simulator.operations.common import (
    USER_READ,
    USER_WRITE,
    Operation,
    Operations,
    require_user,
)
from zoom_provider.simulator.person import LICENSED, Person
from zoom_provider.simulator.replies import NO_CONTENT, Reply, as_json
from zoom_provider.simulator.seats import check_seats, limit
from zoom_provider.simulator.world import World

MOST_USERS = 30
_EVERY_SECONDS = 10
FEATURES = frozenset(
    {"user_type", "concurrent_meeting", "large_meeting", "webinar", "zoom_events"}
    | {"zoom_whiteboard", "plan_united_type", "zoom_one_type", "zoom_iq_for_sales"}
    | {"zoom_revenue_accelerator", "zoom_clips_plus"}
)
_OFF = ("0", "false", "None")
_NEEDS_LICENCE = {
    "large_meeting": "large_meeting_type",
    "webinar": "webinar_type",
    "zoom_events": "events_type",
    "concurrent_meeting": "concurrent_meeting_type",
}


def update_features(world: World, call: Call) -> Reply:
    """POST /users/features: one licence or add-on of up to 30 people, each by themselves."""
    body = validation.as_object(call.data)
    feature, value, users = _read_request(body)
    previous, now = world.limits.last_feature_update, world.now()
    if world.settings.limits_enforced and now - previous < _EVERY_SECONDS:
        raise too_fast("MEDIUM", with_headers=world.settings.qps_headers)
    world.limits.last_feature_update = now
    done: list[str] = []
    failed: dict[str, list[str]] = {}
    for user in users:
        named = str(user.get("id") or user.get("email") or "")
        person = world.people.find(named)
        if person is None or person.status != "active":
            failed.setdefault("Users not found", []).append(named)
            continue
        reason = _set_feature(world, person, feature, value)
        (failed.setdefault(reason, []) if reason else done).append(person.id)
    details = [{"user_ids": ids, "reason": reason} for reason, ids in failed.items()]
    return as_json(201, {"success_user_ids": done, "fail_details": details})


def get_settings(world: World, call: Call) -> Reply:
    """GET /users/{userId}/settings: the add-ons."""
    person = _require_settled(world, call)
    return as_json(200, {"feature": {"zoom_phone": person.zoom_phone, **person.features}})


def update_settings(world: World, call: Call) -> Reply:
    """PATCH /users/{userId}/settings: the add-ons; other settings are passed over."""
    person = _require_settled(world, call)
    wanted = validation.as_object(call.data).get("feature", {})
    if not isinstance(wanted, dict):
        raise invalid("feature")
    ignored = {"feature", *(k for k in wanted if f"feature.{k}" in world.settings.ignored_fields)}
    ignored = {k for k in wanted if f"feature.{k}" in world.settings.ignored_fields}
    wanted = {k: v for k, v in wanted.items() if k not in ignored}
    phone = wanted.pop("zoom_phone", person.zoom_phone)
    after = replace(person, zoom_phone=bool(phone), features={**person.features, **wanted})
    _check_features(person, after.features, wanted)
    check_seats(world, person, after, "convert")
    if person.status != "inactive":
        world.people.put(after)
    return NO_CONTENT


def plan_usage(world: World, call: Call) -> Reply:
    """GET /accounts/{accountId}/plans/usage: bought, used and held by invitations."""
    if call.segments[2] not in ("me", world.settings.account_id):
        raise ApiError("account", account=call.segments[2])
    usage: dict[str, Any] = {
        "plan_base": _usage(world, "licensed", "monthly"),
        "plan_zoom_one": [
            _usage(world, f"plan {plan}", plan) for plan in world.settings.plan_seats
        ],
        "plan_united": _usage(world, "zoom_one", "monthly"),
        "plan_webinar": [_usage(world, "webinar", "webinar500_monthly")],
        "plan_large_meeting": [_usage(world, "large_meeting", "large500_monthly")],
    }
    return as_json(200, usage)


def managed_domains(world: World, call: Call) -> Reply:
    """GET /accounts/{accountId}/managed_domains."""
    if call.segments[2] not in ("me", world.settings.account_id):
        raise ApiError("account", account=call.segments[2])
    domains = [{"domain": d, "status": "approved"} for d in world.settings.managed_domains]
    return as_json(200, {"total_records": len(domains), "domains": domains})


def _read_request(body: Mapping[str, Any]) -> tuple[str, str, list[dict[str, Any]]]:
    feature, value, users = (body.get(k) for k in ("feature_type", "feature_value", "users"))
    if feature not in FEATURES:
        raise invalid("feature_type")
    if not isinstance(value, str):
        raise invalid("feature_value")
    if not isinstance(users, list) or not 1 <= len(users) <= MOST_USERS:
        raise invalid("users")
    if not all(isinstance(user, dict) for user in users):
        raise invalid("users")
    return str(feature), value, users


def _set_feature(world: World, person: Person, feature: str, value: str) -> str:
    """Set one licence or add-on; return Zoom's reason where that cannot be."""
    after = _with_feature(person, feature, value)
    if after == person:
        return "No need to update"
    reason = _objection(person, feature, after)
    if reason:
        return reason
    try:
        check_seats(world, person, after, "convert")
    except ApiError:
        basic = after.type != LICENSED and not after.plan
        return "Not allowed to add basic users" if basic else "Not enough seats"
    world.people.put(after)
    return ""


def _with_feature(person: Person, feature: str, value: str) -> Person:
    if feature == "user_type":
        return replace(person, type=int(value)) if value in ("1", "2", "4") else person
    if feature == "plan_united_type":
        return replace(person, plan_united_type="" if value == "0" else value)
    if feature == "zoom_one_type":
        return replace(person, zoom_one_type=int(value) if value.isdecimal() else 0)
    features = {k: v for k, v in person.features.items() if k != feature}
    if value not in _OFF:
        features[feature] = value
    return replace(person, features=features)


def _objection(person: Person, feature: str, after: Person) -> str:
    if person.room:
        return "Can't update for Zoom Room users"
    if feature == "user_type":
        if after.type != LICENSED and person.zoom_events:
            return "Have upcoming events"
        if person.zoom_one_type:
            return "Can't update for Zoom One users"
        return "Can't update for Zoom United users" if person.plan_united_type else ""
    if feature in _NEEDS_LICENCE and after.features.get(feature) and person.type != LICENSED:
        return "Unpaid user"
    return ""


def _require_settled(world: World, call: Call) -> Person:
    person = require_user(world, call)
    if person.status == "pending":
        raise ApiError("pending_settings")
    return person


def _check_features(person: Person, features: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for name, cause in _NEEDS_LICENCE.items():
        if wanted.get(name) and person.type != LICENSED:
            raise ApiError(cause)
    if features.get("webinar") and features.get("zoom_events"):
        beside = "events_beside_webinar" if wanted.get("zoom_events") else "webinar_beside_events"
        raise ApiError(beside)
    if features.get("zoom_whiteboard") and features.get("zoom_whiteboard_plus"):
        raise ApiError("whiteboards")


def _usage(world: World, seat: str, kind: str) -> dict[str, Any]:
    pending = sum(p.status == "pending" and seat in p.seats for p in world.people)
    used = world.people.seats[seat]
    bought = limit(world.settings, seat)
    usage = used if world.settings.pending_in_usage else used - pending
    return {
        "type": kind,
        "hosts": max(used, 100) if bought is None else bought,
        "usage": usage,
        "pending": pending,
    }


_USAGE = ("billing:read:plan_usage:admin", "account:read:admin", "account:read:plan_usage:admin")
_BILLING = "Billing:Read"
OPERATIONS: Operations = {
    ("POST", "users", "features"): Operation(
        update_features, "MEDIUM", ("user:write:feature:admin", *USER_WRITE)
    ),
    ("GET", "users", "*", "settings"): Operation(
        get_settings,
        "MEDIUM",
        ("user:read:settings:admin", "user:read:settings", *USER_READ),
        "User:Read",
    ),
    ("PATCH", "users", "*", "settings"): Operation(
        update_settings,
        "MEDIUM",
        ("user:update:settings:admin", "user:update:settings", *USER_WRITE),
    ),
    ("GET", "accounts", "*", "plans", "usage"): Operation(plan_usage, "HEAVY", _USAGE, _BILLING),
    ("GET", "accounts", "*", "managed_domains"): Operation(
        managed_domains,
        "LIGHT",
        ("account:read:managed_domains:master", "account:read:admin"),
        "Account:Read",
    ),
}
