"""Threads that make calls, and the events that they send back to the one that decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from zoom_provider.provisioning.create_user import CreateResult
from zoom_provider.provisioning.roster import Row


@dataclass(frozen=True, slots=True)
class Found:
    """A look-up has come back."""

    row: Row
    user: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class LostReply:
    """A creation's reply was lost; its thread looks whether Zoom has the user."""

    row: Row


@dataclass(frozen=True, slots=True)
class Ended:
    """A row has come to an end, good or bad."""

    row: Row
    result: CreateResult | BaseException


Event = Found | LostReply | Ended


class WorkerPool:
    """Threads that make calls, and the events that they send back."""

    def __init__(self, most: int) -> None:
        self._name = f"zoom-{id(self):x}"
        self._executor = ThreadPoolExecutor(most, thread_name_prefix=self._name)
        self._events: SimpleQueue[Event] = SimpleQueue()
        self.busy: set[int] = set()

    def submit(self, row: Row, call: Callable[[], Event]) -> None:
        """
        Make a call in a thread, soon.

        :raises RuntimeError: no thread can be started at all
        """

        def work() -> None:
            try:
                event = call()
            # Whatever it is, the row waits for it: a thread that ends silently holds up all.
            except BaseException as error:
                event = Ended(row, error)
            self._events.put(event)

        self.busy.add(row.number)
        try:
            self._executor.submit(work)
        except RuntimeError:
            # The executor queues first: where it has threads, one of them takes the call.
            if not any(thread.name.startswith(self._name) for thread in threading.enumerate()):
                self.busy.discard(row.number)
                raise

    def send(self, event: Event) -> None:
        """Send an event from within a call."""
        self._events.put(event)

    def wait(self, seconds: float) -> Event | None:
        """Return the next event; None after so many seconds without one."""
        try:
            event = self._events.get(timeout=max(0.0, seconds))
        except Empty:
            return None
        if not isinstance(event, LostReply):
            self.busy.discard(event.row.number)
        return event

    def shutdown(self) -> None:
        """Start nothing more; calls under way end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)
