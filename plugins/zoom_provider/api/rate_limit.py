"""Zoom's limits by plan and label, and who may call when."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Final, Literal

from zoom_provider.api.daily_quota import DailyQuota
from zoom_provider.api.network_errors import TransportError
from zoom_provider.api.response import Reply
from zoom_provider.api.retry import Decision
from zoom_provider.api.settings import Plan, ZoomSettings
from zoom_provider.api.transport import POLL_INTERVAL, SendResult

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
"""Seconds without any call after a refusal."""
_MAX_CONCURRENCY: Final = 128
_COOLDOWN: Final = 1.0
"""Seconds within which several refusals of calls at once have one cause."""

_FIRST_GUESS: Final = 0.25
"""Seconds that a reply of Zoom's takes, until we know."""
_SMOOTHING: Final = 0.05
_CROWDED: Final = 4.0
_SPARE: Final = 2.0
"""Waking up threads takes time too, on a busy machine; a lane too many only waits its turn."""


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
        if wait := self.reserve():
            pause(wait)
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


class CallStatistics:
    """Counts calls and measures replies; safe for several threads."""

    def __init__(self) -> None:
        self.calls = 0
        self.rate_limited = 0
        self.latency = self._fastest = _FIRST_GUESS
        self._lock = threading.Lock()

    def note(self, result: SendResult, seconds: float) -> None:
        """Note the result of a call and how long it took."""
        with self._lock:
            self.calls += 1
            self.rate_limited += isinstance(result, Reply) and result.status == 429
            # A refusal comes back at once, and says nothing about how long the work takes.
            if isinstance(result, Reply) and result.ok:
                self.latency += (seconds - self.latency) * _SMOOTHING
                self._fastest = min(seconds, self._fastest * (1 + _SMOOTHING))

    @property
    def uncrowded_latency(self) -> float:
        """
        Seconds that a reply takes as long as replies do not wait for each other.

        Replies that take several times the shortest do, and more calls would only add to that.
        """
        return min(self.latency, self._fastest * _CROWDED)


@dataclass(frozen=True, slots=True)
class _SharedLimits:
    """What all clients with equal settings share in this process."""

    by_label: Mapping[Label, RateLimiter]
    concurrency: ConcurrencyLimiter
    quota: DailyQuota


class RateLimits:
    """
    A rate limiter by label, one for calls at once and the daily quota, shared by equal settings.

    :param settings: the plan and the share of its limits
    :param clock: seconds that only grow
    """

    _shared: Final[dict[tuple[ZoomSettings, Callable[[], float]], _SharedLimits]] = {}
    _guard = threading.Lock()

    def __init__(self, settings: ZoomSettings, clock: Callable[[], float]) -> None:
        with self._guard:
            shared = self._shared.get((settings, clock))
            if shared is None:
                shared = self._shared[settings, clock] = _SharedLimits(
                    {
                        label: RateLimiter(limit * settings.rate_share, clock)
                        for label, limit in PER_SECOND[settings.plan].items()
                    },
                    ConcurrencyLimiter(_MAX_CONCURRENCY, clock),
                    DailyQuota(settings.plan, clock),
                )
        self.by_label = shared.by_label
        self.concurrency = shared.concurrency
        self.quota = shared.quota
        self.statistics = CallStatistics()

    def target_concurrency(self) -> int:
        """
        Return how many creations to have under way at once to keep up the pace.

        That is the pace times what a reply takes (Little's law), with some to spare.
        """
        seconds = self.statistics.uncrowded_latency
        at_pace = self.by_label["light"].rate * seconds * _SPARE + 1
        return max(1, min(ceil(at_pace), self.concurrency.limit))

    def divide_rate(self, parts: int) -> None:
        """Begin with one of so many parts of the pace, where so many tasks begin together."""
        for limiter in self.by_label.values():
            limiter.divide_rate(parts)


@dataclass(frozen=True, slots=True)
class LimitedCall:
    """
    A call that counts against the account's limits.

    :param limits: of the account
    :param label: which of them
    :param creates: the address of the user that the call creates; empty for every other call
    :param probe: makes a light call that is no create
    """

    limits: RateLimits
    label: Label
    creates: str = ""
    probe: Callable[[], Reply | None] = lambda: None

    def acquire(self, pause: Callable[[float], None], raise_if_stopped: Callable[[], None]) -> None:
        """
        Return when the call may go out.

        :param pause: waits for seconds, or raises where the wait is to end
        :param raise_if_stopped: called while the wait is for another call's end
        """
        self.limits.by_label[self.label].acquire(pause)
        self.limits.concurrency.acquire(raise_if_stopped)

    def release(self) -> None:
        """Let the next call go out: this one has ended."""
        self.limits.concurrency.release()

    def note(self, result: SendResult, seconds: float) -> SendResult:
        """Count a result; return it, marked where it is a refusal by the daily limit."""
        self.limits.statistics.note(result, seconds)
        quota = self.limits.quota
        if isinstance(result, TransportError):
            if self.creates:
                quota.note_lost_reply(self.creates)
            return result
        # Other light calls are of interest only while creates are refused.
        if self.creates or (self.label == "light" and quota.streak.refusals):
            now = datetime.now(UTC)
            return quota.classify(result, email=self.creates, now=now, probe=self.probe)
        return result

    def on_throttled(self, decision: Decision) -> None:
        """Slow down as a decision asks for."""
        if decision.throttled:
            self.limits.by_label[self.label].on_throttled()
        if decision.concurrency_limited:
            self.limits.concurrency.on_throttled()
