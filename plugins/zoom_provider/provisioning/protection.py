"""Users that Zoom neither deactivates nor removes, and what to do first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from zoom_provider.exceptions import ZoomError, ZoomProtectedUserError
from zoom_provider.provisioning.names import ADMIN, OWNER

_ROLE_HINT: Final = (
    "make the user a Member first (ZoomUpdateUserOperator with fields={'role': None}); if Zoom "
    "refuses that, the account's owner does it in Zoom's web portal, Role Management"
)
_BY_CODE: Final = {
    200: "Zoom refuses this for the owner, for administrators, for Zoom Rooms and for deactivated "
    "users that only its support can remove. Look which of them the user is: give the role to "
    "another user, or unlink the room in Zoom's web portal, Room Management. Where none of them "
    "fits, the role of the app's owner lacks the permission to edit users",
    300: "the user hosts upcoming Zoom Events, or is an API user: end the events or hand them to "
    "another host (for a removal: transfer={'to': ...}, a host with a Zoom Events licence)",
    1000: "the user manages a call queue or runs an auto receptionist: name another user there in "
    "Zoom's web portal, Phone System Management",
    1117: f"the user is an administrator: {_ROLE_HINT}",
}


def check_protection(user: Mapping[str, Any]) -> None:
    """
    Refuse the account's owner and administrators before any call.

    :raises ZoomProtectedUserError: with what to do first
    """
    role = str(user.get("role_id") or "")
    texts = {
        OWNER: "the user is the account's owner: hand the account over to another user in Zoom's "
        "web portal, Account Profile, first",
        ADMIN: _BY_CODE[1117],
    }
    if role in texts:
        raise ZoomProtectedUserError(f"Nothing was sent: {texts[role]}.", email=user.get("email"))


def raise_protected(error: ZoomError, user: Mapping[str, Any]) -> NoReturn:
    """
    Raise what Zoom's refusal of a status or a removal means, by its code.

    :raises ZoomProtectedUserError: the user is one of those that Zoom keeps as they are
    """
    text = _BY_CODE.get(error.code or 0)
    if text is None:
        raise error
    role = user.get("role_name")
    named = f" The user's role is {role}." if role and str(user.get("role_id")) != "2" else ""
    raise ZoomProtectedUserError(
        f"Zoom keeps this user: {text}.{named} {error.args[0]}",
        code=error.code,
        status=error.status,
        tracking_id=error.tracking_id,
        email=str(user.get("email") or error.email),
    ) from error
