"""Decide what to do about an existing user. Pure: dry run and create share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from zoom_provider.exceptions import ZoomUserExistsError
from zoom_provider.models.user import CreateRequest
from zoom_provider.provisioning.report import Outcome

IfExists = Literal["fail", "skip", "update"]

UPDATABLE: Final[tuple[str, ...]] = (
    "first_name",
    "last_name",
    "display_name",
    "type",
    "division_ids",
    "plan_united_type",
)
"""What ``if_exists="update"`` writes; never a password, a feature or a licence list."""

_PENDING_REASON: Final = (
    "the user is pending, and Zoom drops changes to pending users: run it again once they have "
    "accepted, or delete the invitation (disassociate) and create the user with the right values"
)
_INACTIVE_REASON: Final = "the user is inactive: activate them first"


@dataclass(frozen=True, slots=True)
class Change:
    """
    What to do with an existing user.

    :param outcome: the outcome once ``fields`` are written
    :param fields: what to PATCH
    :param reason: an explanation, where the outcome alone does not suffice
    """

    outcome: Outcome
    fields: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


def needs_full_user(existing: Mapping[str, Any], if_exists: IfExists) -> bool:
    """Return whether :func:`decide` needs more of the user than a list's id and status."""
    active = existing.get("status") not in ("pending", "inactive")
    return if_exists == "update" and active and "type" not in existing


def decide(request: CreateRequest, existing: Mapping[str, Any], if_exists: IfExists) -> Change:
    """
    Decide whether an existing user is skipped, updated, or left to an administrator.

    :param request: the creation that the row asks for
    :param existing: the user as Zoom has them
    :param if_exists: the task's parameter
    :raises ZoomUserExistsError: with ``if_exists="fail"``
    """
    status = existing.get("status")
    if if_exists == "fail":
        raise ZoomUserExistsError(
            "Zoom has this user already: choose if_exists='skip' or 'update' to go on with them.",
            user=existing,
            email=request.email,
        )
    if if_exists == "skip":
        note = f"the user is {status}" if status in ("pending", "inactive") else None
        return Change(Outcome.EXISTING, reason=note)
    if status == "pending":
        return Change(Outcome.EXISTING, reason=_PENDING_REASON)
    if status == "inactive":
        return Change(Outcome.NEEDS_HUMAN, reason=_INACTIVE_REASON)
    given = request.user_info.given()
    changes = {
        name: given[name]
        for name in UPDATABLE
        if name in given and given[name] != existing.get(name)
    }
    if not changes:
        return Change(Outcome.UNCHANGED)
    return Change(Outcome.UPDATED, changes, f"changed {', '.join(changes)}")
