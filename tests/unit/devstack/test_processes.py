"""Child processes: they report when they are ready, and none stays behind."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from devstack.processes import Processes, StackError, free_port, wait_for

PARENT = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("ready at http://127.0.0.1:1", child.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Give processes that find their modules in the test's folder."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (tmp_path / "parent.py").write_text(PARENT)
    (tmp_path / "broken.py").write_text("raise SystemExit('no such switch')")
    with Processes(logs, dict(os.environ)) as processes:
        yield processes


def family(log: Path, processes: Processes) -> list[psutil.Process]:
    """Return the parent, which ignores SIGTERM, and the child that it has started."""
    child = int(log.read_text().split()[-1])
    return [psutil.Process(processes.pids["parent"]), psutil.Process(child)]


def is_gone(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_none_is_left_though_it_ignores_sigterm(processes: Processes, tmp_path: Path) -> None:
    url = processes.start_server("parent", "parent")
    assert url == "http://127.0.0.1:1"
    both = family(tmp_path / "logs" / "parent.log", processes)
    assert not any(is_gone(process) for process in both)

    processes.stop()

    assert all(is_gone(process) for process in both)
    assert processes.pids == {}


def test_a_kill_ends_what_it_has_started(processes: Processes, tmp_path: Path) -> None:
    processes.start_server("parent", "parent")
    both = family(tmp_path / "logs" / "parent.log", processes)

    processes.kill("parent")

    assert all(is_gone(process) for process in both)


def test_signals_are_handled_as_before_after_a_stop(processes: Processes) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    processes.stop()
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_process_that_ends_early_ends_the_wait_and_names_its_log(processes: Processes) -> None:
    with pytest.raises(StackError, match=r"broken ended by itself: see .*logs/broken\.log"):
        processes.start_server("broken", "broken")


def test_a_command_that_fails_names_its_log(processes: Processes) -> None:
    with pytest.raises(StackError, match=r"broken failed: see .*broken\.log"):
        processes.finish("broken", "broken")


def test_what_never_comes_is_named() -> None:
    with pytest.raises(StackError, match=r"The log-in took longer than 0 s: see logs"):
        wait_for("The log-in", lambda: None, 0, hint=": see logs")


def test_an_answer_may_be_false() -> None:
    assert wait_for("An answer", lambda: False, 0) is False


def test_a_port_that_is_taken_is_replaced() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) not in (0, port)
    assert free_port(port) == port
