"""Child processes that report when they are ready, and of which none stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final, Self, TypeVar

import psutil  # type: ignore[import-untyped]

T = TypeVar("T")

PROJECT: Final = Path(__file__).resolve().parents[1]
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StackError(Exception):
    """Something did not start or did not answer; the text names the log to read."""


def say(text: str) -> None:
    """Print a line to the terminal at once."""
    print(text, flush=True)


def run_script(main: Callable[[], int]) -> None:
    """Run a script's main function so that it cleans up however it is stopped."""
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


def free_port(preferred: int = 0) -> int:
    """Return the preferred port of this machine if it is free, else, or for 0, another."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise StackError("No free port on 127.0.0.1: stop what holds them")


def wait_for(
    what: str,
    probe: Callable[[], T | None],
    seconds: float,
    check: Callable[[], None] = lambda: None,
    hint: str = "",
) -> T:
    """
    Ask until there is an answer.

    :param what: named in the error
    :param probe: returns None while there is no answer yet
    :param check: raises when there will never be one
    :param hint: added to the error: what to read next
    :raises StackError: when the time is up
    """
    deadline = time.monotonic() + seconds
    while (answer := probe()) is None:
        check()
        if time.monotonic() > deadline:
            raise StackError(f"{what} took longer than {seconds:.0f} s{hint}")
        time.sleep(0.2)
    return answer


class Processes:
    """
    Child processes, each with its own session and its own log file.

    They end with the ``with`` block, with all that they have started.

    :param logs: the folder of their log files; they run in the folder above it
    :param env: their environment
    :param python: the interpreter that they run on
    """

    def __init__(
        self, logs: Path, env: dict[str, str], python: str | Path = sys.executable
    ) -> None:
        self.logs = logs
        self.env = env
        self._python = str(python)
        self._running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each that is running, by its name."""
        return {name: process.pid for name, process in self._running.items()}

    @property
    def sessions(self) -> set[int]:
        """The sessions that they, and all that they started, belong to."""
        return set(self.pids.values())

    def start(self, name: str, *command: str, **env: str) -> Path:
        """
        Start a Python module that is to run until the end.

        :param command: the module and its arguments
        :param env: more environment variables, or other values
        :return: its log file
        """
        log = self.logs / f"{name}.log"
        with log.open("w") as output:
            self._running[name] = subprocess.Popen(
                [self._python, "-m", *command],
                cwd=self.logs.parent,
                env={**self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                # A Ctrl-C in the terminal must reach us alone, so that we end them in order.
                start_new_session=True,
            )
        return log

    def start_server(self, name: str, *command: str, seconds: float = 60) -> str:
        """Start one of this project's servers, which prints where it is ready; return that URL."""
        log = self.start(name, *command, PYTHONPATH=str(PROJECT))

        def announced() -> str | None:
            _, _, url = log.read_text(encoding="utf-8").partition("ready at ")
            return url.split()[0] if "\n" in url else None

        return self.wait_for(f"The start of {name}", announced, seconds)

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

    def check(self) -> None:
        """Raise StackError if one of them has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise StackError(f"{name} ended by itself: see {self.logs / name}.log")

    def wait_for(self, what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
        """Ask until there is an answer, or until one of them has ended by itself."""
        return wait_for(what, probe, seconds, self.check, f": see {self.logs}")

    def end(self, name: str) -> None:
        """Ask one of them to end, and wait until it is gone."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill(self, name: str) -> None:
        """End one of them, and all that it has started, as a power cut would."""
        process = self._running.pop(name)
        family = [psutil.Process(process.pid)]
        family += family[0].children(recursive=True)
        for member in family:
            member.suspend()  # none may see the others go
        for member in family:
            member.kill()
        process.wait()
        while any(map(_is_alive, family)):
            time.sleep(0.05)

    def stop(self) -> None:
        """End all of them, with all that they started, even those that do not want to."""
        with _signals_held():
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


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Ignore signals during the clean-up: a second Ctrl-C must not leave anything behind."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _members(sessions: set[int]) -> list[int]:
    """
    List the processes that are alive in the sessions.

    A process group would not do: Airflow gives each running task a group of its own.
    """
    members = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(pid) in sessions and _is_alive(psutil.Process(pid)):
                members.append(pid)
    return members


def _is_alive(process: psutil.Process) -> bool:
    """Return whether a process runs; the machine's init may leave orphans as zombies."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
