"""Activating, deactivating and signing out."""

from __future__ import annotations

from dataclasses import replace

from zoom_provider.simulator import validation
from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError, invalid
from zoom_provider.simulator.lifecycle import activate, deactivate
from zoom_provider.simulator.operations.common import (
    USER_WRITE,
    Operation,
    Operations,
    require_user,
)
from zoom_provider.simulator.person import Person
from zoom_provider.simulator.replies import NO_CONTENT, Reply
from zoom_provider.simulator.seats import check_seats
from zoom_provider.simulator.world import World

_WANTED = {"activate": "active", "deactivate": "inactive"}


def set_status(world: World, call: Call) -> Reply:
    """PUT /users/{userId}/status; a deactivated person loses every licence."""
    person, settings = require_user(world, call), world.settings
    action = validation.as_object(call.data).get("action")
    if action not in ("activate", "deactivate", "clock_in", "clock_out"):
        raise invalid("action")
    if person.is_admin or person.room:
        raise ApiError("admin_status")
    if person.status == "pending" and settings.pending_status == "refused":
        raise ApiError("pending_status")
    if action in _WANTED and person.status != "pending":
        _set_status(world, person, action)
    return Reply(settings.put_status_code)


def sign_out(world: World, call: Call) -> Reply:
    """DELETE /users/{userId}/token: end the sessions of a person who logged in by SSO."""
    person = require_user(world, call)
    world.people.change(person, signed_in=False)
    return NO_CONTENT


def _set_status(world: World, person: Person, action: str) -> None:
    if person.status == _WANTED[action]:
        if world.settings.repeated_status == "refused":
            raise ApiError("status_unchanged")
        return
    if action == "deactivate" and person.zoom_events:
        raise ApiError("events_status")
    if action == "activate":
        check_seats(world, person, replace(person, status="active"), "activate")
    if "status" in world.settings.ignored_fields:
        return
    if action == "activate":
        activate(world, person)
    else:
        deactivate(world, person)


OPERATIONS: Operations = {
    ("PUT", "users", "*", "status"): Operation(
        set_status, "LIGHT", ("user:update:status:admin", "user:update:status", *USER_WRITE)
    ),
    ("DELETE", "users", "*", "token"): Operation(
        sign_out, "LIGHT", ("user:delete:token:admin", "user:delete:token", *USER_WRITE)
    ),
}
