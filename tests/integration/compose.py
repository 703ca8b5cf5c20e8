"""
The services of ``docker-compose.yaml`` as processes of this machine, without Docker.

Each runs the file's own command with the file's own environment, in which the names and ports of
the services are those of this machine: what the file says is what the tests have run.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import requests
import yaml

from devstack import postgres
from devstack.airflow import environment
from devstack.processes import Processes, T, free_port, wait_for
from devstack.rest import AirflowClient
from tests.requires import require

FILE = Path(__file__).parents[2] / "docker-compose.yaml"
SERVERS = ("postgres", "redis")
ONCE = ("migrate",)


def services() -> dict[str, Any]:
    """Read the services, in the order of the file."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))["services"]
    return found


def names() -> list[str]:
    """Name what is to run: a service with replicas once for each."""
    found = []
    for name, service in services().items():
        many = _replicas(service)
        found += [f"{name}-{number}" for number in range(1, many + 1)] if many > 1 else [name]
    return found


def _replicas(service: Mapping[str, Any]) -> int:
    return int(service.get("deploy", {}).get("replicas", 1))


class Stack(AirflowClient):
    """
    The running services, and the Airflow among them.

    :param home: where they keep everything
    :param processes: all but the servers
    :param here: the names and ports of this machine, by those of the file
    """

    def __init__(self, url: str, home: Path, processes: Processes, here: Mapping[str, str]) -> None:
        super().__init__(url)
        self.home = home
        self.processes = processes
        self._here = here
        self._zoom_url = f"https://{here['zoom:8900']}"

    def wait_for(self, what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
        """Ask until there is an answer, or until a service has ended by itself."""
        return self.processes.wait_for(what, probe, seconds)

    def zoom(self, path: str) -> Any:
        """Ask the local Zoom what it knows."""
        ca = str(self.home / "zoom-tls" / "ca.pem")
        return requests.get(f"{self._zoom_url}/control/{path}", verify=ca, timeout=60).json()

    def check_health(self, service: str) -> subprocess.CompletedProcess[str]:
        """Run the health check of a service, one worker for all."""
        from airflow.utils.net import get_hostname

        command = services()[service]["healthcheck"]["test"]
        # Two dollar signs are the file's way to write one.
        worker = f"worker-1@{socket.gethostname()}"
        command = command.replace("celery@$${HOSTNAME}", worker).replace("$$", "$")
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.processes.env['PATH']}"
        return subprocess.run(  # noqa: S602 - the file's own command, as Docker runs it
            _swapped(command, self._here),
            shell=True,
            env={**self.processes.env, "PATH": path, "HOSTNAME": get_hostname()},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def started(self) -> set[str]:
        """Name all services that have run."""
        return {path.stem for path in self.processes.logs.glob("*.log")}


@contextlib.contextmanager
def running(home: Path, **settings: str) -> Iterator[Stack]:
    """
    Run all services until the block ends.

    :param home: where they keep everything; has a folder ``dags``
    :param settings: more environment variables of Airflow's services, or others
    """
    ports = {name: free_port(0) for name in (*SERVERS, "zoom", "api", "health")}
    here = {
        "@postgres:5432": f"@127.0.0.1:{ports['postgres']}",
        "redis:6379": f"127.0.0.1:{ports['redis']}",
        "zoom:8900": f"127.0.0.1:{ports['zoom']}",
        "api-server:8080": f"127.0.0.1:{ports['api']}",
        "127.0.0.1:8080": f"127.0.0.1:{ports['api']}",
        "localhost:8080": f"127.0.0.1:{ports['api']}",
        "localhost:8974": f"127.0.0.1:{ports['health']}",
        "('zoom', 8900)": f"('127.0.0.1', {ports['zoom']})",
        "--host=zoom": "--host=127.0.0.1",
        "--port=8900": f"--port={ports['zoom']}",
        "--port=8080": f"--port={ports['api']}",
        "/opt/airflow": str(home),
    }
    wanted = services()
    env = {
        **environment(home),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(ports["health"]),
        "AIRFLOW__CORE__PARALLELISM": "16",
        # Runs start when they are triggered, never because a clock says so.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        **{k: _swapped(v, here) for k, v in wanted["scheduler"]["environment"].items()},
        **settings,
    }
    logs = home / "processes"
    logs.mkdir()
    with contextlib.ExitStack() as servers:
        for name in SERVERS:
            command = shlex.split(wanted[name]["command"])
            servers.enter_context(_server(name, command, ports[name], logs))
        processes = servers.enter_context(Processes(logs, env))
        stack = Stack(f"http://127.0.0.1:{ports['api']}", home, processes, here)
        for name in names():
            if name not in SERVERS:
                _start(processes, name, shlex.split(_swapped(_command(name), here)))
        stack.wait_for("Airflow's log-in", stack.log_in, 120)
        yield stack


def _command(name: str) -> str:
    found = services()
    return str(found[name if name in found else name.rpartition("-")[0]]["command"])


def _swapped(text: str, here: Mapping[str, str]) -> str:
    for there, ours in here.items():
        text = text.replace(there, ours)
    return text


def _start(processes: Processes, name: str, command: list[str]) -> None:
    module = command[2:] if command[:2] == ["python", "-m"] else command
    if name in ONCE:
        processes.finish(name, *module)
        return
    if "worker" in module:
        # Two machines have two names; here they are one.
        module = [*module, f"--celery-hostname={name}@%h"]
    log = processes.start(name, *module)
    if name == "zoom":
        processes.wait_for("The local Zoom", lambda: "ready at" in log.read_text() or None, 30)


@contextlib.contextmanager
def _server(name: str, command: list[str], port: int, logs: Path) -> Iterator[None]:
    """Run PostgreSQL or Redis, as the file says."""
    with (logs / f"{name}.log").open("w") as output:
        if name == "postgres":
            require(name, postgres.program("initdb"), "install Debian's postgresql")
            # After "postgres" the command is "-c", a setting, and so on.
            settings = command[2::2]
            assert command[1::2] == ["-c"] * len(settings)
            with postgres.running(*settings, port=port, output=output) as server:
                # As the image does.
                server.create_database("airflow")
                yield
        else:
            with _redis(command, port, output):
                yield


@contextlib.contextmanager
def _redis(command: list[str], port: int, output: IO[str]) -> Iterator[None]:
    program = shutil.which(command[0])
    require("redis", program, "install Debian's redis")
    with tempfile.TemporaryDirectory(prefix="zoom-tests-redis-") as home:
        process = subprocess.Popen(
            [str(program), *command[1:], *("--bind", "127.0.0.1", "--port", str(port))],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            ask = ["redis-cli", "-p", str(port), "ping"]

            def answers() -> bool | None:
                done = subprocess.run(ask, check=False, capture_output=True)
                return done.returncode == 0 or None

            wait_for("redis", answers, 30)
            yield
        finally:
            process.terminate()
            process.wait(30)
