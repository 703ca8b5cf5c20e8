"""Deleting and disassociating users, and what becomes of their data."""

from __future__ import annotations

from collections.abc import Mapping

from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError, invalid
from zoom_provider.simulator.lifecycle import Transfer, begin_departure
from zoom_provider.simulator.operations.common import (
    USER_WRITE,
    Operation,
    Operations,
    domain_of,
    require_user,
)
from zoom_provider.simulator.person import API_LOGIN, LICENSED, OWNER, Person
from zoom_provider.simulator.replies import NO_CONTENT, Reply
from zoom_provider.simulator.world import World

TRANSFERS = (
    *("meeting", "webinar", "recording", "whiteboard"),
    *("clipfiles", "notes", "visitors", "docs"),
)


def delete_user(world: World, call: Call) -> Reply:
    """DELETE /users/{userId}: delete the person, or let them keep a personal account."""
    person = require_user(world, call, expired=True)
    action, transfer = _read_request(call.query)
    if person.status == "pending":
        if action == "delete" and world.settings.pending_delete == "refused":
            raise ApiError("invitation")
    else:
        _check_person(world, person, action)
        _check_transfer(world, person, transfer, named=call.segments[2])
    if person.id in world.leaving:
        raise ApiError("concurrent", deed="disassociate")
    begin_departure(world, person, action, transfer)
    return NO_CONTENT


def _read_request(query: Mapping[str, str]) -> tuple[str, Transfer]:
    action = query.get("action", "disassociate")
    flags = {what: query.get(f"transfer_{what}", "false").lower() for what in TRANSFERS}
    wrong = [f"transfer_{what}" for what, flag in flags.items() if flag not in ("true", "false")]
    if action not in ("disassociate", "delete") or wrong:
        raise invalid(*(wrong or ["action"]))
    kinds = frozenset(what for what, flag in flags.items() if flag == "true")
    return action, Transfer(query.get("transfer_email", ""), kinds)


def _check_person(world: World, person: Person, action: str) -> None:
    """Insist on a person who may go, in the order in which Zoom refuses."""
    if person.role_id == OWNER:
        raise ApiError("owner")
    if person.is_admin:
        raise ApiError("admin")
    if person.room:
        raise ApiError("room")
    if person.call_queue:
        raise ApiError("call_queue")
    if person.undeletable and person.status == "inactive":
        raise ApiError("undeletable")
    if action == "disassociate" and domain_of(person.email) in world.settings.managed_domains:
        raise ApiError("managed_domain")
    if action == "disassociate" and person.login_type == API_LOGIN:
        raise ApiError("api_user")


def _check_transfer(world: World, person: Person, transfer: Transfer, *, named: str) -> None:
    """Insist on somewhere for the data to go; who is missing, Zoom does not say."""
    if person.zoom_events and not transfer.to:
        raise ApiError("events_host")
    if not transfer.to:
        return
    heir = world.people.find(transfer.to)
    if heir is not None and heir.id == person.id:
        raise ApiError("transfer_to_self")
    if heir is None or heir.status != "active":
        raise ApiError("not_found", user=named)
    if person.zoom_events and not (heir.zoom_events or heir.features.get("zoom_events")):
        raise ApiError("transfer_events")
    webinars = "webinar" in transfer.kinds and bool(person.assets.get("webinar"))
    if webinars and not heir.features.get("webinar"):
        raise ApiError("transfer_license", license="Webinar")
    recordings = "recording" in transfer.kinds and bool(person.assets.get("recording"))
    meetings = "meeting" in transfer.kinds and person.type == LICENSED
    if (recordings or meetings) and heir.type != LICENSED:
        raise ApiError("transfer_license", license="Licensed")


OPERATIONS: Operations = {
    ("DELETE", "users", "*"): Operation(
        delete_user,
        "LIGHT",
        ("user:delete:user:admin", "user:delete:user", *USER_WRITE),
        deed="disassociate",
    ),
}
