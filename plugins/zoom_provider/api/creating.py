"""
Create one person so that they are there once, also when Zoom's reply is lost.

``POST /v2/users`` is not idempotent: after a time-out, a cut connection or a 5xx Zoom may have
acted. Posting again blindly would invite people twice, so the person is looked up first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol, TypeVar

from zoom_provider.api.replies import Reply
from zoom_provider.api.user_info import CreateRequest
from zoom_provider.exceptions import (
    ZoomError,
    ZoomForeignAccountError,
    ZoomNotFoundError,
    ZoomProtocolError,
    ZoomRateLimitError,
    ZoomUnavailableError,
    ZoomUserExistsError,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
Steps = Generator[float, None, T]
"""Work that yields the seconds until it wants to go on, and returns a T."""

_LOOKS: Final = (1.0, 2.0, 5.0)
"""Seconds between look-ups: at about 1, 3 and 8 seconds after the reply was lost."""
_MORE_LOOKS: Final = (8.0, 15.0, 30.0)
"""Where the last look-up was not answered either."""
_EXPIRED: Final = 1120
"""Zoom's code for an invitation older than 30 days, which holds the address all the same."""
_STAMP_TOLERANCE: Final = timedelta(seconds=5)
"""Zoom's stamps are whole seconds, so is a ``Date`` header, and a reply takes its time."""


class LostReplyError(ZoomUnavailableError):
    """Zoom may have acted on a call that must not be made twice."""


class Calls(Protocol):
    """The calls that creating takes, each made by a client."""

    def post_user(self, request: CreateRequest) -> dict[str, Any]:
        """Post once; raise LostReplyError where Zoom may have acted."""

    def look_up(self, user: str, *, patient: bool) -> Reply:
        """Get a person; raise ZoomNotFoundError where there is none."""

    def clock(self) -> float:
        """Return seconds that only grow."""


def run(steps: Steps[T], sleep: Callable[[float], None]) -> T:
    """Take all steps, sleeping in between, and return the result."""
    while True:
        try:
            pause = next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        sleep(pause)


def creating(calls: Calls, request: CreateRequest) -> Steps[dict[str, Any]]:
    """
    Create a person in steps, so that nobody else need wait while one is unsettled.

    Returns Zoom's reply, or the person as looked up.

    :raises ZoomUserExistsError: Zoom had the person before; with the person
    :raises ZoomForeignAccountError: the address has a Zoom account elsewhere
    """
    posted = calls.clock()
    try:
        return calls.post_user(request)
    except ZoomUserExistsError as error:
        raise _met(calls, request.email, error) from None
    except LostReplyError as error:
        log.warning("%s: %s Looking whether Zoom has them.", request.email, error)
    found = yield from _settled(calls, request.email)
    if found is None:
        return (yield from _second(calls, request))
    if _older_than(found, calls.clock() - posted):
        raise ZoomUserExistsError("Zoom had this person before this call.", user=found.payload)
    return found.payload


def _second(calls: Calls, request: CreateRequest) -> Steps[dict[str, Any]]:
    """Post once more; whoever is there afterwards came by one of our two calls."""
    try:
        return calls.post_user(request)
    except ZoomUserExistsError as error:
        met = _met(calls, request.email, error)
        if isinstance(met, ZoomUserExistsError) and met.user is not None:
            return met.user
        raise met from None
    except LostReplyError:
        found = yield from _settled(calls, request.email)
        if found is None:
            raise
        return found.payload


def _settled(calls: Calls, email: str) -> Steps[Reply | None]:
    """Look a person up until they are there, or surely are not (None)."""
    answered, why = False, ""
    for pause in _LOOKS + _MORE_LOOKS:
        if answered and pause in _MORE_LOOKS:
            break
        yield pause
        try:
            return calls.look_up(email, patient=False)
        except ZoomNotFoundError as absent:
            if absent.code == _EXPIRED:
                raise _exists(_invited(email), absent) from None
            answered = True
        except (ZoomUnavailableError, ZoomRateLimitError, ZoomProtocolError) as error:
            log.warning("%s: the look-up failed too: %s", email, error)
            answered, why = False, str(error.args[0])
    if answered:
        return None
    raise ZoomUnavailableError(
        "Zoom's reply to the creation was lost and no look-up was answered: the person may or may "
        f"not be there. With if_exists='skip' it is safe to try again later. The last one: {why}"
    )


def _met(calls: Calls, email: str, error: ZoomUserExistsError) -> ZoomError:
    """Say what a 1005 means, which Zoom gives for people here and elsewhere alike."""
    try:
        return _exists(calls.look_up(email, patient=True).payload, error)
    except ZoomNotFoundError as absent:
        if absent.code == _EXPIRED:
            return _exists(_invited(email), error)
    return ZoomForeignAccountError(
        "The address has a Zoom account of its own, outside this one. Invite the person "
        "from Zoom's web portal, or have them leave or close that account.",
        code=error.code,
        status=error.status,
        tracking_id=error.tracking_id,
    )


def _exists(user: dict[str, Any], told: ZoomError) -> ZoomUserExistsError:
    return ZoomUserExistsError(
        "Zoom has this person already.",
        user=user,
        code=told.code,
        status=told.status,
        tracking_id=told.tracking_id,
    )


def _invited(email: str) -> dict[str, Any]:
    """Describe somebody whose invitation has expired, of whom Zoom tells no more than that."""
    return {"email": email, "status": "pending"}


def _older_than(found: Reply, age: float) -> bool:
    """
    Whether the person was there clearly before a call of ours, made ``age`` seconds ago.

    Both times are Zoom's own (its stamp and its reply's date), so that this machine's clock plays
    no part. A pending person's stamp is the time of the look-up and proves nothing.
    """
    if found.payload.get("status") == "pending":
        return False
    stamp = found.payload.get("user_created_at") or found.payload.get("created_at")
    try:
        created = datetime.fromisoformat(str(stamp))
    except ValueError:
        return False
    try:
        now = parsedate_to_datetime(found.headers.get("Date", ""))
    except ValueError:
        now = datetime.now(UTC)
    created, now = (at if at.tzinfo else at.replace(tzinfo=UTC) for at in (created, now))
    return created < now - timedelta(seconds=age) - _STAMP_TOLERANCE
