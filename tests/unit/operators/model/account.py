"""The local Zoom as the model sees it: which creation came from which run, and which came twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import pytest

from tests.support import Clock
from zoom_provider.simulator import operations
from zoom_provider.simulator.server import Simulator

_CREATE: Final = ("POST", "users")
POST: Final = "POST /v2/users"
TRY: Final = "try"
"""
The query parameter of every creation that names the try it comes from.

A try that was stopped or killed may have a call on the wire, which Zoom answers while the next try
runs: by the time of a call nothing can be said of its try.
"""


class Creation(NamedTuple):
    """
    Which try created a user.

    :param attempt: its name, as :data:`TRY` has it
    :param run_id: the run that the try belongs to
    :param turn: how many tries had begun by then
    """

    attempt: str
    run_id: str
    turn: int


@dataclass
class Account:
    """
    What happened in Zoom.

    :param zoom: the local one
    :param clock: its clients'
    :param made: what created each person, by Zoom's id
    :param twice: creations that a try asked for although it could know of an earlier one
    :param removed: addresses that were deleted in Zoom by others
    """

    zoom: Simulator
    clock: Clock
    made: dict[str, Creation] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    _attempt: str = ""
    _turn: int = 0
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
            email, attempt = str(call.named_email), call.query.get(TRY, "")
            before = world.people.find(email)
            if before is not None and self._could_know(before.id, attempt):
                self.twice.append(email)
            try:
                return operation.run(world, call)
            finally:
                after = world.people.find(email)
                if before is None and after is not None:
                    run_id = attempt.rpartition("/")[0]
                    self.made[after.id] = Creation(attempt, run_id, self._turn)

        monkeypatch.setitem(operations.OPERATIONS, _CREATE, replace(operation, run=create))

    def _could_know(self, id_: str, attempt: str) -> bool:
        """Return whether the try under way could know that a user was created before it asked."""
        made = self.made.get(id_)
        if made is None or attempt != self._attempt:
            return False
        return made.attempt == attempt or made.turn < self._turn

    @contextmanager
    def running(self, attempt: str) -> Iterator[None]:
        """Let a try be the one under way, by its name."""
        self._attempt = attempt
        self._turn += 1
        # No second has more calls than Zoom allows, whatever the real clock says.
        self.zoom.advance_clock(5)
        self._seen = len(self.zoom.requests(POST))
        yield

    def posts(self) -> list[dict[str, Any]]:
        """List the creations that the last try has asked for since it began."""
        posts = self.zoom.requests(POST)[self._seen :]
        return [post for post in posts if post["query"].get(TRY) == self._attempt]

    def answered(self) -> set[str]:
        """Return the addresses among those whose creation was answered whole."""
        return {
            post["email"] for post in self.posts() if post["status"] == 201 and not post["fault"]
        }

    def unanswered(self) -> set[str]:
        """Return the addresses among those for which no answer came."""
        return {post["email"] for post in self.posts() if (post["status"] or 500) >= 500}

    def asked(self, email: str) -> bool:
        """Return whether the last try has asked for this person."""
        return any(post["email"] == email for post in self.posts())

    def has(self, email: str) -> bool:
        """Say whether Zoom has a person."""
        return self.zoom.person(email) is not None

    def maker(self, email: str) -> str | None:
        """Give the run that made Zoom's present person; None where none of ours did."""
        person = self.zoom.person(email)
        made = self.made.get(person["id"]) if person else None
        return made.run_id if made else None

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
