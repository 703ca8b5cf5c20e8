"""What a client's calls have taken so far."""

from __future__ import annotations

import threading
from typing import Final

from zoom_provider.api.response import Reply
from zoom_provider.api.transport import Sent

_FIRST_GUESS: Final = 0.25
"""Seconds that a reply of Zoom's takes, until we know."""
_SMOOTHING: Final = 0.05
_CROWDED: Final = 4.0


class CallStatistics:
    """Counts calls and measures replies; safe for several threads."""

    def __init__(self) -> None:
        self.calls = 0
        self.rate_limited = 0
        self.latency = self._fastest = _FIRST_GUESS
        self._lock = threading.Lock()

    def note(self, got: Sent, seconds: float) -> None:
        """Note the outcome of a call and how long it took."""
        with self._lock:
            self.calls += 1
            self.rate_limited += isinstance(got, Reply) and got.status == 429
            # A refusal comes back at once, and says nothing about how long the work takes.
            if isinstance(got, Reply) and got.ok:
                self.latency += (seconds - self.latency) * _SMOOTHING
                self._fastest = min(seconds, self._fastest * (1 + _SMOOTHING))

    @property
    def uncrowded_latency(self) -> float:
        """
        Seconds that a reply takes as long as replies do not wait for each other.

        Replies that take several times the shortest do, and more calls would only add to that.
        """
        return min(self.latency, self._fastest * _CROWDED)
