"""Create one person, or do with the existing one as asked, and say what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from zoom_provider.api.client import ZoomClient
from zoom_provider.api.creating import Steps
from zoom_provider.api.user_info import Action, CreateRequest
from zoom_provider.exceptions import ZoomError, ZoomNotFoundError, ZoomUserExistsError
from zoom_provider.provisioning.outcomes import Outcome
from zoom_provider.provisioning.seats import Seats

IfExists = Literal["fail", "skip", "update"]

Known = Callable[[str], Mapping[str, Any] | None]
"""Tells whom Zoom has under an address: at least ``id`` (not of pending people) and ``status``."""

UPDATABLE: Final[tuple[str, ...]] = (
    "first_name",
    "last_name",
    "display_name",
    "type",
    "division_ids",
    "plan_united_type",
)
"""What ``if_exists="update"`` writes; never a password, a feature or a licence list."""

_PENDING: Final = "the person is pending, and Zoom drops changes to pending people"

_EXPIRED: Final = 1120
"""Zoom's code for an invitation older than 30 days."""

DRY_RUN: Final = "dry run, nothing was written"


@dataclass(frozen=True, slots=True)
class Person:
    """
    What became of one request.

    :param outcome: what happened
    :param user: the person as Zoom has them
    :param reason: why it is not simply done
    """

    outcome: Outcome
    user: dict[str, Any]
    reason: str | None = None


def create(
    client: ZoomClient,
    request: CreateRequest,
    if_exists: IfExists,
    *,
    known: Known | None = None,
    seats: Seats | None = None,
) -> Steps[Person]:
    """
    Create a person in steps, or do with the existing one as ``if_exists`` says.

    :param known: asked before Zoom is, so that existing people are not posted at all
    :param seats: those that are free; counted down
    :raises ZoomUserExistsError: with ``if_exists="fail"``
    :raises ZoomLicenseError: no seat is free
    """
    user = known(request.email) if known else None
    if user is None:
        seated, note = seats.take(request) if seats else (request, None)
        try:
            made = yield from client.creating(seated)
            return Person(_made(request), made, note)
        except ZoomUserExistsError as error:
            _give_back(seats, seated)
            if if_exists == "fail" or error.user is None:
                raise
            user = error.user
        except ZoomError:
            _give_back(seats, seated)
            raise
    elif if_exists == "fail":
        raise ZoomUserExistsError("Zoom has this person already.", user=user)
    person, changes = _met(client, request, user, if_exists)
    _write(client, str(user.get("id") or request.email), changes)
    return person


def foretell(
    client: ZoomClient,
    request: CreateRequest,
    if_exists: IfExists,
    *,
    known: Known | None = None,
    seats: Seats | None = None,
) -> Steps[Person]:
    """
    Say what :func:`create` would do, by one look-up at most, and write nothing.

    Whether an address has an account elsewhere shows at creation only, and without ``seats`` so
    does whether one is free.
    """
    yield 0.0
    user = known(request.email) if known else look_up(client, request.email)
    if user is None:
        _, note = seats.take(request) if seats else (request, None)
        return Person(_made(request), {}, f"{DRY_RUN}: {note}" if note else DRY_RUN)
    if if_exists == "fail":
        raise ZoomUserExistsError("Zoom has this person already.", user=user)
    person, _ = _met(client, request, user, if_exists)
    return replace(person, reason=f"{DRY_RUN}: {person.reason}" if person.reason else DRY_RUN)


def look_up(client: ZoomClient, email: str) -> Mapping[str, Any] | None:
    """Return the person whom Zoom has under an address; None if there is none."""
    try:
        return client.get_user(email)
    except ZoomNotFoundError as absent:
        # An invitation that has expired holds the address all the same.
        return {"email": email, "status": "pending"} if absent.code == _EXPIRED else None


def _give_back(seats: Seats | None, request: CreateRequest) -> None:
    if seats is not None:
        seats.give_back(request)


def _made(request: CreateRequest) -> Outcome:
    return Outcome.INVITED if request.action is Action.create else Outcome.CREATED


def _met(
    client: ZoomClient, request: CreateRequest, met: Mapping[str, Any], if_exists: IfExists
) -> tuple[Person, dict[str, Any]]:
    """Say what an existing person comes to, and which fields to write."""
    user, status = dict(met), met.get("status")
    if if_exists == "skip":
        note = f"the person is {status}" if status in ("pending", "inactive") else None
        return Person(Outcome.EXISTING, user, note), {}
    if status == "pending":
        return Person(Outcome.EXISTING, user, _PENDING), {}
    if status == "inactive":
        return Person(Outcome.NEEDS_HUMAN, user, "the person is inactive: activate them first"), {}
    if "type" not in user:
        # Known from a list, of which only who is there was kept.
        user = client.get_user(request.email)
    given = request.user_info.given()
    changes = {
        name: given[name] for name in UPDATABLE if name in given and given[name] != user.get(name)
    }
    if not changes:
        return Person(Outcome.UNCHANGED, user), {}
    return Person(Outcome.UPDATED, user | changes, f"changed {', '.join(changes)}"), changes


def _write(client: ZoomClient, user: str, changes: dict[str, Any]) -> None:
    # Zoom refuses type and plan_united_type in one call.
    plan = {name: value for name, value in changes.items() if name == "plan_united_type"}
    for part in ({name: value for name, value in changes.items() if name not in plan}, plan):
        if part:
            client.update_user(user, part)
