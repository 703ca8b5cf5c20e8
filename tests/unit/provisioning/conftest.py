"""A client of the local Zoom that waits on the test's clock, a report in a folder, a runner."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import Clock, connection, person
from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import settings_from_fields
from zoom_provider.hooks.files import AirflowFiles
from zoom_provider.provisioning.checkpoint import Checkpoint, Ledger, Rows
from zoom_provider.provisioning.directory import Directory
from zoom_provider.provisioning.progress import Progress
from zoom_provider.provisioning.report import Report
from zoom_provider.provisioning.report_files import ReportPaths
from zoom_provider.provisioning.restore import RestoredState
from zoom_provider.provisioning.roster import Row, from_list, read
from zoom_provider.provisioning.runner import Runner, RunnerOptions
from zoom_provider.provisioning.seats import Seats
from zoom_provider.simulator.server import Simulator

RUN = "0123456789ab"
"""The digest of a run."""

BEGIN = Checkpoint(run=RUN, work="work", people="people")


class SharedClock(Clock):
    """A clock that several threads wait on."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            super().sleep(seconds)


def make_client(zoom: Simulator, clock: Callable[[], float], **more: Any) -> ZoomClient:
    fields = json.loads(connection(zoom))
    settings = settings_from_fields(
        login=fields["login"],
        password=fields["password"],
        host=fields["host"],
        port=None,
        extra=fields["extra"],
    )
    given = {"sleep": getattr(clock, "sleep", None), "tokens": TokenCache(), **more}
    return ZoomClient(settings, clock=clock, **given)


@pytest.fixture
def client(zoom: Simulator, clock: Clock) -> Iterator[ZoomClient]:
    made = make_client(zoom, clock)
    yield made
    made.close()


class Meter:
    """Takes metrics and keeps none."""

    def count(self, name: str, number: int = 1) -> None:
        pass

    def timing(self, name: str, seconds: float) -> None:
        pass


def begin_report(path: Path | str, source: str = "", run: str = RUN) -> Report:
    """Begin a report that can be read from its first line on."""
    files = AirflowFiles()
    replaces = files.identity(str(path))
    report = Report(ReportPaths.from_path(str(path)), files, run, source, replaces)
    report.begin()
    return report


@pytest.fixture
def report(tmp_path: Path) -> Iterator[Report]:
    made = begin_report(tmp_path / "report.jsonl")
    yield made
    made.close()


def people(count: int) -> list[dict[str, Any]]:
    """Make up so many people, from p1 on."""
    return [person(number) for number in range(1, count + 1)]


def rows_of(client: ZoomClient, users: Iterable[Any], action: str = "create") -> Iterator[Row]:
    """Make rows of users, as the operator does."""
    return read(from_list(users), lambda user_info: client.validate_user(action, user_info))


MakeRunner = Callable[..., Runner]


class States(list[Checkpoint]):
    """The checkpoints that a runner saved, each as it was then."""

    @property
    def last(self) -> Checkpoint:
        return self[-1]


def make_runner(
    client: ZoomClient,
    report: Report,
    rows: int,
    *,
    directory: Directory | None = None,
    restored: RestoredState | None = None,
    seats: Seats | None = None,
    meter: Any = None,
    states: States | None = None,
    **options: Any,
) -> Runner:
    """
    Make a runner over so many rows, without a list of existing users, one call at a time.

    :param states: gets each checkpoint that is saved
    """
    ledger = Ledger(BEGIN, Rows(range(1, rows + 1)))
    kept = States() if states is None else states
    dry_run = bool(options.get("dry_run"))

    def save() -> None:
        found = ledger.checkpoint(report.counts, progress.seconds, client.calls, 0)
        reread = Checkpoint.from_state(json.loads(json.dumps(found.to_state())))
        assert reread is not None
        kept.append(reread)

    progress = Progress(
        client,
        report.counts,
        meter or Meter(),
        rows,
        BEGIN,
        save,
        dry_run=dry_run,
    )
    own = {name: options.pop(name) for name in ("is_orphaned", "stopped_by") if name in options}
    return Runner(
        client=client,
        directory=directory or Directory(client, "unknown" if dry_run else "listed"),
        report=report,
        ledger=ledger,
        restored=restored or RestoredState(),
        progress=progress,
        options=RunnerOptions(**{"max_concurrency": 1} | options),
        seats=seats,
        **own,
    )


def create(client: ZoomClient, users: Iterable[Any], report: Report, **options: Any) -> Runner:
    """Create users one call at a time, so that the order is certain; return the runner."""
    rows: list[Row] | Iterator[Row]
    rows = users if isinstance(users, Iterator) else list(rows_of(client, users))
    runner = make_runner(client, report, len(rows) if isinstance(rows, list) else 0, **options)
    runner.run(rows)
    return runner


def written(report: Report) -> list[dict[str, Any]]:
    """Read what a report says so far, line by line."""
    path = Path(report.path)
    text = path.read_text("utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def outcomes(report: Report) -> list[tuple[int, str]]:
    """Return row and outcome of each line of a report."""
    return [(line["row"], line["outcome"]) for line in written(report)]


class MemoryStore:
    """Airflow's task state store as a checkpoint store sees it."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self.state = dict(state or {})

    def load(self) -> dict[str, Any]:
        return dict(self.state)

    def save(self, state: Mapping[str, Any]) -> None:
        self.state = json.loads(json.dumps(dict(state)))

    def clear(self) -> None:
        self.state = {}
