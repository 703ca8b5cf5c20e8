"""What operations share: the operation itself, and how a call names a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError
from zoom_provider.simulator.lifecycle import is_expired
from zoom_provider.simulator.limits import Label
from zoom_provider.simulator.person import Person
from zoom_provider.simulator.replies import Reply
from zoom_provider.simulator.world import World

USER_WRITE = ("user:write:admin", "user:write")
USER_READ = ("user:read:admin", "user:read", *USER_WRITE)
GROUP_WRITE = ("group:write:admin",)
GROUP_READ = ("group:read:admin", *GROUP_WRITE)
ROLE_WRITE = ("role:write:admin",)
ROLE_READ = ("role:read:admin", *ROLE_WRITE)


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


Operations = dict[tuple[str, ...], Operation]


def find_user(world: World, user: str) -> Person | None:
    """Find a person by id or address; ``me`` is the owner of the account and the app."""
    return world.owner() if user == "me" else world.people.find(user)


def require_user(world: World, call: Call, *, expired: bool = False) -> Person:
    """
    Find the person in the path of a call.

    :param expired: also where an expired invitation is still listed
    :raises ApiError: where there is none, or an invitation that has expired
    """
    user = call.segments[2]
    person = find_user(world, user)
    if person is None:
        raise ApiError("not_found", user=user)
    listed = expired and person.status == "pending"
    if is_expired(world, person) and not listed:
        raise ApiError("invitation")
    return person


def domain_of(email: str) -> str:
    """Return the domain of an address, in lower case."""
    return email.rpartition("@")[2].lower()


def require_paid(world: World) -> None:
    """
    Insist on an account that pays.

    :raises ApiError: for the free plan
    """
    if world.settings.plan == "free":
        raise ApiError("paid_only")
