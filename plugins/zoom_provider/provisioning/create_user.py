"""
Create one user exactly once, even if Zoom's reply is lost.

``POST /v2/users`` is not idempotent: after a time-out, a cut connection or a 5xx Zoom may have
acted. Posting again blindly would invite people twice, so the user is looked up first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from zoom_provider.api.client import LostReplyError, ZoomClient
from zoom_provider.api.response import Reply
from zoom_provider.exceptions import (
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomNotFoundError,
    ZoomProtocolError,
    ZoomRateLimitError,
    ZoomStoppedError,
    ZoomUnavailableError,
    ZoomUserExistsError,
)
from zoom_provider.models.user import Action, CreateRequest
from zoom_provider.provisioning.decide import Change, IfExists, decide, needs_full_user
from zoom_provider.provisioning.ports import AttemptNote
from zoom_provider.provisioning.report import Outcome
from zoom_provider.provisioning.seats import Seats

log = logging.getLogger(__name__)

BY_EARLIER_TRY: Final = "created by an earlier try"

DRY_RUN: Final = "dry run, nothing was written"

_LOOKUP_DELAYS: Final = (1.0, 2.0, 5.0)
"""Seconds between look-ups: at about 1, 3 and 8 seconds after the reply was lost."""
_EXTRA_LOOKUP_DELAYS: Final = (8.0, 15.0, 30.0)
"""Where the last look-up was not answered either."""
_EXPIRED_CODE: Final = 1120
"""Zoom's code for an invitation older than 30 days, which holds the address all the same."""
_STAMP_TOLERANCE: Final = timedelta(seconds=5)
"""Zoom's stamps are whole seconds, so is a ``Date`` header, and a reply takes its time."""


@dataclass(frozen=True, slots=True)
class CreateResult:
    """
    The result of one request.

    :param outcome: what happened
    :param user: the user as Zoom has them
    :param reason: an explanation, where the outcome alone does not suffice
    """

    outcome: Outcome
    user: Mapping[str, Any]
    reason: str | None = None


def find_user(client: ZoomClient, email: str) -> Mapping[str, Any] | None:
    """
    Return the user with an address; None if Zoom has none.

    A user whose invitation has expired (Zoom's code 1120) counts as none: Zoom lists them no more,
    holds no seat for them, and takes another creation.
    """
    try:
        return client.get_user(email)
    except ZoomNotFoundError:
        return None


def create_user(
    client: ZoomClient,
    request: CreateRequest,
    if_exists: IfExists,
    *,
    existing: Mapping[str, Any] | None = None,
    seats: Seats | None = None,
    on_lost_reply: Callable[[], None] = lambda: None,
) -> CreateResult:
    """
    Create a user, or handle an existing one as ``if_exists`` says.

    :param existing: the user, where a list or a look-up has found them: nothing is posted then
    :param seats: the free ones; counted down
    :param on_lost_reply: called when Zoom's reply is lost, before the user is looked up
    :raises ZoomUserExistsError: with ``if_exists="fail"``
    :raises ZoomForeignAccountError: the address has a Zoom account elsewhere
    :raises ZoomLicenseError: no seat is free
    """
    if existing is None:
        try:
            return _create_absent(client, request, seats, on_lost_reply)
        except ZoomUserExistsError as error:
            if if_exists == "fail" or error.user is None:
                raise
            existing = error.user
    return _change_existing(client, request, existing, if_exists)


def create_once(
    client: ZoomClient,
    request: CreateRequest,
    if_exists: IfExists,
    note: AttemptNote,
    since: datetime | None = None,
) -> CreateResult:
    """
    Create a user as :func:`create_user` does, and recognise a user that an earlier try created.

    :param note: where attempts are noted before they are made
    :param since: where no notes are kept: when the run began, if this is not its first try
    :raises ZoomError: also if an administrator must activate the user first
    """
    found = find_user(client, request.email) if note.kept else None
    if found is not None and note.load(request.email):
        result = CreateResult(creation_outcome(request), found, BY_EARLIER_TRY)
    else:
        if note.kept and found is None:
            note.save(request.email)
        lost: list[None] = []
        try:
            result = create_user(
                client,
                request,
                if_exists,
                existing=found,
                on_lost_reply=lambda: lost.append(None),
            )
        except ZoomUserExistsError as error:
            if since is None or error.user is None or not _created_since(error.user, since):
                raise
            result = CreateResult(creation_outcome(request), error.user, BY_EARLIER_TRY)
        except ZoomError as error:
            unclear = isinstance(error, (ZoomUnavailableError, ZoomRateLimitError))
            if note.kept and not (lost or unclear or isinstance(error, ZoomStoppedError)):
                note.clear()  # Zoom refused: a user found later is not this task's
            raise
    if note.kept:
        note.clear()
    if result.outcome is Outcome.NEEDS_HUMAN:
        raise ZoomError(f"{result.reason}.", email=request.email, remedy="human")
    return result


def _created_since(user: Mapping[str, Any], since: datetime) -> bool:
    """Return whether Zoom's stamp falls into this run; a pending user's is the look-up's time."""
    created = None if user.get("status") == "pending" else _created_at(user)
    return created is not None and created >= since


def _created_at(user: Mapping[str, Any]) -> datetime | None:
    stamp = user.get("user_created_at") or user.get("created_at")
    try:
        created = datetime.fromisoformat(str(stamp))
    except ValueError:
        return None
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def preview_user(
    client: ZoomClient,
    request: CreateRequest,
    if_exists: IfExists,
    *,
    existing: Mapping[str, Any] | None,
    seats: Seats | None = None,
) -> CreateResult:
    """
    Preview what :func:`create_user` would do, and write nothing.

    Whether an address has an account elsewhere shows at creation only, and without ``seats`` so
    does whether one is free.
    """
    if existing is None:
        note = seats.reserve(request)[1] if seats else None
        result = CreateResult(creation_outcome(request), {}, note)
    else:
        user, change = _decide(client, request, existing, if_exists)
        result = CreateResult(change.outcome, user, change.reason)
    return replace(result, reason=f"{DRY_RUN}: {result.reason}" if result.reason else DRY_RUN)


def creation_outcome(request: CreateRequest) -> Outcome:
    """Return the outcome of a successful creation: ``create`` only invites."""
    return Outcome.INVITED if request.action is Action.create else Outcome.CREATED


def _create_absent(
    client: ZoomClient,
    request: CreateRequest,
    seats: Seats | None,
    on_lost_reply: Callable[[], None],
) -> CreateResult:
    """Post a user in a reserved seat; Zoom's answer on free seats has the last word."""
    seated, note = seats.reserve(request) if seats else (request, None)
    while True:
        try:
            user = post_user(client, seated, on_lost_reply)
            return CreateResult(creation_outcome(request), user, note)
        except ZoomLicenseError as error:
            other = seats.on_refused(seated, error) if seats else None
            if other is None:
                raise
            seated, note = other
        except ZoomError:
            if seats is not None:
                seats.release(seated)
            raise


def _decide(
    client: ZoomClient,
    request: CreateRequest,
    existing: Mapping[str, Any],
    if_exists: IfExists,
) -> tuple[Mapping[str, Any], Change]:
    if needs_full_user(existing, if_exists):
        existing = client.get_user(request.email)
    return existing, decide(request, existing, if_exists)


def _change_existing(
    client: ZoomClient,
    request: CreateRequest,
    existing: Mapping[str, Any],
    if_exists: IfExists,
) -> CreateResult:
    user, change = _decide(client, request, existing, if_exists)
    for call in change.calls:
        client.update_user(str(user.get("id") or request.email), call.values)
    return CreateResult(change.outcome, {**user, **change.fields}, change.reason)


def post_user(
    client: ZoomClient,
    request: CreateRequest,
    on_lost_reply: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """
    Post a user and settle a lost reply; return Zoom's reply, or the user as looked up.

    :raises ZoomUserExistsError: Zoom had the user before; with the user
    :raises ZoomForeignAccountError: the address has a Zoom account elsewhere
    """
    posted = client.clock()
    try:
        return client.post_user(request)
    except ZoomUserExistsError as error:
        raise _explain_conflict(client, request.email, error) from None
    except LostReplyError as error:
        log.warning("%s: %s Looking whether Zoom has the user.", request.email, error)
    on_lost_reply()
    found = _settle(client, request.email)
    if found is None:
        return _post_again(client, request)
    if _is_older(found, client.clock() - posted):
        raise ZoomUserExistsError(
            "Zoom had this user before this call.", user=found.payload, email=request.email
        )
    return found.payload


def _post_again(client: ZoomClient, request: CreateRequest) -> dict[str, Any]:
    """Post once more; a user found afterwards was created by one of our two calls."""
    try:
        return client.post_user(request)
    except ZoomUserExistsError as error:
        conflict = _explain_conflict(client, request.email, error)
        by_us = getattr(conflict, "user", None)
        if by_us is None or by_us == _build_expired_user(request.email):
            raise conflict from None
        return dict(by_us)
    except LostReplyError:
        found = _settle(client, request.email)
        if found is None:
            raise
        return found.payload


def _settle(client: ZoomClient, email: str) -> Reply | None:
    """Look a user up until they are there, or surely are not (None)."""
    answered, why = False, ""
    for pause in _LOOKUP_DELAYS + _EXTRA_LOOKUP_DELAYS:
        if answered and pause in _EXTRA_LOOKUP_DELAYS:
            break
        client.pause(pause)
        try:
            return client.get_user_reply(email, retry=False)
        except ZoomNotFoundError:
            answered = True
        except (ZoomUnavailableError, ZoomRateLimitError, ZoomProtocolError) as error:
            log.warning("%s: the look-up failed too: %s", email, error)
            answered, why = False, str(error.args[0])
    if answered:
        return None
    raise ZoomUnavailableError(
        "Zoom's reply to the creation was lost and no look-up was answered: the user may or may "
        f"not be there. With if_exists='skip' it is safe to try again later. The last one: {why}",
        email=email,
    )


def _explain_conflict(client: ZoomClient, email: str, error: ZoomUserExistsError) -> ZoomError:
    """Find out what a 1005 means: Zoom sends it for users of this and of other accounts."""
    try:
        return _build_exists_error(client.get_user(email), error)
    except ZoomNotFoundError as absent:
        if absent.code == _EXPIRED_CODE:
            return _build_exists_error(_build_expired_user(email), error)
    return ZoomForeignAccountError(
        "The address has a Zoom account of its own, outside this one. Invite the person "
        "from Zoom's web portal, or have them leave or close that account.",
        email=email,
        code=error.code,
        status=error.status,
        tracking_id=error.tracking_id,
    )


def _build_exists_error(user: Mapping[str, Any], error: ZoomError) -> ZoomUserExistsError:
    return ZoomUserExistsError(
        "Zoom has this user already: choose if_exists='skip' or 'update' to go on with them.",
        user=user,
        email=error.email,
        code=error.code,
        status=error.status,
        tracking_id=error.tracking_id,
    )


def _build_expired_user(email: str) -> dict[str, Any]:
    """Build the user of an expired invitation, about which Zoom returns nothing else."""
    return {"email": email, "status": "pending"}


def _is_older(found: Reply, age: float) -> bool:
    """
    Return whether the user clearly existed before our call, made ``age`` seconds ago.

    Both times are Zoom's own (its stamp and its reply's date), so that this machine's clock plays
    no part. A pending user's stamp is the time of the look-up and proves nothing.
    """
    if found.payload.get("status") == "pending":
        return False
    created = _created_at(found.payload)
    if created is None:
        return False
    try:
        now = parsedate_to_datetime(found.headers.get("Date", ""))
    except ValueError:
        now = datetime.now(UTC)
    now = now if now.tzinfo else now.replace(tzinfo=UTC)
    return created < now - timedelta(seconds=age) - _STAMP_TOLERANCE
