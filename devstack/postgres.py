"""
A PostgreSQL from the machine's own packages, on a folder of its own.

It runs until the ``with`` block ends, and leaves nothing behind. Every user of this machine may log
in without a password: keep only made-up data there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from devstack.processes import StackError, free_port

USER = "airflow"


@dataclass(frozen=True)
class Server:
    """
    A running PostgreSQL.

    :param port: where it listens on 127.0.0.1
    :param folder: has its socket
    """

    port: int
    folder: Path

    def url(self, database: str) -> str:
        """Give the URL of a database as SQLAlchemy, and so Airflow's own settings, have it."""
        return f"postgresql+psycopg2://{USER}@127.0.0.1:{self.port}/{database}"

    def connection(self, database: str) -> dict[str, Any]:
        """Give the fields of an Airflow connection to a database."""
        where = {"host": "127.0.0.1", "port": self.port}
        return {"conn_type": "postgres", **where, "login": USER, "schema": database}

    def create_database(self, database: str) -> None:
        """Make an empty database."""
        _run("createdb", *self._reach(), "--maintenance-db=postgres", database)

    def run_sql(self, database: str, sql: str) -> str:
        """Run statements, all of them or none; give what they print, without headings."""
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--single-transaction"]
        stop = "--set=ON_ERROR_STOP=1"
        return _run("psql", *self._reach(), *options, stop, f"--dbname={database}", given=sql)

    def _reach(self) -> list[str]:
        return [f"--host={self.folder}", f"--port={self.port}", f"--username={USER}"]


@contextlib.contextmanager
def running(
    *settings: str, port: int = 0, output: IO[str] | int = subprocess.DEVNULL
) -> Iterator[Server]:
    """
    Run a PostgreSQL until the block ends.

    :param settings: of the server, as ``name=value``
    :param port: to listen on; 0 for any
    :param output: takes what the server prints
    """
    if program("initdb") is None:
        raise StackError("PostgreSQL is not installed; Debian's package is postgresql")
    # Not inside a folder of ours, which PostgreSQL's own user may not be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="zoom-postgresql-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = ("-D", str(folder / "data"))
        locale = ("--encoding=UTF8", "--locale=C.UTF-8")
        _run("initdb", *data, f"--username={USER}", "--auth=trust", *locale, as_owner=folder)
        server = Server(port or free_port(0), folder)
        # Nothing here must outlive a power cut: no waiting for the disk.
        options = ["listen_addresses=127.0.0.1", "fsync=off", *settings]
        given = [f"-k {folder} -p {server.port}", *(f"-c {option}" for option in options)]
        try:
            # Returns when the server takes connections.
            start = ("-w", "-o", " ".join(given), "start")
            _run("pg_ctl", *data, *start, as_owner=folder, output=output)
            yield server
        finally:
            # At once, with sessions still open. It ends all that it has started.
            with contextlib.suppress(StackError):
                _run("pg_ctl", *data, "-w", "-m", "immediate", "stop", as_owner=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> str | None:
    """Find one of PostgreSQL's programs; Debian keeps them in a folder for each version."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = max(versions, key=lambda path: float(path.parts[4]), default=None)
    return str(newest) if newest else shutil.which(name)


def _run(
    name: str,
    *arguments: str,
    as_owner: Path | None = None,
    given: str = "",
    output: IO[str] | int = subprocess.PIPE,
) -> str:
    """
    Run one of PostgreSQL's programs to its end; give what it prints.

    :param as_owner: a folder to run it in; the server refuses to be root, and becomes its owner
    """
    owner: dict[str, Any] = {"cwd": as_owner} if as_owner else {}
    if as_owner and os.geteuid() == 0:
        owner |= {"user": "postgres", "group": "postgres", "extra_groups": []}
    done = subprocess.run(
        [program(name) or name, *arguments],
        **owner,
        input=given,
        stdout=output,
        stderr=subprocess.STDOUT if output is not subprocess.PIPE else subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise StackError(f"{name} failed: {done.stderr or 'see what the server printed'}")
    return done.stdout or ""
