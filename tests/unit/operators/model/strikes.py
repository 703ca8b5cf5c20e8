"""
What strikes a try, and when: at the n-th write of a kind, counted as it leaves the process.

All of it is installed in the child process that a try runs in, so nothing is ever undone. Writes
to files are counted below Python's buffers: what is still buffered when a process is killed is
lost, as in life.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import requests.adapters

from tests.unit.operators.model.account import TRY

Effect = Literal["write", "call", "post", "answer", "save", "thread"]
"""
``write``: a file is opened for writing, written to, renamed or removed. ``call``: any request to
Zoom but a creation. ``post``: a creation leaves. ``answer``: its reply came back and is not yet
handed on. ``save``: the state store is written to. ``thread``: a thread is started.
"""

Deed = Literal[
    "kill", "tear", "mark_failed", "worker_stopped", "sigterm", "time_out", "pause",
    "disk_full", "store_down", "no_thread",
]  # fmt: skip
"""
``kill``: kill -9 just before the effect. ``tear``: half of a write reaches the disk, then kill -9.
``mark_failed`` and ``worker_stopped``: SIGTERM as Airflow 3.3 handles it, which only calls
``on_kill``. ``sigterm``: as 2.11 does, which also raises in the main thread. ``time_out``:
``execution_timeout``, which raises there. ``pause``:
the process stands still, as behind a lost heartbeat, while the next try runs. ``disk_full`` and
``store_down``: the effect fails, and those after it. ``no_thread``: so do starts of threads.
"""

STOPS: Final[tuple[Deed, ...]] = ("mark_failed", "worker_stopped", "sigterm", "time_out")


@dataclass(frozen=True)
class Strike:
    """
    One thing that strikes a try.

    :param deed: what happens
    :param effect: at which kind of effect
    :param nth: at which of them, from 1
    :param times: how many effects fail, where effects fail; None for all
    """

    deed: Deed
    effect: Effect
    nth: int
    times: int | None = None

    def due(self, effect: Effect, number: int) -> bool:
        """Say whether this strikes the effect of that number."""
        if effect != self.effect:
            return False
        if self.deed not in ("disk_full", "store_down", "no_thread"):
            return number == self.nth
        return self.nth <= number and (self.times is None or number < self.nth + self.times)


class StoreDown(Exception):
    """The API server does not answer the state store."""


class Effects:
    """
    Counts the effects of this process and lets each strike happen in its turn.

    :param strikes: what shall happen
    :param pause: says so and stops the process, and returns when it goes on
    :param take: for each stop, what Airflow does in the main thread on that signal
    """

    def __init__(
        self,
        strikes: tuple[Strike, ...],
        pause: Callable[[], None],
        take: Callable[[Deed], None],
    ) -> None:
        self._strikes = strikes
        self._pause = pause
        self._take = take
        self._lock = threading.Lock()
        self._taken, self._told = os.pipe()
        self.counts: Counter[Effect] = Counter()
        self.stopped = False
        self.posts_after_stop = 0
        for deed, number in _SIGNALS.items():
            signal.signal(number, partial(self._on_signal, deed))

    def before(self, effect: Effect, torn: Callable[[], object] | None = None) -> None:
        """Count an effect that is about to happen, and let its strikes happen first."""
        with self._lock:
            self.counts[effect] += 1
            number = self.counts[effect]
            self.posts_after_stop += effect == "post" and self.stopped
        for strike in self._strikes:
            if strike.due(effect, number):
                self._strike(strike.deed, torn)

    def _strike(self, deed: Deed, torn: Callable[[], object] | None) -> None:
        if deed == "tear" and torn is not None:
            torn()
        if deed in ("kill", "tear"):
            os.kill(os.getpid(), signal.SIGKILL)
        elif deed == "pause":
            self._pause()
        elif deed == "disk_full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        elif deed == "store_down":
            raise StoreDown("the API server does not answer")
        elif deed == "no_thread":
            raise RuntimeError("can't start new thread")
        else:
            self._signal(_SIGNALS[deed])

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal; return when the main thread has begun to handle it."""
        main = threading.main_thread().ident or 0
        while not self.stopped:
            # One that comes just before a wait for a lock does not wake the main thread up.
            signal.pthread_kill(main, number)
            select.select([self._taken], [], [], 0.05)

    def _on_signal(self, deed: Deed, *_: object) -> None:
        if not self.stopped:
            self.stopped = True
            os.write(self._told, b".")
            self._take(deed)


_SIGNALS: Final[dict[Deed, signal.Signals]] = {
    "mark_failed": signal.SIGTERM,
    "worker_stopped": signal.SIGUSR1,
    "sigterm": signal.SIGUSR2,
    "time_out": signal.SIGALRM,
}


def watch_calls(effects: Effects, tick: Callable[[], None], attempt: str) -> None:
    """
    Count the requests to Zoom, and let each creation name the try it comes from.

    :param tick: lets the time pass that a reply takes
    :param attempt: the try's name
    """
    real = requests.adapters.HTTPAdapter.send

    def send(self: Any, request: Any, *more: Any, **options: Any) -> Any:
        creation = request.method == "POST" and request.path_url.split("?")[0] == "/v2/users"
        effects.before("post" if creation else "call")
        tick()
        if creation:
            request.prepare_url(request.url, {TRY: attempt})
        response = real(self, request, *more, **options)
        if creation:
            effects.before("answer")
        return response

    requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign]


def watch_threads(effects: Effects) -> None:
    """Count the threads that are started."""
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        effects.before("thread")
        real(self)

    threading.Thread.start = start  # type: ignore[method-assign]
