"""Zoom's limits by plan and label, and who may call when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Literal

from zoom_provider.api.settings import Plan, ZoomSettings

Label = Literal["light", "medium", "heavy"]

PER_SECOND: Final[dict[Plan, dict[Label, int]]] = {
    "free": {"light": 4, "medium": 2, "heavy": 1},
    "pro": {"light": 30, "medium": 20, "heavy": 10},
    "business": {"light": 80, "medium": 60, "heavy": 40},
}
"""Calls a second by label, for the whole account (developers.zoom.us/docs/api/rate-limits)."""

_HEADROOM: Final = 0.98
"""The part of the limit to aim at: Zoom counts arrivals, which jitter; we time departures."""

_EASE_OFF: Final = 0.7
_PROBE: Final = 0.02
_SLOWEST: Final = 0.05
_PATIENCE: Final = 1.0
"""Seconds within which several refusals have one cause, and for which all calls pause."""


class Pacer:
    """
    Spaces calls evenly below a limit that other apps may be using too.

    Additive increase, multiplicative decrease: a per-second refusal cuts the pace to 0.7 of what
    it was, each quiet second adds 2% of the ceiling until it is reached again.

    :param ceiling: calls a second that are allowed
    :param clock: seconds that only grow
    """

    def __init__(self, ceiling: float, clock: Callable[[], float]) -> None:
        self._ceiling = ceiling * _HEADROOM
        self._clock = clock
        self._rate = self._ceiling
        self._next = 0.0
        self._eased_at = -_PATIENCE
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """The present pace, in calls a second."""
        return self._rate

    def reserve(self) -> float:
        """Take the next free slot; return the seconds until it comes."""
        now = self._clock()
        with self._lock:
            if self._rate < self._ceiling:
                quiet = max(0.0, now - self._eased_at - _PATIENCE)
                self._rate = min(self._ceiling, self._rate + self._ceiling * _PROBE * quiet)
                self._eased_at += quiet
            slot = max(now, self._next)
            self._next = slot + 1 / self._rate
        return slot - now

    def refused(self) -> None:
        """Slow down: Zoom said that there were too many calls in this second."""
        now = self._clock()
        with self._lock:
            if now - self._eased_at >= _PATIENCE:
                self._rate = max(self._ceiling * _SLOWEST, self._rate * _EASE_OFF)
                self._eased_at = now
            self._next = max(self._next, now + _PATIENCE)


class Pacers:
    """
    One pacer for each label, shared by all clients of this process with the same settings.

    :param settings: the plan and the share of its limits
    """

    _shared: Final[dict[tuple[ZoomSettings, Label, Callable[[], float]], Pacer]] = {}
    _guard = threading.Lock()

    def __init__(self, settings: ZoomSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._mine: dict[Label, Pacer] = {}

    def __getitem__(self, label: Label) -> Pacer:
        """Return the pacer of a label."""
        found = self._mine.get(label)
        if found is None:
            limit = PER_SECOND[self._settings.plan][label] * self._settings.rate_share
            with self._guard:
                found = self._shared.setdefault(
                    (self._settings, label, self._clock), Pacer(limit, self._clock)
                )
            self._mine[label] = found
        return found
