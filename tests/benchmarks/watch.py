"""What all processes of an Airflow take: processor time and memory."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import psutil  # type: ignore[import-untyped]


class Watch:
    """
    Processor time and the peak of memory of all processes in some sessions.

    Memory is counted as PSS: what several share is divided among them. It is what is used beyond
    the beginning.
    """

    def __init__(self, sessions: set[int]) -> None:
        self._sessions = sessions
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = 0.0

    def __enter__(self) -> Watch:
        self._cpu, self._memory = self._times(), self._pss()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self.cpu = self._times() - self._cpu

    def _look(self) -> None:
        while not self._stop.wait(2):
            self.peak = max(self.peak, self._pss() - self._memory)

    def _members(self) -> Iterator[Any]:
        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
                if os.getsid(pid) in self._sessions:
                    yield psutil.Process(pid)

    def _times(self) -> float:
        """Sum up processor time, also of children that have ended."""
        total = 0.0
        for process in self._members():
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        return total

    def _pss(self) -> float:
        total = 0
        for process in self._members():
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total / 1024**2
