"""
All that the simulated Zoom knows, in one place, with a clock that can be moved.

The world is plain state. The server's thread and the threads of a test both reach it: hold
``world.lock`` to read or change it. No step under the lock waits for anything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoom_provider.simulator.calls import RequestLog
from zoom_provider.simulator.faults import Fault, Faults
from zoom_provider.simulator.limits import Limits
from zoom_provider.simulator.oauth import Grants
from zoom_provider.simulator.people import People, UserSeed
from zoom_provider.simulator.settings import SimulatorSettings


class World:
    """
    One Zoom account and everything around it.

    :param settings: the switches to start with and to return to at a reset
    :param people: the people at the start
    :param faults: what waits to go wrong at the start
    :param clock: the time in seconds since 1970, UTC
    """

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        people: Iterable[UserSeed] = (),
        faults: Iterable[Fault] = (),
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self._clock = clock or time.time
        self._start = (settings or SimulatorSettings(), tuple(people), tuple(faults))
        self.epoch = 0
        self.reset()

    def reset(self) -> None:
        """Return to the start; calls under way find their world gone and do nothing more."""
        with self.lock:
            settings, people, faults = self._start
            self.epoch += 1
            self._ahead = 0.0
            self.settings = settings
            self.people = People()
            self.limits = Limits()
            self.faults = Faults()
            self.request_log = RequestLog()
            self.grants = Grants(settings)
            self.busy: set[str] = set()
            self.seed(people)
            for fault in faults:
                self.faults.add(fault)

    def now(self) -> float:
        """Return the time in this world."""
        return self._clock() + self._ahead

    def advance_clock(self, seconds: float) -> None:
        """Move the clock forward."""
        with self.lock:
            self._ahead += seconds

    def configure(self, switches: Mapping[str, Any]) -> None:
        """
        Change some switches.

        :raises pydantic.ValidationError: for an unknown switch or value; nothing changes then
        """
        with self.lock:
            self.settings = self.settings.with_changes(switches)

    def seed(self, people: Iterable[UserSeed]) -> None:
        """Add people, past every rule of Zoom's."""
        with self.lock:
            for seed in people:
                self.people.put(seed.build_person(self.now()))

    def confirm(self, email: str) -> bool:
        """Let a pending person accept the invitation; return whether there was one."""
        with self.lock:
            person = self.people.find(email)
            if person is None or person.status != "pending":
                return False
            self.people.change(person, status="active", created=int(self.now()))
            return True

    def state(self) -> dict[str, Any]:
        """Give counts, switches, faults and people, without any secret."""
        with self.lock:
            return {
                "now": self.now(),
                "settings": self.settings.public(),
                "counts": {
                    "people": len(self.people),
                    "by_status": {s: n for s, n in self.people.statuses.items() if n},
                    "seats": {s: n for s, n in self.people.seats.items() if n},
                    "daily": self.limits.used,
                },
                "calls": dict(self.request_log.statuses),
                "rate_limited": self.request_log.statuses["429"],
                "tokens_issued": self.grants.issued,
                "faults": self.faults.to_list(),
                "people": [person.to_dict() for person in self.people],
            }
