"""StopSignal: ends every wait of a client, and is safe to set inside a signal handler."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import Final

from zoom_provider.exceptions import ZoomStoppedError

POLL_INTERVAL: Final = 0.1
"""Seconds between two looks at the signal where a wait is for another thread."""


class StopSignal:
    """
    Stops a task: any number of threads see it.

    Airflow calls ``on_kill`` inside a signal handler, which runs in the main thread between any
    two instructions of it, also in the middle of that thread's own :meth:`wait`. So :meth:`set`
    must not take a lock that the interrupted code may hold: ``threading.Event.set`` does, and would
    deadlock. ``queue.SimpleQueue.put`` is documented as reentrant, so the signal is a token in such
    a queue. A waiter that takes the token puts it back: it wakes every waiter, now and later.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._token: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Tell every waiter to stop; there is no way back. Takes no lock, logs nothing."""
        self._is_set = True
        self._token.put(None)

    def is_set(self) -> bool:
        """Return whether :meth:`set` was called."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Wait for so many seconds or until the signal is set; return whether it is set."""
        if self._is_set or seconds <= 0:
            return self._is_set
        try:
            self._token.get(timeout=seconds)
        except Empty:
            return self._is_set
        self._token.put(None)
        return True

    def raise_if_set(self) -> None:
        """
        Return at once where the signal is not set.

        :raises ZoomStoppedError: it is set
        """
        if self._is_set:
            raise ZoomStoppedError("The task must stop: nothing new is sent to Zoom.")
