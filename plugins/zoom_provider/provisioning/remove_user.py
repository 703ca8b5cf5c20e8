"""
Remove one user from the account, with what they had handed to another user.

A delete cannot be undone, and Zoom's refusal does not say which of two users is missing. So both
are read first, and a reply that is lost is settled by looking. What a lost reply leaves open is
whether the transfers took place: only a person can see that.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

from zoom_provider.api.client import LostReplyError, ZoomClient
from zoom_provider.exceptions import (
    ZoomError,
    ZoomNotFoundError,
    ZoomUnconfirmedError,
    ZoomValidationError,
)
from zoom_provider.models.transfer import Transfer
from zoom_provider.provisioning.ports import AttemptNote
from zoom_provider.provisioning.protection import check_protection, raise_protected
from zoom_provider.provisioning.report import Outcome
from zoom_provider.provisioning.settle import call_once, has_happened

log = logging.getLogger(__name__)

RemoveAction = Literal["disassociate", "delete"]

_ABSENT: Final = frozenset({1001, 1010})
_EXPIRED: Final = 1120
_MANAGED_DOMAIN: Final = 1107
_LICENSED: Final = 2
_DONE: Final = {"disassociate": Outcome.DISASSOCIATED, "delete": Outcome.DELETED}


@dataclass(frozen=True, slots=True)
class RemoveResult:
    """
    What became of a removal.

    :param outcome: ``disassociated``, ``deleted`` or ``absent``
    :param user: the user as Zoom showed them before, or what is known of one who is absent
    :param reason: why it is not simply done
    """

    outcome: Outcome
    user: Mapping[str, Any]
    reason: str | None = None


def remove_user(
    client: ZoomClient,
    user: str,
    action: RemoveAction,
    transfer: Transfer | None,
    note: AttemptNote,
    *,
    is_retry: bool = False,
) -> RemoveResult:
    """
    Remove a user; one who is absent already stays so.

    A pending user is always removed by address with ``disassociate``, since Zoom refuses more.

    :param user: id or e-mail address
    :param transfer: what goes to which user
    :param note: where a delete with transfers is noted before it is sent
    :param is_retry: whether an earlier try of this task may have sent it, where no notes are kept
    :raises ZoomProtectedUserError: Zoom does not let the user be removed
    :raises ZoomUnconfirmedError: the user is gone, but whether the transfers took place is unknown
    """
    found = _find(client, user)
    if found is None:
        if transfer and (note.load(user) if note.kept else is_retry):
            _clear(note)
            raise _unconfirmed(user, transfer.params())
        known = {"email": user} if "@" in user else {"id": user}
        return RemoveResult(Outcome.ABSENT, known, "the account has no such user")
    if found.get("status") == "pending":
        return _withdraw(client, found, action)
    check_protection(found)
    return _remove(client, user, found, action, transfer, note)


def _remove(
    client: ZoomClient,
    user: str,
    found: Mapping[str, Any],
    action: RemoveAction,
    transfer: Transfer | None,
    note: AttemptNote,
) -> RemoveResult:
    if transfer:
        _check_target(client, found, transfer)
        if note.kept:
            note.save(user)
    try:
        send_delete(client, str(found["id"]), action, transfer.params() if transfer else {})
    except ZoomNotFoundError:
        _clear(note)
        if _find(client, user) is not None:
            raise
        return RemoveResult(Outcome.ABSENT, found, "the user was gone before Zoom acted")
    except ZoomUnconfirmedError as error:
        _clear(note)
        error.email = str(found["email"])
        raise
    except ZoomError as error:
        if error.remedy != "retry":
            _clear(note)  # refused: nothing was transferred
        _refused(error, found, action, transfer)
    _clear(note)
    return RemoveResult(_DONE[action], found)


def _clear(note: AttemptNote) -> None:
    if note.kept:
        note.clear()


def _find(client: ZoomClient, user: str) -> dict[str, Any] | None:
    """Return the user; of one whose invitation has expired, what is known."""
    try:
        return client.get_user(user)
    except ZoomNotFoundError as error:
        if error.code == _EXPIRED:
            return {"email": user, "status": "pending"}
        if error.code not in _ABSENT:
            raise
        return None


def _withdraw(client: ZoomClient, user: Mapping[str, Any], action: RemoveAction) -> RemoveResult:
    email = str(user["email"])
    if action == "delete":
        log.info("%s: pending, so the invitation is withdrawn with disassociate.", email)
    try:
        call_once(
            client,
            lambda: client.delete_user(email, "disassociate"),
            lambda: _find(client, email) is None,
        )
    except ZoomNotFoundError:
        return RemoveResult(Outcome.ABSENT, user, "the invitation had expired")
    return RemoveResult(Outcome.DISASSOCIATED, user, "the invitation is withdrawn")


def _check_target(client: ZoomClient, user: Mapping[str, Any], transfer: Transfer) -> None:
    """
    Refuse a target that Zoom would refuse, or would not name in its refusal.

    :raises ZoomValidationError: by field
    """
    text = None
    try:
        target = client.get_user(transfer.to)
    except ZoomNotFoundError:
        text = f"{transfer.to} is no user of this account: name another one"
    else:
        if target.get("id") == user.get("id"):
            text = "is the user to remove: name another one"
        elif target.get("status") != "active":
            text = f"{transfer.to} is {target.get('status')}, not active: name another one"
        elif _needs_license(user, transfer) and target.get("type") != _LICENSED:
            text = f"{transfer.to} is not Licensed, as what is transferred needs: set type 2 first"
    if text:
        raise ZoomValidationError(
            f"Nothing was sent: transfer.to {text}.",
            errors={"transfer.to": [text]},
            email=user.get("email"),
        )


def _needs_license(user: Mapping[str, Any], transfer: Transfer) -> bool:
    return "recording" in transfer.what or (
        user.get("type") == _LICENSED and bool({"meeting", "webinar"} & {*transfer.what})
    )


def send_delete(
    client: ZoomClient, user: str, action: RemoveAction, transfer: Mapping[str, str | bool]
) -> None:
    """
    Delete or disassociate a user; a lost reply is settled by looking.

    :param user: id or e-mail address
    :param transfer: the parameters of Zoom's call: ``transfer_email`` and what goes there
    :raises ZoomNotFoundError: Zoom has no such user, and no call of ours has removed one
    :raises ZoomUnconfirmedError: the user is gone, but whether the transfers took place is unknown
    """
    try:
        client.delete_user(user, action, **transfer)
        return
    except LostReplyError as lost:
        log.warning("%s Looking whether Zoom has acted.", lost)
    gone = has_happened(client, lambda: _find(client, user) is None)
    if not gone:
        try:
            client.delete_user(user, action, **transfer)
            return
        except (LostReplyError, ZoomNotFoundError):
            # A refusal, too: the first call may have come through in the meantime.
            if not has_happened(client, lambda: _find(client, user) is None):
                raise
    if transfer:
        raise _unconfirmed(user, transfer)


def _unconfirmed(email: str, transfer: Mapping[str, str | bool]) -> ZoomUnconfirmedError:
    kinds = [name.removeprefix("transfer_") for name, value in transfer.items() if value is True]
    what = ", ".join(kinds) or "Zoom Events"
    return ZoomUnconfirmedError(
        f"The user is gone, but Zoom's reply was lost: whether {what} went to "
        f"{transfer.get('transfer_email')} is not known. Look in that user's account in "
        "Zoom's web portal; recordings that were not transferred may be in the trash for 30 days.",
        email=email,
    )


def _refused(
    error: ZoomError, user: Mapping[str, Any], action: RemoveAction, transfer: Transfer | None
) -> NoReturn:
    """Raise what Zoom's refusal means."""
    email = str(user.get("email"))
    if error.code == _MANAGED_DOMAIN and action == "disassociate":
        error.args = (
            "The address is in a domain that the account manages, and Zoom disassociates no user "
            "of one: use action='delete', which deletes the account and its data; name transfer "
            f"to keep meetings and recordings. {error.args[0]}",
        )
        error.email = email
        raise error
    if error.code == 300 and transfer:
        text = (
            f"{transfer.to} cannot take over what is transferred: the user needs the same "
            "licences (Licensed; Webinar for webinars; Zoom Events for events)"
        )
        raise ZoomValidationError(
            f"Zoom refused the transfer: {text}. {error.args[0]}",
            errors={"transfer.to": [text]},
            code=error.code,
            status=error.status,
            tracking_id=error.tracking_id,
            email=email,
        ) from error
    raise_protected(error, user)
