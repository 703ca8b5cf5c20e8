"""
A real Airflow, of any version, as a person runs it.

It lives in a folder of its own and in processes that end with the ``with`` block, however it ends.
Nothing of the surrounding Airflow configuration is used, so no real metadata database is touched.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from devstack.processes import PROJECT, Processes, T, free_port
from devstack.rest import USER, AirflowClient

MAIN: Final = "3.3"
"""The version of Airflow that this project's main environment has."""

AUTH_BACKENDS: Final = "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session"
"""With these Airflow 2.11 accepts requests with a name and a password, as the README says."""


@dataclass(frozen=True)
class _Generation:
    """What differs between Airflow 2 and 3."""

    api: str
    server: str
    components: tuple[str, ...]


_TWO = _Generation("api/v1", "webserver", ("scheduler",))
_THREE = _Generation("api/v2", "api-server", ("dag-processor", "scheduler"))


def python_of(version: str) -> Path:
    """Return the interpreter of a version of Airflow; it is there once its environment is made."""
    return Path(sys.executable) if version == MAIN else PROJECT / f".venv-{version}/bin/python"


class Airflow(AirflowClient):
    """
    One Airflow: a database, a scheduler, a web server.

    :param home: its folder, which exists; its log files and those of its processes are in ``logs``
    :param version: of Airflow: ``3.3``, or one that has an environment, ``.venv-2.11`` and so on
    :param dags: the folder of its DAGs
    :param executor: by default that of the version
    :param database: its URL, by default a SQLite file in the folder
    :param triggerer: whether tasks may be deferred
    :param port: where it listens; taken if it is free, 0 for any
    :param env: more environment variables, or other values
    """

    def __init__(
        self,
        home: Path,
        version: str = MAIN,
        *,
        dags: Path = PROJECT / "dags",
        executor: str | None = None,
        database: str | None = None,
        triggerer: bool = False,
        port: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.version = version
        self._generation = _TWO if version.startswith("2.") else _THREE
        self._triggerer = triggerer
        self._port = free_port(port)
        url = f"http://127.0.0.1:{self._port}"
        settings = _settings(home, url, dags)
        if version.startswith("2."):
            settings |= _settings_of_two(url)
        if executor:
            settings["AIRFLOW__CORE__EXECUTOR"] = executor
        if database:
            settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database
        self.env = {**environment(home, version), **settings, **(env or {})}
        self.processes = Processes(home / "logs", self.env, python_of(version))
        self._migrated = False
        super().__init__(url, self._generation.api, secrets.token_urlsafe(9))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def wait_for(self, what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
        """Ask until there is an answer, or until a process has ended by itself."""
        return self.processes.wait_for(what, probe, seconds)

    def migrate(self) -> None:
        """Make the database."""
        self.processes.logs.mkdir(exist_ok=True)
        self.processes.finish("migrate", "airflow", "db", "migrate")
        self._migrated = True

    def start(self) -> None:
        """Start all processes and wait until Airflow lets its user in."""
        if not self._migrated:
            self.migrate()
        self._add_user()
        for name in self._generation.components:
            self._start(name)
        if self._triggerer:
            self._start("triggerer")
        self._start(self._generation.server, "--port", str(self._port))
        self.wait_for("Airflow's log-in", self.log_in, 120)

    def stop(self) -> None:
        """End all processes, with all that they have started."""
        self.processes.stop()

    def restart(self, component: str, **env: str) -> None:
        """Start one of the processes again, with more environment variables, or other values."""
        self.processes.end(component)
        self._start(component, **env)

    def _start(self, component: str, *options: str, **env: str) -> None:
        if component in ("scheduler", "triggerer"):
            options += ("--skip-serve-logs",)
        self.processes.start(component, "airflow", component, *options, **env)

    def _add_user(self) -> None:
        if self._generation is _THREE:
            passwords = self.home / "passwords.json"
            passwords.touch(mode=0o600)
            passwords.write_text(json.dumps({USER: self.password}))
            return
        account = ("--username", USER, "--password", self.password, "--role", "Admin")
        person = ("--firstname", "Ada", "--lastname", "Min", "--email", "admin@example.com")
        self.processes.finish("user", "airflow", "users", "create", *account, *person)


def clean_environment() -> dict[str, str]:
    """Return our own environment without all that it says about Airflow."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW_", "_AIRFLOW"))}


def environment(home: Path, version: str = MAIN) -> dict[str, str]:
    """Return an environment with an Airflow home of its own, in which nothing uses a proxy."""
    return {
        **clean_environment(),
        "AIRFLOW_HOME": str(home),
        "NO_PROXY": "*",
        "no_proxy": "*",
        # Executors start tasks by the name of a command.
        "PATH": f"{python_of(version).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
    }


def _settings(home: Path, url: str, dags: Path) -> dict[str, str]:
    settings = {
        "API__BASE_URL": url,
        "API__HOST": "127.0.0.1",
        "API__SECRET_KEY": secrets.token_hex(16),
        "API__WORKERS": "1",
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__PARALLELISM": "2",
        "CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__TEST_CONNECTION": "Enabled",
        "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        # Runs start when they are triggered, never because a clock says so.
        "SCHEDULER__USE_JOB_SCHEDULE": "False",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {f"AIRFLOW__{name}": value for name, value in settings.items()}


def _settings_of_two(url: str) -> dict[str, str]:
    return {
        "AIRFLOW__API__AUTH_BACKENDS": AUTH_BACKENDS,
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        "AIRFLOW__WEBSERVER__BASE_URL": url,
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__WEBSERVER__WORKERS": "1",
    }
