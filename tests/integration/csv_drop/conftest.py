"""HR's file drop: a folder or a bucket, and the DAG that reads it."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dags import zoom_onboarding_csv as example
from devstack.processes import free_port
from tests.support import run_dag
from zoom_provider.simulator.server import Simulator

SAMPLE = Path(__file__).parents[3] / "dags" / "data" / "hr_export.csv"
COLUMNS = SAMPLE.read_text(encoding="utf-8").splitlines()[0].split(",")

# On Sunday, 1 March, at 5:00 in Berlin, it is the eve of the 2nd.
SUNDAY = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
BUCKETS = count(1)
VARIABLE = "AIRFLOW_VAR_ZOOM_HR_FOLDER"


@dataclass
class Folder:
    """A folder on this machine."""

    url: str

    def put(self, name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        path = Path(self.url, name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    def remove(self, name: str) -> None:
        Path(self.url, name).unlink(missing_ok=True)

    def get(self, name: str) -> str | None:
        path = Path(self.url, name)
        return path.read_text(encoding="utf-8") if path.exists() else None

    def mark(self, name: str) -> Any:
        """Return what stands in the mark of a file; None where it has none."""
        return json.loads(self.get(f"{name}.done") or "null")


@dataclass
class Bucket(Folder):
    """The same behind an S3 API."""

    client: Any
    name: str

    def put(self, name: str, content: str | bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=f"inbox/{name}", Body=content)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=f"inbox/{name}")

    def get(self, name: str) -> str | None:
        try:
            found = self.client.get_object(Bucket=self.name, Key=f"inbox/{name}")
        except self.client.exceptions.NoSuchKey:
            return None
        return str(found["Body"].read().decode())


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    """Run an S3 API, one for all tests since Airflow attaches a store once; give a client of it."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    port = free_port(0)
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    url = f"http://127.0.0.1:{port}"
    yield boto3.client("s3", **KEYS, endpoint_url=url, region_name="eu-central-1")
    server.stop()


@pytest.fixture
def bucket(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Make a bucket that Airflow's connection aws_default leads to."""
    extra = {"endpoint_url": s3.meta.endpoint_url, "region_name": s3.meta.region_name}
    fields = {"login": KEYS["aws_access_key_id"], "password": KEYS["aws_secret_access_key"]}
    aws = json.dumps({"conn_type": "aws", **fields, "extra": extra})
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws)
    name = f"hr-drop-{next(BUCKETS)}"
    place = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    found = Bucket(f"s3://aws_default@{name}/inbox", s3, name)
    monkeypatch.setenv(VARIABLE, found.url)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """Make a folder that the deployment's Variable names."""
    (tmp_path / "inbox").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "inbox"))
    return Folder(str(tmp_path / "inbox"))


@pytest.fixture(params=["folder", "bucket"])
def drop(request: pytest.FixtureRequest) -> Folder:
    found: Folder = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """
    Give the DAG a clock, an hour ahead: whatever lies there has been quiet for long.

    Where it waits, the clock moves instead, and ``meanwhile`` happens.
    """

    def sleep(seconds: float) -> None:
        clock.slept += seconds
        clock.now += seconds
        clock.meanwhile()

    clock = SimpleNamespace(now=time.time() + 3600, slept=0, sleep=sleep, meanwhile=lambda: None)
    clock.time = lambda: clock.now
    monkeypatch.setattr(example, "time", clock)
    return clock


@pytest.fixture
def zoom(airflow_db: Path, watch: SimpleNamespace, connected: Simulator) -> Simulator:
    """Give the local Zoom of the connection; a run may start."""
    return connected


@pytest.fixture
def dropped_while_read(monkeypatch: pytest.MonkeyPatch) -> Callable[[Folder, int], None]:
    """Let HR drop hr.csv with one more person during each of the first reads."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    read_bytes = ObjectStoragePath.read_bytes

    def arrange(drop: Folder, times: int) -> None:
        left = [{f"p{n}@example.com": "2026-03-02" for n in range(m)} for m in range(times, 0, -1)]

        def meanwhile(path: Any) -> Any:
            found = read_bytes(path)
            if path.name == "hr.csv" and left:
                drop.put("hr.csv", export({ANN: "2026-03-02", **left.pop()}))
            return found

        monkeypatch.setattr(ObjectStoragePath, "read_bytes", meanwhile)

    return arrange


def run(drop: Folder, when: datetime | None = SUNDAY, **conf: str) -> Any:
    """Run the DAG to its end."""
    # A DAG object keeps what its last test run was started with.
    every = {"folder": drop.url, "from": None, "to": None, **conf}
    return run_dag(example.dag, logical_date=when, run_conf=every)


def returned(run: Any, task_id: str = "summarize") -> Any:
    return run.get_task_instance(task_id).xcom_pull(task_ids=task_id)


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def outcomes(run: Any) -> dict[str, int]:
    return Counter(person["outcome"] for person in returned(run))


def export(people: Mapping[str, object], **columns: str) -> str:
    """Write an export of people with these addresses and first days."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS)
    writer.writeheader()
    for number, (email, hired) in enumerate(people.items(), start=1):
        row = {"Employee #": number, "Work Email": email, "Hire Date": hired}
        name = {"First Name": "Jane", "Last Name": "Doe", "Zoom License": "Basic"}
        writer.writerow({**row, **name, **columns})
    return stream.getvalue()


ANN, BOB, EVE = (f"{name}@example.com" for name in ("ann", "bob", "eve"))
