"""
Pure: a reply or a failure in, a decision and a delay out.

Nothing here calls, sleeps or reads a clock, so that every case is a row of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from zoom_provider.api.network_errors import ErrorKind
from zoom_provider.api.response import Reply
from zoom_provider.models.validation import sanitize_for_log

MAX_TRIES: Final = 5
"""Calls in all for a failure that time alone may fix (5xx, network)."""

_MAX_BACKOFF: Final = 30.0
_MAX_PER_SECOND_WAIT: Final = 120.0
_MAX_RETRY_AFTER: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What to do next.

    :param action: ``return`` the reply; ``raise`` its error; ``retry`` after ``delay`` seconds;
        ``renew`` the token and call again; ``settle``: Zoom may have acted, find out before
        anything else
    :param delay: seconds
    :param throttled: too many calls a second, so that all callers slow down
    :param concurrency_limited: too many calls at once, so that fewer are to be under way
    """

    action: Literal["return", "raise", "retry", "renew", "settle"]
    delay: float = 0.0
    throttled: bool = False
    concurrency_limited: bool = False


def decide_retry(
    result: Reply | ErrorKind,
    *,
    idempotent: bool,
    tries: int,
    waited: float,
    max_wait: float,
    token_renewed: bool,
    now: datetime,
    jitter: float,
) -> Decision:
    """
    Say what to do with the outcome of one call.

    :param result: the reply, or how it failed to come
    :param idempotent: whether a second call does no harm where the first was acted on
    :param tries: calls made so far, this one included
    :param waited: seconds that have gone by since the first call ended
    :param max_wait: the most that all retries together may take, in seconds
    :param token_renewed: whether the token was renewed for this call already
    :param now: the time, with a zone
    :param jitter: a random number in [0, 1), so that many workers do not call in step
    """
    if isinstance(result, Reply):
        if result.ok:
            return Decision("return")
        if result.rejects_token and not token_renewed:
            return Decision("renew")
        if result.status == 429:
            return _decide_throttled(result, tries, waited, max_wait, now, jitter)
        again = result.status >= 500
    else:
        again = result in (ErrorKind.NOT_SENT, ErrorKind.NO_REPLY)
    if may_have_acted(result) and not idempotent:
        return Decision("settle")
    delay = backoff(tries, jitter)
    if not again or tries >= MAX_TRIES or waited + delay > max_wait:
        return Decision("raise")
    return Decision("retry", delay)


def may_have_acted(result: Reply | ErrorKind) -> bool:
    """Whether Zoom may have done what was asked, although the outcome is no success."""
    if isinstance(result, ErrorKind):
        return result is ErrorKind.NO_REPLY
    return result.status >= 500 or (result.status < 300 and not result.is_zoom)


def backoff(tries: int, jitter: float) -> float:
    """Give the seconds to wait after ``tries`` calls: doubling, half of it by chance."""
    return min(_MAX_BACKOFF, 2.0 ** min(tries - 1, 8)) * (0.5 + jitter / 2)


def parse_daily_reset(reply: Reply, now: datetime) -> datetime | None:
    """
    Say when a 429's quota is renewed if it is a daily one; None for a limit that passes sooner.

    Recognised by ``X-RateLimit-Type``, then by ``Retry-After`` and ``X-RateLimit-Remaining``. The
    text plays no part, since it is localised and undocumented for the cap of ``create``. Daily
    quotas are renewed at 00:00 UTC. A ``Retry-After`` that has passed means now: the day is new.
    """
    if reply.assumed_daily_limit:
        return _next_midnight(now)
    kind = reply.headers.get("X-RateLimit-Type", "").strip().lower()
    if kind == "qps":
        return None
    at = parse_retry_after(reply.headers, now)
    if kind.startswith("daily"):
        if at is None:
            return _next_midnight(now)
        return at if at > now else None
    if at is not None:
        return at if at - now > timedelta(seconds=_MAX_PER_SECOND_WAIT) else None
    if reply.headers.get("X-RateLimit-Remaining", "").strip() == "0":
        return _next_midnight(now)
    return None


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """
    Read ``Retry-After`` as Zoom sends it (ISO-8601) or as HTTP has it (a date, or seconds).

    None where it cannot be read or is not to be believed: no limit of Zoom's is longer than a day,
    but a number may be meant as seconds since 1970.
    """
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        if text.isdigit():
            at = now + timedelta(seconds=int(text))
        elif text[:4].isdigit():
            at = datetime.fromisoformat(text)
        else:
            at = parsedate_to_datetime(text)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return at if at - now <= _MAX_RETRY_AFTER else None


def ignored_retry_after(headers: Mapping[str, str], now: datetime) -> str | None:
    """Return a ``Retry-After`` that :func:`parse_retry_after` rejects, fit for a log line."""
    text = headers.get("Retry-After", "").strip()
    return sanitize_for_log(text, 60) if text and parse_retry_after(headers, now) is None else None


def _next_midnight(now: datetime) -> datetime:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)


def _decide_throttled(
    reply: Reply, tries: int, waited: float, max_wait: float, now: datetime, jitter: float
) -> Decision:
    if parse_daily_reset(reply, now) is not None:
        return Decision("raise")
    at = parse_retry_after(reply.headers, now)
    # A second's quota is free again after a second; longer only where Zoom keeps saying no.
    delay = 1.0 + jitter / 4 if tries <= 3 else backoff(tries - 1, jitter)
    if at is not None:
        delay = max(delay, (at - now).total_seconds())
    if waited + delay > max_wait:
        return Decision("raise")
    # A refusal of calls at once names no limit; nor do some of those by the second.
    named = any(name.lower().startswith("x-ratelimit-") for name in reply.headers)
    return Decision("retry", delay, throttled=True, concurrency_limited=not named)
