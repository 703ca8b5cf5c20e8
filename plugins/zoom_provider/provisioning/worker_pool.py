"""Threads that make calls, and the events that they send to the deciding thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from zoom_provider.provisioning.create_user import CreateResult
from zoom_provider.provisioning.roster import Row


@dataclass(frozen=True, slots=True)
class LookupDone:
    """A look-up has ended."""

    row: Row
    user: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class LostReply:
    """A creation's reply was lost; its thread looks whether Zoom has the user."""

    row: Row


@dataclass(frozen=True, slots=True)
class RowDone:
    """A row has been processed, with a result or an error."""

    row: Row
    result: CreateResult | BaseException


Event = LookupDone | LostReply | RowDone


class WorkerPool:
    """
    Threads that make calls, and the events that they send back.

    Each takes calls from one queue until :meth:`shutdown`: a future for each call would cost more
    than the call's own share of the work.

    :param most: threads at most; one is started when there are more calls than threads
    """

    def __init__(self, max_threads: int) -> None:
        self._max_threads = max_threads
        self._started = 0
        self._executor = ThreadPoolExecutor(max_threads, thread_name_prefix="zoom")
        self._calls: SimpleQueue[tuple[Row, Callable[[], Event]] | None] = SimpleQueue()
        self._events: SimpleQueue[Event] = SimpleQueue()
        self.busy: set[int] = set()

    def submit(self, row: Row, call: Callable[[], Event]) -> None:
        """
        Make a call in a thread, soon.

        :raises RuntimeError: no thread can be started at all
        """
        self.busy.add(row.number)
        if self._started < min(len(self.busy), self._max_threads):
            try:
                self._executor.submit(self._work)
                self._started += 1
            except RuntimeError:
                # Fewer threads than wanted take the calls one after the other.
                if not self._started:
                    self.busy.discard(row.number)
                    raise
        self._calls.put((row, call))

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            row, call = item
            try:
                event = call()
            # Whatever it is, the row waits for it: a thread that ends silently holds up all.
            except BaseException as error:
                event = RowDone(row, error)
            self._events.put(event)

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
        for _ in range(self._started):
            self._calls.put(None)
        self._executor.shutdown(wait=False, cancel_futures=True)
