"""
The account's daily cap on ``action=create``, recognized also where Zoom does not name it.

Zoom's reference gives no text and no header for the 429 beyond this cap, so a refusal may look
just like one of the per-second limit, which other apps of the account use too. Three things set
them apart:

* the number of creates today, by Zoom's own headers or by our count, has reached the plan's cap;
* every create of several users is refused for longer than a crowded second lasts, while other
  calls of the same label are let through. A per-second limit refuses all of them alike, now and
  then. To know, a refused create is followed by a look-up from time to time;
* users whose earlier create had no reply do not count: Zoom may be working on it still, and refuses
  a second one meanwhile. Nor is one user enough, whose create another worker may have sent.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

from zoom_provider.api.response import Reply
from zoom_provider.api.retry import parse_daily_reset, parse_retry_after
from zoom_provider.api.settings import Plan

log = logging.getLogger(__name__)

CREATES_PER_DAY: Final[dict[Plan, int]] = {"free": 50, "pro": 1_500, "business": 10_000}
"""Requests with ``action=create`` a day, for the whole account (reference of POST /users)."""

_REFUSALS: Final = 8
_LET_THROUGH: Final = 4
_USERS: Final = 3
_SECONDS: Final = 30.0
"""Also longer than a create that a worker sent before it was killed can take."""
_SECONDS_OF_TWO_USERS: Final = 60.0
_SECONDS_BEFORE_A_PROBE: Final = 5.0
_PROBE_INTERVAL: Final = 2.0
"""Seconds between look-ups, so that they are not all of one quiet moment."""


@dataclass(slots=True)
class Streak:
    """
    Creates refused in a row, none of which Zoom explained.

    :param refusals: their number
    :param users: whose they were
    :param seconds: from the first to the last
    :param let_through: other light calls that Zoom answered meanwhile; it refused none
    """

    refusals: int = 0
    users: set[str] = field(default_factory=set)
    seconds: float = 0.0
    let_through: int = 0

    def means_daily_limit(self) -> bool:
        """Return whether a per-second limit cannot be the cause."""
        enough = _SECONDS if len(self.users) >= _USERS else _SECONDS_OF_TWO_USERS
        return (
            len(self.users) > 1
            and self.refusals >= _REFUSALS
            and self.let_through >= _LET_THROUGH
            and self.seconds >= enough
        )


class DailyQuota:
    """
    What is known of today's creates; for all threads that share an account's limits.

    :param plan: which has the cap
    :param clock: seconds that only grow
    """

    def __init__(self, plan: Plan, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._cap = CREATES_PER_DAY[plan]
        self._day: date | None = None
        self._creates = 0
        self._used_up = False
        self.streak = Streak()
        self._since = self._probed_at = 0.0
        self._lost_replies: set[str] = set()
        self._lock = threading.Lock()

    def add(self, creates: int, now: datetime) -> None:
        """Count creates that were made today without this object, such as by an earlier try."""
        with self._lock:
            self._begin_day(now)
            self._creates += creates

    def note_lost_reply(self, email: str) -> None:
        """Note that a create had no reply."""
        with self._lock:
            self._lost_replies.add(email.lower())

    def classify(
        self, reply: Reply, *, email: str, now: datetime, probe: Callable[[], Reply | None]
    ) -> Reply:
        """
        Note the reply to a light call; return it, marked where it is a daily limit's refusal.

        :param email: the user of a ``create``; empty for every other call
        :param now: the time, with a zone
        :param probe: makes a light call that is no create
        """
        unexplained = reply.status == 429 and _is_unexplained(reply, now)
        with self._lock:
            self._begin_day(now)
            self._note(reply, email.lower(), unexplained=unexplained)
            probing = unexplained and bool(email) and self._is_probe_due()
        answer = probe() if probing else None
        with self._lock:
            if answer is not None:
                self._note(answer, "", unexplained=answer.status == 429)
            if unexplained and email and self._is_used_up():
                return replace(reply, assumed_daily_limit=True)
        return reply

    def _begin_day(self, now: datetime) -> None:
        today = now.astimezone(UTC).date()
        if today != self._day:
            self._day, self._creates, self._used_up = today, 0, False
            self.streak = Streak()

    def _note(self, reply: Reply, email: str, *, unexplained: bool) -> None:
        if reply.status >= 500 or not (reply.is_zoom or unexplained):
            if email:
                self._lost_replies.add(email)
        elif reply.status == 429:
            self._note_refusal(email, unexplained=unexplained)
        elif email:
            self._note_create(reply, email)
        elif reply.ok or (reply.status == 404 and reply.code is not None):
            # Other refusals, such as for a scope, may come before limits are looked at.
            self.streak.let_through += 1

    def _note_refusal(self, email: str, *, unexplained: bool) -> None:
        if not unexplained or not email:
            self.streak = Streak()
        elif email not in self._lost_replies:
            now = self._clock()
            self._since = self._since if self.streak.refusals else now
            self.streak.refusals += 1
            self.streak.users.add(email)
            self.streak.seconds = now - self._since

    def _note_create(self, reply: Reply, email: str) -> None:
        self.streak = Streak()
        self._used_up = False
        self._lost_replies.discard(email)
        self._creates += 1
        headers = reply.headers
        limit, remaining = (
            _parse_count(headers.get(f"X-RateLimit-{name}")) for name in ("Limit", "Remaining")
        )
        if limit is None or remaining is None or limit not in CREATES_PER_DAY.values():
            return  # of another quota, such as the free plan's on all light calls
        if headers.get("X-RateLimit-Category", "").strip().lower() == "light":
            self._cap = limit
            self._creates = max(self._creates, limit - remaining)

    def _is_probe_due(self) -> bool:
        now = self._clock()
        due = (
            not self._used_up
            and self.streak.seconds >= _SECONDS_BEFORE_A_PROBE
            and now - self._probed_at >= _PROBE_INTERVAL
        )
        if due:
            self._probed_at = now
        return due

    def _is_used_up(self) -> bool:
        if self._used_up:
            return True
        # More creates than the cap were let through: the connection names too small a plan.
        if self._creates == self._cap:
            log.warning(
                "Zoom refuses a create without a reason, and it let %d through today, the cap of "
                "the plan: taken for the account's daily limit.",
                self._creates,
            )
            self._used_up = True
        elif self.streak.means_daily_limit():
            log.warning(
                "Zoom refused %d creates in a row in %.0f s without a reason and let other calls "
                "through: taken for the account's daily limit of creates.",
                self.streak.refusals,
                self.streak.seconds,
            )
            self._used_up = True
        return self._used_up


def _is_unexplained(reply: Reply, now: datetime) -> bool:
    """Return whether a 429 says neither which limit it is of nor when to come back."""
    kind = reply.headers.get("X-RateLimit-Type", "").strip().lower()
    at = parse_retry_after(reply.headers, now)
    return kind != "qps" and parse_daily_reset(reply, now) is None and (at is None or at <= now)


def _parse_count(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
