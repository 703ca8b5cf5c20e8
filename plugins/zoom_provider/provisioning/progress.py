"""The progress of a bulk run: logged, saved for a later try, sent as metrics."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from zoom_provider.api.client import ZoomClient
from zoom_provider.provisioning.checkpoint import Checkpoint
from zoom_provider.provisioning.ports import Meter
from zoom_provider.provisioning.report import Outcome

log = logging.getLogger(__name__)

_INTERVAL: Final = 5.0
"""Seconds between two log lines, and between two checkpoints."""


@dataclass
class Progress:
    """
    Logs, saves and measures the progress of a bulk run.

    :param client: whose calls are counted
    :param counts: the report's outcomes so far
    :param meter: gets the metrics
    :param total: rows of the roster
    :param earlier: what earlier tries have spent
    :param save: keeps a checkpoint for a later try
    :param dry_run: nothing is written to Zoom, so users are logged, but not counted as metrics
    """

    client: ZoomClient
    counts: Counter[Outcome]
    meter: Meter
    total: int
    earlier: Checkpoint
    save: Callable[[], None]
    dry_run: bool = False
    completed: int = 0
    _sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _outcomes: Counter[Outcome] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._began = self._ticked_at = self.client.clock()
        self._waited = 0.0

    @property
    def seconds(self) -> float:
        """Since this try began."""
        return self.client.clock() - self._began

    def stats(self) -> dict[str, Any]:
        """Return seconds, calls and refused calls, of earlier tries too."""
        return {
            "seconds": round(self.earlier.seconds + self.seconds, 3),
            "calls": self.earlier.calls + self.client.calls,
            "rate_limited": self.earlier.rate_limited + self.client.rate_limited,
        }

    def count(self, outcome: Outcome) -> None:
        """Count a processed row."""
        self.completed += 1
        if not self.dry_run:
            self._outcomes[outcome] += 1

    def tick(self) -> None:
        """Log, measure and save, every few seconds."""
        now = self.client.clock()
        if now - self._ticked_at < _INTERVAL:
            return
        self._ticked_at = now
        self._log_progress(self.completed / (now - self._began))
        self.send_metrics()
        self.save()

    def _log_progress(self, rate: float) -> None:
        done = self.counts.total()
        left = f", {max(0, self.total - done) / rate:.0f} s to go" if rate else ""
        found = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.counts.items()))
        log.info("%d people of %d%s at %.1f a second: %s", done, self.total, left, rate, found)

    def send_metrics(self) -> None:
        """Send what was counted since the last call: one message for each count would cost time."""
        client = self.client
        numbers = {
            "zoom.calls": client.calls,
            "zoom.rate_limited": client.rate_limited,
            "zoom.retries": client.retries,
            **{f"zoom.people.{outcome}": count for outcome, count in self._outcomes.items()},
        }
        for name, number in numbers.items():
            self.meter.count(name, number - self._sent[name])
        self._sent.update(numbers)
        self.meter.timing("zoom.reply", client.latency)
        waited, self._waited = client.waited - self._waited, client.waited
        if waited:
            self.meter.timing("zoom.waited", waited)
