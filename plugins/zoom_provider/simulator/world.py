"""
All that the simulated Zoom knows, in one place, with a clock that can be moved.

The world is plain state. The server's thread and the threads of a test both reach it: hold
``world.lock`` to read or change it. No step under the lock waits for anything.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoom_provider.simulator.calls import RequestLog
from zoom_provider.simulator.faults import Fault, Faults
from zoom_provider.simulator.groups import Groups, Roles
from zoom_provider.simulator.limits import Limits
from zoom_provider.simulator.oauth import Grants
from zoom_provider.simulator.paging import Pager
from zoom_provider.simulator.people import People
from zoom_provider.simulator.person import OWNER, Person, UserSeed, timestamp
from zoom_provider.simulator.settings import SimulatorSettings

DAY = 86_400


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
            self.groups = Groups()
            self.roles = Roles()
            self.pager = Pager()
            self.limits = Limits()
            self.faults = Faults()
            self.request_log = RequestLog()
            self.grants = Grants(settings)
            self.busy: set[str] = set()
            # People who left with a personal account; old addresses, and until when they are kept.
            self.personal: set[str] = set()
            self.reserved: dict[str, float] = {}
            # Ids of people whose DELETE goes on, with the moment at which it ends.
            self.leaving: dict[str, tuple[float, Callable[[], None]]] = {}
            self.departed: list[dict[str, Any]] = []
            self.attribute_keys: dict[str, str] = {}
            self._events: deque[dict[str, Any]] = deque(maxlen=100_000)
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
                group_ids = tuple(self.groups.add(name).id for name in seed.groups)
                self.roles.names.setdefault(seed.role_id, seed.role_id)
                self.people.put(seed.build_person(self.now(), group_ids))
                for item in seed.profile.get("custom_attributes", ()):
                    self.attribute_keys[item["key"]] = item.get("name", "")

    def attribute_name(self, key: str) -> str | None:
        """Return the name of a custom attribute; None for a key that the account lacks."""
        return self.settings.custom_attributes.get(key, self.attribute_keys.get(key))

    def owner(self) -> Person | None:
        """Return the account's owner, where it has one."""
        return next((p for p in self.people if p.role_id == OWNER), None)

    def emit(self, event: str, person: Person, **more: Any) -> None:
        """Note what Zoom would send to a webhook."""
        described = {
            "id": person.id,
            "email": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "type": person.type,
        }
        stamp = timestamp(self.now())
        self._events.append({"event": event, "at": stamp, "object": described, **more})

    def events(self) -> list[dict[str, Any]]:
        """Return what Zoom would have sent to a webhook, the first event first."""
        with self.lock:
            return list(self._events)

    def state(self) -> dict[str, Any]:
        """Return counts, switches, faults and people, without any secret."""
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
                "groups": [
                    {"id": g.id, "name": g.name, "members": list(self.people.members[g.id])}
                    for g in self.groups
                ],
                "roles": dict(self.roles.names),
                "departed": list(self.departed),
                "people": [person.to_dict() for person in self.people],
            }
