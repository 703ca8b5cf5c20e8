"""Child processes that answer when they are ready, and of which none stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

import psutil  # type: ignore[import-untyped]

T = TypeVar("T")


class StackError(Exception):
    """Something did not start or did not answer; the text says which log tells more."""


def say(text: str) -> None:
    """Tell the person in front of the terminal what goes on, at once."""
    print(text, flush=True)


def run_script(main: Callable[[], int]) -> None:
    """Run a script's main function so that every way of being stopped lets it clean up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # A shell that starts us in the background has SIGINT ignored, and so would all we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = main()
    except KeyboardInterrupt:
        say("Stopped.")
        code = 130
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def free_port(preferred: int) -> int:
    """Return the preferred port of this machine if nobody has it, else, or for 0, another."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise StackError("No free port on 127.0.0.1")


class Processes:
    """
    Child processes, each with its own session and its own log file.

    :param python: the interpreter that they run on
    """

    def __init__(self, logs: Path, env: dict[str, str], python: str = sys.executable) -> None:
        self._logs = logs
        self._env = env
        self._python = python
        self._running: dict[str, subprocess.Popen[str]] = {}

    @property
    def sessions(self) -> set[int]:
        """The sessions that they, and all that they started, belong to."""
        return {process.pid for process in self._running.values()}

    def start(self, name: str, *command: str, **env: str) -> Path:
        """
        Start a Python module or command that is to run until the end.

        :param env: more environment variables, or others
        :return: the file that its output goes to
        """
        log = self._logs / f"{name}.log"
        with log.open("w") as output:
            self._running[name] = subprocess.Popen(
                [self._python, "-m", *command],
                cwd=self._logs.parent,
                env={**self._env, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                # A Ctrl-C in the terminal must reach us alone, so that we end them in order.
                start_new_session=True,
            )
        return log

    def wait_for(self, what: str, probe: Callable[[], T | None], seconds: float) -> T:
        """
        Ask until there is an answer.

        :param probe: returns None while there is none yet
        :raises StackError: when a process has died or the time is up
        """
        deadline = time.monotonic() + seconds
        while (answer := probe()) is None:
            for name, process in self._running.items():
                if process.poll() is not None:
                    raise StackError(f"{name} ended by itself: see {self._logs / name}.log")
            if time.monotonic() > deadline:
                raise StackError(f"{what} took longer than {seconds:.0f} s: see {self._logs}")
            time.sleep(0.2)
        return answer

    def finish(self, name: str, *command: str, seconds: float = 120) -> None:
        """Run a command to its end."""
        log = self.start(name, *command)
        process = self._running[name]
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise StackError(f"{name} took longer than {seconds:.0f} s: see {log}") from None
        if code:
            raise StackError(f"{name} failed: see {log}")
        del self._running[name]

    def end(self, name: str) -> None:
        """End one of them, and wait until it is gone."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """End all of them, with all that they started, even those that do not want to."""
        # A second Ctrl-C must not leave anything behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + 3
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        sessions = self.sessions
        while survivors := _members(sessions):
            for pid in survivors:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in self._running.values():
                process.poll()
            time.sleep(0.05)
        self._running.clear()


def _members(sessions: set[int]) -> list[int]:
    """
    Return who is alive in the sessions.

    A process group would not do: Airflow gives each running task a group of its own.
    """
    members = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            # Whoever takes the orphans of this machine may leave them as zombies.
            if os.getsid(pid) in sessions and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                members.append(pid)
    return members
