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
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import requests
import yaml

from child_processes import Processes, free_port
from local_stack import environment
from tests.integration.airflow_stack import Airflow
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


class Services(Processes):
    """Processes of which one may be killed, with all that it has started."""

    def logs(self) -> set[str]:
        """Name all that have run."""
        return {path.stem for path in self._logs.glob("*.log")}

    def kill(self, name: str) -> None:
        """End one as a power cut would."""
        process = self._running.pop(name)
        family = [psutil.Process(process.pid)]
        family += family[0].children(recursive=True)
        for member in family:
            member.suspend()  # nobody may see the others go
        for member in family:
            member.kill()
        process.wait()


@dataclass(frozen=True)
class Stack:
    """
    The running services.

    :param airflow: the Airflow among them
    :param zoom_url: where the local Zoom is
    :param ca: its certificate authority
    :param services: all but the servers
    """

    airflow: Airflow
    zoom_url: str
    ca: Path
    services: Services

    def zoom(self, path: str) -> Any:
        """Ask the local Zoom what it knows."""
        reply = requests.get(f"{self.zoom_url}/control/{path}", verify=str(self.ca), timeout=60)
        return reply.json()


@contextlib.contextmanager
def running(home: Path, **settings: str) -> Iterator[Stack]:
    """
    Run all services until the block ends.

    :param home: where they keep everything; has a folder ``dags``
    :param settings: more environment variables of Airflow's services, or others
    """
    ports = {name: free_port(0) for name in ("postgres", "redis", "zoom", "api")}
    here = {
        "@postgres:5432": f"@127.0.0.1:{ports['postgres']}",
        "redis:6379": f"127.0.0.1:{ports['redis']}",
        "zoom:8900": f"127.0.0.1:{ports['zoom']}",
        "api-server:8080": f"127.0.0.1:{ports['api']}",
        "127.0.0.1:8080": f"127.0.0.1:{ports['api']}",
        "--host=zoom": "--host=127.0.0.1",
        "--port=8900": f"--port={ports['zoom']}",
        "--port=8080": f"--port={ports['api']}",
        "/opt/airflow": str(home),
    }
    url = f"http://127.0.0.1:{ports['api']}"
    wanted = services()
    env = environment(home, url)
    env |= {
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PARALLELISM": "16",
        **{k: _swapped(v, here) for k, v in wanted["scheduler"]["environment"].items()},
        **settings,
    }
    logs = home / "processes"
    logs.mkdir()
    processes = Services(logs, env)
    stack = Stack(
        Airflow(url, "api/v2", processes),
        f"https://127.0.0.1:{ports['zoom']}",
        home / "zoom-tls" / "ca.pem",
        processes,
    )
    with contextlib.ExitStack() as servers:
        for name in SERVERS:
            command = shlex.split(wanted[name]["command"])
            servers.enter_context(_server(name, command, ports[name], logs))
        with _ended(processes):
            for name in names():
                if name not in SERVERS:
                    _start(processes, name, shlex.split(_swapped(_command(name), here)))
            processes.wait_for("Airflow's log-in", lambda: _log_in(stack.airflow), 120)
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


def _log_in(airflow: Airflow) -> bool | None:
    with contextlib.suppress(requests.ConnectionError):
        reply = airflow.session.get(f"{airflow.url}/auth/token", timeout=30)
        if reply.ok:
            airflow.session.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"
            return True
    return None


@contextlib.contextmanager
def _ended(processes: Processes) -> Iterator[None]:
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        processes.stop()
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _server(name: str, command: list[str], port: int, logs: Path) -> Iterator[None]:
    """Run PostgreSQL or Redis; the former refuses to be root and wants a folder of its own."""
    program = server_program(command[0])
    require(name, program, f"install Debian's {'postgresql' if name == 'postgres' else name}")
    user = "postgres" if name == "postgres" and os.geteuid() == 0 else None
    # Not among pytest's folders, which are root's alone.
    home = Path(tempfile.mkdtemp(prefix=f"zoom-tests-{name}-"))
    try:
        if user:
            shutil.chown(home, user)
        options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(home)]
        if name == "postgres":
            # Nothing here must outlive a power cut: no waiting for the disk.
            options = [
                "-D",
                str(home / "data"),
                "-k",
                str(home),
                "-p",
                str(port),
                "-c",
                "fsync=off",
            ]
            init = [
                server_program("initdb") or "",
                "-D",
                options[1],
                "-A",
                "trust",
                "-U",
                "airflow",
            ]
            subprocess.run(init, user=user, cwd=home, check=True, capture_output=True)
        with (logs / f"{name}.log").open("w") as output:
            process = subprocess.Popen(
                [str(program), *command[1:], *options],
                user=user,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_until_it_answers(name, port, home, user)
            yield
        finally:
            # For PostgreSQL: at once, whoever is connected. It ends those that it has started.
            process.send_signal(signal.SIGQUIT if name == "postgres" else signal.SIGTERM)
            process.wait(30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait_until_it_answers(name: str, port: int, home: Path, user: str | None) -> None:
    ask = ["redis-cli", "-p", str(port), "ping"]
    if name == "postgres":
        # Which also makes the database that the image would have made.
        ask = [server_program("createdb") or "", "-h", str(home), "-p", str(port)]
        ask += ["-U", "airflow", "--maintenance-db=postgres", "airflow"]

    def answers() -> bool | None:
        done = subprocess.run(ask, user=user, cwd=home, check=False, capture_output=True)
        return done.returncode == 0 or None

    Processes(home, {}).wait_for(name, answers, 30)


def server_program(name: str) -> str | None:
    """Find a program; Debian keeps PostgreSQL's in a folder for each version."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(versions[-1]) if versions else shutil.which(name)
