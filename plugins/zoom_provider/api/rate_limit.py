"""Zoom's limits by plan and label, and who may call when."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from zoom_provider.api.daily_quota import DailyQuota
from zoom_provider.api.settings import Plan, ZoomSettings
from zoom_provider.api.stop import POLL_INTERVAL

Label = Literal["light", "medium", "heavy"]

PER_SECOND: Final[dict[Plan, dict[Label, int]]] = {
    "free": {"light": 4, "medium": 2, "heavy": 1},
    "pro": {"light": 30, "medium": 20, "heavy": 10},
    "business": {"light": 80, "medium": 60, "heavy": 40},
}
"""Calls a second by label, for the whole account (developers.zoom.us/docs/api/rate-limits)."""

_TARGET_FRACTION: Final = 0.99
"""The part of the limit to aim at: Zoom counts arrivals, which jitter; we time departures."""

_WINDOW: Final = 1.005
"""Seconds over which departures are counted: Zoom's, and a little for what jitters on the way."""

_SLOWDOWN: Final = 1.0
"""Calls a second by which a refusal slows: so many refusals in a second are so many too many."""

_MAX_SLOWDOWN_FRACTION: Final = 0.15
"""The part of the pace that a refusal takes at most, where the pace is low."""

_RECOVERY: Final = 0.001
"""The part of the limit that comes back in the first second after a refusal, 4 in 2, 9 in 3."""

_MIN_FRACTION: Final = 0.05
_THROTTLED_PAUSE: Final = 0.1
"""Seconds for which nobody calls after a refusal."""
_MAX_CONCURRENCY: Final = 128
_COOLDOWN: Final = 1.0
"""Seconds within which several refusals of calls at once have one cause."""


class RateLimiter:
    """
    Spaces calls evenly below a limit that other apps may be using too.

    A per-second refusal takes one call a second from the pace, which comes back slowly at first
    and ever faster in quiet. Several workers on one account so come to rest just below its limit,
    with few refusals, and take over what one of them leaves. What leaves late may not crowd what
    comes after it: departures are counted over a sliding second, too.

    :param ceiling: calls a second that are allowed
    :param clock: seconds that only grow
    """

    def __init__(self, ceiling: float, clock: Callable[[], float]) -> None:
        self._ceiling = ceiling * _TARGET_FRACTION
        self._clock = clock
        self._rate = self._slowed_to = self._ceiling
        self._next = 0.0
        self._slowed_at = clock()
        self._departed: deque[float] = deque(maxlen=max(1, int(ceiling)))
        self._window = _WINDOW * max(1.0, 1 / ceiling)
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """The present pace, in calls a second."""
        return self._rate

    def acquire(self, pause: Callable[[float], None]) -> None:
        """
        Return when the next call may go out.

        :param pause: waits for seconds, or raises where the wait is to end
        """
        pause(self.reserve())
        while wait := self.depart():
            pause(wait)

    def reserve(self) -> float:
        """Take the next free slot; return the seconds until it comes."""
        now = self._clock()
        with self._lock:
            if self._rate < self._ceiling:
                regained = self._ceiling * _RECOVERY * (now - self._slowed_at) ** 2
                self._rate = min(self._ceiling, self._slowed_to + regained)
            slot = max(now, self._next)
            self._next = slot + 1 / self._rate
        return slot - now

    def depart(self) -> float:
        """Leave now, and return 0; or return the seconds to wait before asking again."""
        now = self._clock()
        with self._lock:
            full = len(self._departed) == self._departed.maxlen
            wait = self._departed[0] + self._window - now if full else 0.0
            if wait <= 0:
                self._departed.append(now)
            return max(0.0, wait)

    def on_throttled(self) -> None:
        """Slow down: Zoom said that there were too many calls in this second."""
        with self._lock:
            self._slow_to(self._rate - min(_SLOWDOWN, _MAX_SLOWDOWN_FRACTION * self._rate))
            self._next = max(self._next, self._clock() + _THROTTLED_PAUSE)

    def divide_rate(self, parts: int) -> None:
        """Begin with one of so many parts of the limit, as others begin with theirs."""
        with self._lock:
            if self._rate > self._ceiling / parts:
                self._slow_to(self._ceiling / parts)

    def _slow_to(self, rate: float) -> None:
        self._rate = self._slowed_to = max(self._ceiling * _MIN_FRACTION, rate)
        self._slowed_at = self._clock()


class ConcurrencyLimiter:
    """
    Bounds the calls under way, where Zoom refuses several at once.

    A refusal halves them, each quiet second lets one more in.

    :param ceiling: calls at once when nothing was refused
    :param clock: seconds that only grow
    """

    def __init__(self, ceiling: int, clock: Callable[[], float]) -> None:
        self._ceiling = ceiling
        self._clock = clock
        self._limit = ceiling
        self._in_flight = 0
        self._changed_at = 0.0
        self._free = threading.Condition()

    @property
    def limit(self) -> int:
        """How many calls may be under way now."""
        return self._limit

    @contextmanager
    def slot(self, raise_if_stopped: Callable[[], None] = lambda: None) -> Iterator[None]:
        """
        Hold one of the places for the time of a call.

        :param raise_if_stopped: asked while there is no room; raises where the wait is to end
        """
        self.acquire(raise_if_stopped)
        try:
            yield
        finally:
            self.release()

    def acquire(self, raise_if_stopped: Callable[[], None] = lambda: None) -> None:
        """Wait for room, as :meth:`slot` does."""
        with self._free:
            while self._in_flight >= self._limit:
                raise_if_stopped()
                self._free.wait(POLL_INTERVAL)
            self._in_flight += 1

    def release(self) -> None:
        """Make room for the next."""
        with self._free:
            self._in_flight -= 1
            if self._limit < self._ceiling and self._clock() - self._changed_at >= _COOLDOWN:
                self._limit += 1
                self._changed_at = self._clock()
                self._free.notify()
            self._free.notify()

    def on_throttled(self) -> None:
        """Let fewer in: Zoom said that there were too many calls at once."""
        with self._free:
            if self._clock() - self._changed_at >= _COOLDOWN or self._limit == self._ceiling:
                # The refused call has left already.
                self._limit = max(1, (self._in_flight + 1) // 2)
                self._changed_at = self._clock()


class RateLimits:
    """
    A rate limiter by label, one for calls at once and the daily quota, shared by equal settings.

    :param settings: the plan and the share of its limits
    :param clock: seconds that only grow
    """

    _by_label: Final[dict[tuple[ZoomSettings, Label, Callable[[], float]], RateLimiter]] = {}
    _concurrency: Final[dict[tuple[ZoomSettings, Callable[[], float]], ConcurrencyLimiter]] = {}
    _quotas: Final[dict[tuple[ZoomSettings, Callable[[], float]], DailyQuota]] = {}
    _guard = threading.Lock()

    def __init__(self, settings: ZoomSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._limiters: dict[Label, RateLimiter] = {}
        with self._guard:
            self.concurrency = self._concurrency.setdefault(
                (settings, clock), ConcurrencyLimiter(_MAX_CONCURRENCY, clock)
            )
            self.quota = self._quotas.setdefault(
                (settings, clock), DailyQuota(settings.plan, clock)
            )

    def __getitem__(self, label: Label) -> RateLimiter:
        """Return the rate limiter of a label."""
        found = self._limiters.get(label)
        if found is None:
            limit = PER_SECOND[self._settings.plan][label] * self._settings.rate_share
            with self._guard:
                found = self._by_label.setdefault(
                    (self._settings, label, self._clock), RateLimiter(limit, self._clock)
                )
            self._limiters[label] = found
        return found
