"""The local Zoom as the model sees it: which creation came from which run, and which came twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from tests.support import Clock
from zoom_provider.simulator import operations
from zoom_provider.simulator.server import Simulator

_CREATE: Final = ("POST", "users")
POST: Final = "POST /v2/users"


@dataclass
class Account:
    """
    What happened in Zoom.

    :param zoom: the local one
    :param clock: its clients'
    :param made: the run that made each person, by Zoom's id
    :param twice: creations of a person that an earlier one had made
    :param removed: addresses that were deleted in Zoom by others
    """

    zoom: Simulator
    clock: Clock
    made: dict[str, str] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    _running: str = ""
    _seen: int = 0

    def restart(self) -> None:
        """Begin with an empty account."""
        self.zoom.reset()
        self.made.clear()
        self.twice.clear()
        self.removed.clear()

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Look at every creation that reaches the account."""
        operation = operations.OPERATIONS[_CREATE]

        def create(world: Any, call: Any) -> Any:
            email = str(call.named_email)
            before = world.people.find(email)
            if before is not None and before.id in self.made:
                self.twice.append(email)
            try:
                return operation.run(world, call)
            finally:
                after = world.people.find(email)
                if before is None and after is not None:
                    self.made[after.id] = self._running

        monkeypatch.setitem(operations.OPERATIONS, _CREATE, replace(operation, run=create))

    @contextmanager
    def running(self, run_id: str) -> Iterator[None]:
        """Attribute what is created in the block to a run."""
        self._running = run_id
        # No second has more calls than Zoom allows, whatever the real clock says.
        self.zoom.advance_clock(5)
        self._seen = len(self.zoom.requests(POST))
        yield

    def posts(self) -> list[dict[str, Any]]:
        """List the creations asked for since the last try began."""
        return self.zoom.requests(POST)[self._seen :]

    def answered(self) -> set[str]:
        """Give those made since then whose reply was sent whole."""
        return {
            post["email"] for post in self.posts() if post["status"] == 201 and not post["fault"]
        }

    def unanswered(self) -> set[str]:
        """Return the addresses asked for since then for which no answer came."""
        return {post["email"] for post in self.posts() if (post["status"] or 500) >= 500}

    def asked(self, email: str) -> bool:
        """Say whether this person was asked for since then."""
        return any(post["email"] == email for post in self.posts())

    def has(self, email: str) -> bool:
        """Say whether Zoom has a person."""
        return self.zoom.person(email) is not None

    def maker(self, email: str) -> str | None:
        """Give the run that made Zoom's present person; None where none of ours did."""
        person = self.zoom.person(email)
        return self.made.get(person["id"]) if person else None

    def is_full(self, seat: str) -> bool:
        """Say whether no seat of a kind is left."""
        state = self.zoom.state()
        most = getattr(self.zoom.settings.seats, seat)
        return most is not None and state["counts"]["seats"].get(seat, 0) >= most

    def remove(self, email: str) -> None:
        """Let another administrator delete a person."""
        with self.zoom.world.lock:
            person = self.zoom.world.people.find(email)
            if person is not None:
                self.zoom.world.people.remove(person)
                self.removed.add(email)
