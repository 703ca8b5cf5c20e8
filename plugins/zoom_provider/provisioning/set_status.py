"""Activate or deactivate one user, and give licences back or end sessions with it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomError,
    ZoomNotAppliedError,
    ZoomNotFoundError,
    ZoomPendingError,
)
from zoom_provider.models.user_update import LICENSE_FIELDS
from zoom_provider.provisioning.apply_change import apply_change, changed_fields
from zoom_provider.provisioning.decide import decide_update
from zoom_provider.provisioning.protection import check_protection, raise_protected
from zoom_provider.provisioning.report import Outcome
from zoom_provider.provisioning.settle import LOOKS, call_once, has_happened

log = logging.getLogger(__name__)

StatusAction = Literal["activate", "deactivate"]
STATUS_AFTER: Final[Mapping[StatusAction, str]] = {"activate": "active", "deactivate": "inactive"}


@dataclass(frozen=True, slots=True)
class StatusResult:
    """
    What became of a user's status.

    :param outcome: ``activated``, ``deactivated`` or ``unchanged``
    :param user: the user as Zoom shows them afterwards
    :param changed: what changed: ``{field: {"old", "new"}}``
    """

    outcome: Outcome
    user: Mapping[str, Any]
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)


def set_status(
    client: ZoomClient,
    user: str,
    action: StatusAction,
    *,
    sign_out: bool = True,
    license_fields: Mapping[str, Any] | None = None,
) -> StatusResult:
    """
    Activate or deactivate a user; a user who is so already is left as they are.

    :param user: id or e-mail address
    :param sign_out: end the sessions of a user who is deactivated
    :param license_fields: the licences of a user who is activated, by PATCH's names
    :raises ZoomPendingError: the user has not accepted the invitation
    :raises ZoomProtectedUserError: Zoom does not let the user be deactivated
    """
    found = client.get_user(user)
    if found.get("status") == "pending":
        raise ZoomPendingError(
            "The user has not accepted the invitation, so there is nothing to "
            f"{action}. To withdraw the invitation use ZoomDeleteUserOperator.",
            email=found.get("email"),
        )
    was = found.get("status")
    changed: dict[str, dict[str, Any]] = {}
    if was != STATUS_AFTER[action]:
        before, found = found, _change_status(client, found, action)
        changed = {
            name: {"old": before.get(name), "new": found.get(name)}
            for name in ("status", *LICENSE_FIELDS)
            if before.get(name) != found.get(name)
        }
    if action == "deactivate":
        # Also of one who was inactive: an earlier try may have been cut off between the calls.
        if sign_out:
            _sign_out(client, found)
        return StatusResult(Outcome.DEACTIVATED if changed else Outcome.UNCHANGED, found, changed)
    if license_fields:
        user_now, given_back = _give_back(client, found, license_fields)
        return StatusResult(
            Outcome.ACTIVATED if changed or given_back else Outcome.UNCHANGED,
            user_now,
            changed | given_back,
        )
    return StatusResult(Outcome.ACTIVATED if changed else Outcome.UNCHANGED, found, changed)


def _change_status(
    client: ZoomClient, user: Mapping[str, Any], action: StatusAction
) -> dict[str, Any]:
    if action == "deactivate":
        check_protection(user)
    key = str(user["id"])
    found: dict[str, Any] = {}

    def is_done() -> bool:
        found.clear()
        found.update(client.get_user(key))
        return found.get("status") == STATUS_AFTER[action]

    try:
        call_once(client, lambda: client.set_user_status(key, action), is_done)
    except ZoomError as error:
        raise_protected(error, user)
    if not has_happened(client, is_done, (0.0, *LOOKS)):
        raise ZoomNotAppliedError(
            f"Zoom answered with success and did not {action} the user: look at the user in Zoom's "
            "web portal, and ask Zoom's support with the tracking id of this call.",
            fields={
                "status": {
                    "old": user.get("status"),
                    "wanted": STATUS_AFTER[action],
                    "found": found.get("status"),
                }
            },
            email=user.get("email"),
        )
    return found


def _sign_out(client: ZoomClient, user: Mapping[str, Any]) -> None:
    try:
        client.sign_out(str(user["id"]))
    except ZoomNotFoundError as error:
        log.info("%s: no session to end: %s", user.get("email"), error)
    except ZoomError as error:
        error.args = (
            "The user is deactivated, but the sessions of single sign-on could not be ended: run "
            f"the task again, or set sign_out=False. {error.args[0]}",
        )
        raise


def _give_back(
    client: ZoomClient, user: Mapping[str, Any], license_fields: Mapping[str, Any]
) -> tuple[Mapping[str, Any], dict[str, dict[str, Any]]]:
    change = decide_update(license_fields, user)
    if not change.calls:
        return user, {}
    try:
        return apply_change(client, user, change), changed_fields(change)
    except ZoomError as error:
        error.args = (f"The user is active, without all of the license: {error.args[0]}",)
        raise
