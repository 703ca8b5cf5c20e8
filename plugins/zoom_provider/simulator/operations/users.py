"""Making, reading and listing users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoom_provider.simulator import validation
from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError, invalid
from zoom_provider.simulator.operations.common import (
    USER_READ,
    USER_WRITE,
    Operation,
    Operations,
    domain_of,
    require_user,
)
from zoom_provider.simulator.people import matches
from zoom_provider.simulator.person import EMAIL_LOGIN, LOGIN_TYPES, Person, Status
from zoom_provider.simulator.replies import Reply, as_json
from zoom_provider.simulator.seats import check_seats
from zoom_provider.simulator.views import show_row, show_user
from zoom_provider.simulator.world import World

LONGEST_PAGE = 2_000
SAFE_PAGE = 300


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
    invited = _check_address(world, action, email)
    feature = user.get("feature", {})
    person = Person(
        email=email,
        type=user["type"],
        created=int(now),
        first_name=user.get("first_name", ""),
        last_name=user.get("last_name", ""),
        display_name=user.get("display_name", ""),
        status=_first_status(world, action, invited=invited),
        login_type=LOGIN_TYPES[action],
        plan_united_type=user.get("plan_united_type", ""),
        zoom_one_type=feature.get("zoom_one_type", 0),
        license_info_list=user.get("license_info_list", ()),
        zoom_phone=feature.get("zoom_phone", False),
        profile={k: user[k] for k in ("division_ids",) if k in user},
    )
    check_seats(world, None, person, "create")
    world.people.put(person)
    world.emit("user.created", person, creation_type=action)
    made = {
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "type": person.type,
    }
    return as_json(201, made, headers)


def get_user(world: World, call: Call) -> Reply:
    """GET /users/{userId}, by id, address or the employer's id; pending people too."""
    if call.query.get("search_by_unique_id") == "true":
        person = world.people.find_by_unique_id(call.segments[2])
        if person is None:
            raise ApiError("not_found", user=call.segments[2])
    else:
        person = require_user(world, call)
    return as_json(200, show_user(world, person))


def list_users(world: World, call: Call) -> Reply:
    """GET /users, one page; people who have left the list meanwhile are left out."""
    query = call.query
    status, role_id = query.get("status", "active"), query.get("role_id", "")
    include = query.get("include_fields", "")
    if status not in ("active", "inactive", "pending"):
        raise invalid("status")
    if include not in ("", "custom_attributes", "host_key"):
        raise invalid("include_fields")
    page = world.pager.page(
        query,
        lambda: world.people.keys(status, role_id),
        kind=("users", status, role_id),
        now=world.now(),
        longest=LONGEST_PAGE,
        granted=None if world.settings.large_pages else SAFE_PAGE,
    )
    found = (world.people.find(key) for key in page.keys)
    people = [p for p in found if p is not None and matches(p, status, role_id)]
    return as_json(200, {**page.header(), "users": [show_row(world, p, include) for p in people]})


def check_email(world: World, call: Call) -> Reply:
    """GET /users/email, which knows only people of this account who signed up by e-mail."""
    email = call.query.get("email", "")
    if not email:
        raise ApiError("email_required")
    person = world.people.find(email) if "@" in email else None
    known = person is not None and person.status != "expired" and person.login_type == EMAIL_LOGIN
    return as_json(200, {"existed_email": known})


def summary(world: World, _: Call) -> Reply:
    """GET /users/summary: people by kind."""
    people = world.people
    rooms = sum(person.room for person in people)
    counts: dict[str, Any] = {
        "licensed_users_count": people.types[2],
        "basic_users_count": people.types[1],
        "on_prem_users_count": people.types[3],
        "room_users_count": rooms,
        "pending_users_count": people.statuses["pending"],
        "join_only_users_count": people.types[4],
        "total_users_count": len(people),
    }
    return as_json(200, counts)


def _first_status(world: World, action: str, *, invited: bool) -> Status:
    if invited:
        return "pending"
    return world.settings.create_status if action == "create" else "active"


def _check_action(world: World, action: str, email: str) -> None:
    settings = world.settings
    if action == "ssoCreate" and settings.sso != "on":
        raise ApiError("sso_off" if settings.sso == "off" else "sso_no_preprovision")
    managed = settings.managed_domains
    if action == "autoCreate" and managed and domain_of(email) not in managed:
        raise ApiError("no_permission")


def _check_address(world: World, action: str, email: str) -> bool:
    """
    Insist on an address that can join the account.

    :return: whether it has a personal Zoom account, which can only be invited
    """
    settings, domain = world.settings, domain_of(email)
    if domain in settings.blocked_domains:
        raise ApiError("blocked_domain")
    if settings.limited_domains and domain not in settings.limited_domains:
        raise ApiError("limited_domains", email=email, domains=", ".join(settings.limited_domains))
    elsewhere = settings.foreign_accounts.get(email.lower())
    if elsewhere is None and email.lower() in world.personal:
        elsewhere = "invitable"
    if elsewhere == "paid":
        raise ApiError("foreign_paid", email=email)
    refused = elsewhere == "invitable" and action != "create"
    refused = refused and settings.foreign_precreate == "refused"
    # A free account elsewhere answers just as a person of this account does.
    if elsewhere == "free" or refused or is_taken(world, email):
        raise ApiError(f"exists_{settings.exists_wording}", email=email)
    return elsewhere == "invitable"


def is_taken(world: World, email: str) -> bool:
    """Return whether a person of the account has an address, or gave it up a moment ago."""
    person = world.people.find(email)
    kept = world.reserved.get(email.lower(), 0) > world.now()
    return kept or (person is not None and person.status != "expired")


OPERATIONS: Operations = {
    ("POST", "users"): Operation(
        create_user, "LIGHT", ("user:write:user:admin", *USER_WRITE), deed="create"
    ),
    ("GET", "users"): Operation(
        list_users, "MEDIUM", ("user:read:list_users:admin", *USER_READ), "User:Read"
    ),
    ("GET", "users", "email"): Operation(
        check_email, "LIGHT", ("user:read:email:admin", "user:read:email", *USER_READ), "User:Read"
    ),
    ("GET", "users", "summary"): Operation(
        summary, "MEDIUM", ("user:read:summary:admin", *USER_READ), "User:Read"
    ),
    ("GET", "users", "*"): Operation(
        get_user, "LIGHT", ("user:read:user:admin", "user:read:user", *USER_READ), "User:Read"
    ),
}
