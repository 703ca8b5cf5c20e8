"""Decide what to do about an existing user. Pure: dry run, create and update share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from zoom_provider.exceptions import ZoomUserExistsError
from zoom_provider.models.user import CreateRequest
from zoom_provider.provisioning.calls import Call, Difference, build_calls
from zoom_provider.provisioning.compare import same
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

PENDING: Final = (
    "the user is pending, and Zoom drops changes to pending users: run it again once they have "
    "accepted, or delete the invitation (disassociate) and create the user with the right values"
)
_PHONE_PAIR: Final = {"phone_number", "phone_country"}
_SHOWN_AS: Final = {"groups": "group_ids", "role": "role_id", "vanity_name": "vanity_url"}
"""Fields that Zoom shows by another name than it takes them by."""
INACTIVE: Final = "the user is inactive: activate them first"


@dataclass(frozen=True, slots=True)
class Change:
    """
    What to do with an existing user.

    :param outcome: what it comes to once ``calls`` are made
    :param differences: the fields that are not as wanted
    :param calls: what to send, in this order
    :param reason: why it is not simply done
    """

    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    calls: tuple[Call, ...] = ()
    reason: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The wanted values of the fields that differ."""
        return {found.name: found.new for found in self.differences}


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
        return Change(Outcome.EXISTING, reason=PENDING)
    if status == "inactive":
        return Change(Outcome.NEEDS_HUMAN, reason=INACTIVE)
    given = request.user_info.given_fields()
    return decide_update({name: given[name] for name in UPDATABLE if name in given}, existing)


def decide_update(wanted: Mapping[str, Any], existing: Mapping[str, Any]) -> Change:
    """
    Decide what to send so that a user is as wanted.

    :param wanted: fields with their values; None clears one, an absent one is left alone.
        ``groups`` and ``role`` hold ids
    :param existing: the user as Zoom shows them
    """
    if existing.get("status") == "pending":
        return Change(Outcome.PENDING, reason=PENDING)
    differing = {name for name, value in wanted.items() if not same(name, value, existing)}
    if differing & _PHONE_PAIR:
        differing |= _PHONE_PAIR  # Zoom takes them together only
    differences = tuple(
        Difference(name, read_field(name, existing), value)
        for name, value in wanted.items()
        if name in differing
    )
    if not differences:
        return Change(Outcome.UNCHANGED)
    if existing.get("status") == "inactive":
        return Change(Outcome.NEEDS_HUMAN, differences, reason=INACTIVE)
    names = ", ".join(found.name for found in differences)
    return Change(
        Outcome.UPDATED, differences, build_calls(differences, existing), f"changed {names}"
    )


def read_field(name: str, existing: Mapping[str, Any]) -> Any:
    """Return what Zoom shows of a field; None where it is empty."""
    return existing.get(_SHOWN_AS.get(name, name)) or None
