"""
Zoom's user calls: what each asks of the account, and what it answers.

An operation is a function of the world and the call. It runs in one go under the world's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoom_provider.simulator import validation
from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError, invalid
from zoom_provider.simulator.limits import Label
from zoom_provider.simulator.people import LOGIN_TYPES, PageTokenInvalid, Person
from zoom_provider.simulator.replies import NO_CONTENT, Reply, as_json
from zoom_provider.simulator.world import World

_KEPT_IN_PROFILE = (*validation.PROFILE_TEXTS, *validation.PROFILE_LISTS, "host_key", "pmi")
_INVITATION_LIFE = 30 * 86_400
_TRANSFERS = (
    *("meeting", "webinar", "recording", "whiteboard"),
    *("clipfiles", "notes", "visitors", "docs"),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One call of Zoom's reference.

    :param scopes: one of these is needed, granular ones first
    :param permission: what the role of the app's owner must allow
    :param deed: what two callers cannot do to one person at once
    """

    run: Callable[[World, Call], Reply]
    label: Label
    scopes: tuple[str, ...]
    permission: str = "User:Edit"
    deed: str = ""


def create_user(world: World, call: Call) -> Reply:
    """POST /users: check the request, then the account, then let the person in."""
    settings, now = world.settings, world.now()
    body = validation.as_object(call.data)
    headers: Mapping[str, str] = {}
    if body.get("action") == "create":
        headers = world.limits.admit_create(settings, now)
    action, user = validation.check_create(body, settings.subscriptions)
    email = user["email"]
    _check_action(world, action, email)
    _check_address(world, email)
    feature = user.get("feature", {})
    person = Person(
        email=email,
        type=user["type"],
        created=int(now),
        first_name=user.get("first_name", ""),
        last_name=user.get("last_name", ""),
        display_name=user.get("display_name", ""),
        status=settings.create_status if action == "create" else "active",
        login_type=LOGIN_TYPES[action],
        zoom_one=_parse_plan(user) or str(feature.get("zoom_one_type", "")),
        zoom_phone=feature.get("zoom_phone", False),
        profile={k: user[k] for k in ("division_ids",) if k in user},
    )
    _check_seats(world, None, person)
    world.people.put(person)
    made = {
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "type": person.type,
    }
    return as_json(201, made, headers)


def get_user(world: World, call: Call) -> Reply:
    """GET /users/{userId}, by id or address, pending people too."""
    return as_json(200, _person(world, call).to_user(world.now()))


def list_users(world: World, call: Call) -> Reply:
    """GET /users, one page."""
    query, now = call.query, world.now()
    status = query.get("status", "active")
    if status not in ("active", "inactive", "pending"):
        raise invalid("status")
    size_text = query.get("page_size", "30")
    size = int(size_text) if size_text.isdecimal() and len(size_text) < 6 else 0
    if not 1 <= size <= 2000:
        raise invalid("page_size")
    token = query.get("next_page_token", "")
    try:
        people, total, following = world.people.page(
            token, size, status, query.get("role_id", ""), now
        )
    except PageTokenInvalid:
        raise ApiError("page_token") from None
    return as_json(
        200,
        {
            "page_count": -(-total // size),
            "page_number": 1,
            "page_size": size,
            "total_records": total,
            "next_page_token": following,
            "users": [person.to_list_row(now) for person in people],
        },
    )


def update_user(world: World, call: Call) -> Reply:
    """PATCH /users/{userId}; to a pending person Zoom says yes and does nothing."""
    person = _person(world, call)
    fields = validation.check_update(call.data, world.settings.subscriptions)
    if person.status == "pending":
        return NO_CONTENT
    changes: dict[str, Any] = {
        name: fields[name]
        for name in ("first_name", "last_name", "display_name", "type")
        if name in fields
    }
    if any(name in fields for name in ("plan_united_type", "zoom_one_type", "license_info_list")):
        changes["zoom_one"] = _parse_plan(fields)
    if isinstance(fields.get("feature"), dict) and "zoom_phone" in fields["feature"]:
        changes["zoom_phone"] = bool(fields["feature"]["zoom_phone"])
    profile = {name: fields[name] for name in _KEPT_IN_PROFILE if name in fields}
    if profile:
        changes["profile"] = {**person.profile, **profile}
    _check_seats(world, person, replace(person, **changes))
    world.people.change(person, **changes)
    return NO_CONTENT


def set_status(world: World, call: Call) -> Reply:
    """PUT /users/{userId}/status; a deactivated person loses every licence."""
    person = _person(world, call)
    action = validation.as_object(call.data).get("action")
    if action not in ("activate", "deactivate", "clock_in", "clock_out"):
        raise invalid("action")
    if person.role_id in ("0", "1"):
        raise ApiError("admin_status")
    changes: dict[str, Any] = {}
    if action == "deactivate" and person.status == "active":
        changes = {"status": "inactive", "type": 1, "zoom_one": "", "zoom_phone": False}
    elif action == "activate" and person.status == "inactive":
        changes = {"status": "active"}
        _check_seats(world, person, replace(person, **changes))
    world.people.change(person, **changes)
    return Reply(world.settings.put_status_code)


def delete_user(world: World, call: Call) -> Reply:
    """DELETE /users/{userId}; either way the address is free again."""
    person = _person(world, call, invited_long_ago=True)
    query = call.query
    action = query.get("action", "disassociate")
    wrong = [
        f"transfer_{what}"
        for what in _TRANSFERS
        if query.get(f"transfer_{what}", "true") not in ("true", "false")
    ]
    if action not in ("disassociate", "delete") or wrong:
        raise invalid(*(wrong or ["action"]))
    if person.status == "pending" and action == "delete":
        raise ApiError("invitation")
    if action == "disassociate" and person.status != "pending":
        if person.role_id in ("0", "1"):
            raise ApiError("admin")
        if _domain(person.email) in world.settings.managed_domains:
            raise ApiError("managed_domain")
    heir = query.get("transfer_email", "")
    if heir.lower() == person.email.lower():
        raise ApiError("transfer_to_self")
    if person.zoom_events and not heir:
        raise ApiError("events_host")
    if heir and world.people.find(heir) is None:
        raise ApiError("not_found", user=heir)
    world.people.remove(person)
    return NO_CONTENT


def check_email(world: World, call: Call) -> Reply:
    """GET /users/email, which knows only people of this account who signed up by e-mail."""
    email = call.query.get("email", "")
    if not email:
        raise ApiError("email_required")
    person = world.people.find(email) if "@" in email else None
    return as_json(200, {"existed_email": person is not None and person.login_type == 100})


def summary(world: World, _: Call) -> Reply:
    """GET /users/summary: people by kind."""
    people = world.people
    return as_json(
        200,
        {
            "licensed_users_count": people.types[2],
            "basic_users_count": people.types[1],
            "on_prem_users_count": people.types[3],
            "room_users_count": 0,
            "pending_users_count": people.statuses["pending"],
            "join_only_users_count": people.types[4],
            "total_users_count": len(people),
        },
    )


def _person(world: World, call: Call, *, invited_long_ago: bool = False) -> Person:
    user = call.segments[2]
    person = world.people.find(user)
    if person is None:
        raise ApiError("not_found", user=user)
    expired = person.status == "pending" and world.now() - person.created > _INVITATION_LIFE
    if expired and not invited_long_ago:
        raise ApiError("invitation")
    return person


def _check_action(world: World, action: str, email: str) -> None:
    settings = world.settings
    if action == "ssoCreate" and settings.sso != "on":
        raise ApiError("sso_off" if settings.sso == "off" else "sso_no_preprovision")
    managed = settings.managed_domains
    if action == "autoCreate" and managed and _domain(email) not in managed:
        raise ApiError("no_permission")


def _check_address(world: World, email: str) -> None:
    settings, domain = world.settings, _domain(email)
    if domain in settings.blocked_domains:
        raise ApiError("blocked_domain")
    if settings.limited_domains and domain not in settings.limited_domains:
        raise ApiError("limited_domains", email=email, domains=", ".join(settings.limited_domains))
    elsewhere = settings.foreign_accounts.get(email.lower())
    if elsewhere == "paid":
        raise ApiError("foreign_paid", email=email)
    # A free account elsewhere answers just as a person of this account does.
    if elsewhere == "free" or world.people.find(email) is not None:
        raise ApiError(f"exists_{settings.exists_wording}", email=email)


def _check_seats(world: World, before: Person | None, after: Person) -> None:
    settings = world.settings
    held = before.seats if before else frozenset()
    for seat in sorted(after.seats - held):
        maximum = getattr(settings.seats, seat)
        if maximum is not None and world.people.seats[seat] >= maximum:
            suffix = f"_{settings.seat_codes}" if seat in ("basic", "licensed") else ""
            raise ApiError(f"{seat}_full{suffix}", maximum=maximum)


def _parse_plan(fields: Mapping[str, Any]) -> str:
    """Name the bundle that a request asks for; empty for none, or for giving it back."""
    for item in fields.get("license_info_list", []):
        if item["license_type"] == "ZOOM_WORKPLACE_BUNDLE":
            return str(item["license_option"])
    plan = fields.get("plan_united_type") or fields.get("zoom_one_type") or ""
    return "" if plan == "none" else str(plan)


def _domain(email: str) -> str:
    return email.rpartition("@")[2].lower()


_WRITE = ("user:write:admin", "user:write")
_READ = ("user:read:admin", "user:read", *_WRITE)

# A star stands for one path segment; fixed words are looked up first.
OPERATIONS: dict[tuple[str, ...], Operation] = {
    ("POST", "users"): Operation(
        create_user, "LIGHT", ("user:write:user:admin", *_WRITE), deed="create"
    ),
    ("GET", "users"): Operation(
        list_users, "MEDIUM", ("user:read:list_users:admin", *_READ), "User:Read"
    ),
    ("GET", "users", "email"): Operation(
        check_email, "LIGHT", ("user:read:email:admin", "user:read:email", *_READ), "User:Read"
    ),
    ("GET", "users", "summary"): Operation(
        summary, "MEDIUM", ("user:read:summary:admin", *_READ), "User:Read"
    ),
    ("GET", "users", "*"): Operation(
        get_user, "LIGHT", ("user:read:user:admin", "user:read:user", *_READ), "User:Read"
    ),
    ("PATCH", "users", "*"): Operation(
        update_user, "LIGHT", ("user:update:user:admin", "user:update:user", *_WRITE)
    ),
    ("DELETE", "users", "*"): Operation(
        delete_user,
        "LIGHT",
        ("user:delete:user:admin", "user:delete:user", *_WRITE),
        deed="disassociate",
    ),
    ("PUT", "users", "*", "status"): Operation(
        set_status, "LIGHT", ("user:update:status:admin", "user:update:status", *_WRITE)
    ),
}


def find_operation(call: Call) -> Operation | None:
    """Find what a call asks for."""
    version, *rest = call.segments
    if version != "v2":
        return None
    exact = OPERATIONS.get((call.method, *rest))
    if exact is not None or len(rest) < 2 or not rest[1]:
        return exact
    return OPERATIONS.get((call.method, rest[0], "*", *rest[2:]))
