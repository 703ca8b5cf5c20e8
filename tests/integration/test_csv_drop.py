"""HR's file drop: what lies in a folder or in a bucket, and whom the DAG creates of it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from child_processes import free_port
from dags import zoom_onboarding_csv as example
from tests.readme import block, blocks, codes, table
from tests.support import calls, emails, run_dag, told_asset
from zoom_provider.simulator.server import Simulator

SAMPLE = Path(__file__).parents[2] / "dags" / "data" / "hr_export.csv"
COLUMNS = SAMPLE.read_text(encoding="utf-8").splitlines()[0].split(",")
EXISTING, FOREIGN = "sofia.garcia@example.com", "liam.murphy@example.net"
PAGE = "docs/sources/csv.md"

# On Sunday, 1 March, at 5:00 in Berlin, it is the eve of the 2nd.
SUNDAY = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
BUCKETS = count(1)


@dataclass
class Folder:
    """A folder on this machine."""

    url: str

    def put(self, name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        Path(self.url, name).write_bytes(data)

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

    def get(self, name: str) -> str | None:
        try:
            found = self.client.get_object(Bucket=self.name, Key=f"inbox/{name}")
        except self.client.exceptions.NoSuchKey:
            return None
        return str(found["Body"].read().decode())


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """Run an S3 API that Airflow's connection aws_default leads to; give a client of it."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    port = free_port(0)
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    extra = {"endpoint_url": f"http://127.0.0.1:{port}", "region_name": "eu-central-1"}
    fields = {"login": KEYS["aws_access_key_id"], "password": KEYS["aws_secret_access_key"]}
    aws = json.dumps({"conn_type": "aws", **fields, "extra": extra})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws)
        yield boto3.client("s3", **KEYS, **extra)
    server.stop()


@pytest.fixture
def bucket(s3: Any) -> Bucket:
    name = f"hr-drop-{next(BUCKETS)}"
    place = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return Bucket(f"s3://aws_default@{name}/inbox", s3, name)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "inbox").mkdir()
    return Folder(str(tmp_path / "inbox"))


@pytest.fixture(params=["folder", "bucket"])
def drop(request: pytest.FixtureRequest) -> Folder:
    found: Folder = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Give the DAG a clock, an hour ahead: whatever lies there has been quiet for long."""
    clock = SimpleNamespace(ahead=3600.0)
    clock.time = lambda: time.time() + clock.ahead
    monkeypatch.setattr(example, "time", clock)
    return clock


@pytest.fixture
def zoom(airflow_db: Path, watch: SimpleNamespace, connected: Simulator) -> Simulator:
    """Give the local Zoom of the connection; a run may start."""
    return connected


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


# ---- a folder and a bucket alike


def test_dropped_people_are_in_zoom_and_their_file_is_read_no_more(
    drop: Folder, zoom: Simulator
) -> None:
    text = export({ANN: "2026-03-02", BOB: "2026-02-02"})
    drop.put("hr.csv", text)

    first = run(drop)
    assert first.state == "success"
    assert sorted(emails(zoom)) == [ANN, BOB]
    mark = drop.mark("hr.csv")
    assert (mark["size"], mark["run_id"]) == (len(text), first.run_id)
    assert mark["outcomes"] == {"invited": 2}
    assert told_asset(first) == [{"invited": 2}]
    assert Path(mark["report"]).exists()

    before = len(calls(zoom))
    second = run(drop)
    assert (second.state, returned(second)) == ("success", [])
    assert len(calls(zoom)) == before
    assert drop.mark("hr.csv") == mark

    # A worker's process may have run the DAG before, and remember what lay there then.
    drop.put("next.csv", export({EVE: "2026-03-02"}))
    run(drop)
    assert sorted(emails(zoom)) == [ANN, BOB, EVE]


def test_what_may_still_be_written_is_left_to_the_next_run(
    drop: Folder,
    zoom: Simulator,
    watch: SimpleNamespace,
    caplog: pytest.LogCaptureFixture,
) -> None:
    drop.put("hr.csv", export({ANN: "2026-03-02"}))
    drop.put("hr.csv.part", export({BOB: "2026-03-02"}))
    watch.ahead = 0

    assert run(drop).state == "success"
    assert emails(zoom) == []
    assert drop.mark("hr.csv") is None
    assert "hr.csv has just changed; it is left to the next run" in caplog.text

    watch.ahead = 3600
    run(drop)
    assert emails(zoom) == [ANN]
    assert drop.mark("hr.csv")["outcomes"] == {"invited": 1}


def test_a_file_that_was_replaced_is_read_anew(drop: Folder, zoom: Simulator) -> None:
    drop.put("hr.csv", export({ANN: "2026-03-02"}))
    run(drop)
    drop.put("hr.csv", export({ANN: "2026-03-02", BOB: "2026-03-02"}))

    assert outcomes(run(drop)) == {"existing": 1, "invited": 1}
    assert sorted(emails(zoom)) == [ANN, BOB]
    assert drop.mark("hr.csv")["outcomes"] == {"existing": 1, "invited": 1}


def test_who_starts_later_keeps_the_file_open_until_their_eve(
    drop: Folder, zoom: Simulator
) -> None:
    drop.put("hr.csv", export({ANN: "2026-03-02", EVE: "2026-03-05"}))

    for days, expected in ((0, [ANN]), (2, [ANN]), (3, [ANN, EVE])):
        assert run(drop, SUNDAY + timedelta(days=days)).state == "success"
        assert emails(zoom) == expected
        assert (drop.mark("hr.csv") is not None) == (EVE in expected)


def test_files_that_are_no_exports_are_named_and_hold_nobody_up(
    drop: Folder, zoom: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    text = export({ANN: "2026-03-02"}, Location="Zürich")
    drop.put("1 latin.csv", text.encode("latin-1"))
    drop.put("2 other.csv", text.replace("Hire Date", "Start"))
    drop.put("3 excel.csv", text.replace(",", ";"))
    drop.put("4 empty.csv", b"")
    drop.put("5 good.csv", "\ufeff" + export({BOB: "2026-03-02"}))

    done = run(drop)

    assert done.state == "failed"
    assert states(done) == {"extract": "success", "create_users": "success", "summarize": "failed"}
    assert emails(zoom) == [BOB]
    # The last words of the run, in one line.
    assert (
        "AirflowFailException: "
        "roster 1 latin.csv is not UTF-8; export it as CSV UTF-8; "
        "roster 2 other.csv has no column 'Hire Date' in its header, for first days; "
        "roster 3 excel.csv separates its columns by ';'; export it with commas; "
        "roster 4 empty.csv is empty; its first row must name the columns\n"
    ) in capsys.readouterr().out
    names = ("1 latin", "2 other", "3 excel", "4 empty", "5 good")
    assert [name for name in names if drop.mark(f"{name}.csv")] == ["5 good"]


# ---- a bucket


def test_the_report_may_lie_in_a_bucket(
    bucket: Bucket, zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("hr.csv", export({ANN: "2026-03-02", "no address": "2026-03-02"}))
    report = f"{bucket.url}/reports/{{{{ run_id }}}}.jsonl"
    monkeypatch.setattr(example.dag.get_task("create_users"), "report", report)

    done = run(bucket)

    assert outcomes(done) == {"invited": 1, "rejected": 1}
    text = bucket.get(f"reports/{done.run_id}.jsonl")
    assert {json.loads(line)["email"] for line in (text or "").splitlines()} == {ANN, "no address"}


def test_a_bucket_where_nothing_was_ever_dropped(bucket: Bucket, zoom: Simulator) -> None:
    assert states(run(bucket)) == {
        **{"extract": "failed", "create_users": "upstream_failed", "summarize": "failed"}
    }


# ---- what does not depend on where it lies


def test_a_folder_that_nobody_named_or_made(
    folder: Folder,
    zoom: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(Folder("")).state == "failed"
    assert "There is no folder ''" in capsys.readouterr().out
    assert run(Folder("/nowhere/hr")).state == "failed"
    assert "There is no folder '/nowhere/hr'" in capsys.readouterr().out

    assert run(Folder("nostore://hr-drop/inbox")).state == "failed"
    assert "nostore://hr-drop/inbox needs a provider" in capsys.readouterr().out

    monkeypatch.setenv("AIRFLOW_VAR_ZOOM_HR_FOLDER", folder.url)
    folder.put("hr.csv", export({ANN: "2026-03-02"}))
    run(Folder(""))
    assert emails(zoom) == [ANN]


def test_the_oldest_file_comes_first_and_each_row_can_be_traced(
    folder: Folder, zoom: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    folder.put("a.csv", export({ANN.upper(): "2026-03-02", "nobody": "2026-03-02", EVE: "?"}))
    folder.put("b.CSV", export({ANN: "2026-03-02"}))
    earlier = time.time() - 60
    os.utime(Path(folder.url, "b.CSV"), (earlier, earlier))

    listed = returned(run(folder))

    assert [(line["email"], line["outcome"], line["key"]) for line in listed] == [
        (ANN, "invited", "b.CSV row 2, employee 1"),
        (ANN.upper(), "duplicate", "a.csv row 2, employee 1"),
        ("nobody", "rejected", "a.csv row 3, employee 2"),
        (EVE, "no_start_date", "a.csv row 4, employee 3"),
    ]
    assert [line["reason"] for line in listed][1:] == [
        "duplicate of b.CSV row 2, employee 1",
        "user_info.email: must have exactly one @",
        "hire date '?' is not a date",
    ]
    mark = folder.mark("a.csv")
    assert mark["outcomes"] == {"duplicate": 1, "rejected": 1, "no_start_date": 1}
    report = Path(mark["report"]).read_text(encoding="utf-8")
    traced = {line["key"]: line["source"] for line in map(json.loads, report.splitlines())}
    assert traced["a.csv row 3, employee 2"] == folder.url
    assert "key a.csv row 3, employee 2, nobody: rejected" in caplog.text
    assert "Doe" not in caplog.text


def test_a_file_in_which_a_quotation_mark_swallows_rows_is_named_and_stays_open(
    folder: Folder, zoom: Simulator
) -> None:
    text = export({ANN: "2026-03-02", BOB: "2026-03-02", EVE: "2026-03-02"})
    broken = text.replace(BOB, f'"{BOB}', 1)
    folder.put("hr.csv", broken)

    done = run(folder)

    assert (done.state, zoom.people()) == ("failed", [])
    [fault] = returned(done, "extract")["faults"]
    assert fault.startswith("roster hr.csv is not CSV from line 3 on")
    assert folder.mark("hr.csv") is None

    folder.put("hr.csv", text)
    assert outcomes(run(folder)) == {"invited": 3}


def test_a_dry_run_marks_no_file(
    folder: Folder, zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("hr.csv", export({ANN: "2026-03-02"}))

    with monkeypatch.context() as patch:
        patch.setattr(example.create_users, "only_told", True)
        done = run(folder)
    assert (outcomes(done), zoom.people()) == ({"invited": 1}, [])
    assert folder.mark("hr.csv") is None

    assert outcomes(run(folder)) == {"invited": 1}
    assert (emails(zoom), folder.mark("hr.csv")["outcomes"]) == ([ANN], {"invited": 1})


def test_a_folder_inside_is_not_looked_at_whatever_its_name(drop: Folder, zoom: Simulator) -> None:
    if not isinstance(drop, Bucket):
        Path(drop.url, "2025.csv").mkdir()
    drop.put("2025.csv/old.csv", export({BOB: "2026-03-02"}))
    drop.put("hr.csv", export({ANN: "2026-03-02"}))

    assert run(drop).state == "success"
    assert emails(zoom) == [ANN]


def test_the_row_of_a_file_with_a_long_name_can_be_traced(folder: Folder, zoom: Simulator) -> None:
    name = f"{'new hires of all countries, corrected, ' * 5}final.csv"
    folder.put(name, export({"nobody": "2026-03-02"}))

    done = run(folder)

    report = Path(folder.mark(name)["report"]).read_text(encoding="utf-8")
    assert json.loads(report)["key"] == returned(done)[0]["key"] == f"{name} row 2, employee 1"


def test_who_was_refused_by_zoom_keeps_the_file_open(
    folder: Folder, zoom: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.configure(foreign_accounts={ANN: "free"})
    folder.put("hr.csv", export({ANN: "2026-03-02"}))

    first = run(folder)
    assert (first.state, outcomes(first)) == ("success", {"foreign_account": 1})
    assert folder.mark("hr.csv") is None
    assert "hr.csv stays open: 1 foreign_account" in caplog.text

    zoom.configure(foreign_accounts={})
    assert outcomes(run(folder)) == {"invited": 1}
    assert folder.mark("hr.csv")["outcomes"] == {"invited": 1}


def test_a_file_that_changes_while_it_is_read_is_left_to_the_next_run(
    drop: Folder, zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    read_bytes = ObjectStoragePath.read_bytes

    def meanwhile(path: Any) -> Any:
        found = read_bytes(path)
        drop.put("hr.csv", export({ANN: "2026-03-02", BOB: "2026-03-02"}))
        return found

    drop.put("hr.csv", export({ANN: "2026-03-02"}))
    with monkeypatch.context() as patch:
        patch.setattr(ObjectStoragePath, "read_bytes", meanwhile)
        assert run(drop).state == "success"
    assert emails(zoom) == []

    run(drop)
    assert sorted(emails(zoom)) == [ANN, BOB]
    assert drop.mark("hr.csv")["outcomes"] == {"invited": 2}


def test_half_a_mark_is_none(folder: Folder, zoom: Simulator) -> None:
    folder.put("hr.csv", export({ANN: "2026-03-02"}))
    folder.put("hr.csv.done", '{"size": ')

    run(folder)

    assert emails(zoom) == [ANN]
    assert folder.mark("hr.csv")["outcomes"] == {"invited": 1}


def test_by_hand_marks_do_not_count_and_none_is_made(folder: Folder, zoom: Simulator) -> None:
    days = {f"day{day}@example.com": f"2026-03-{day:02}" for day in range(1, 6)}
    folder.put("marked.csv", export(days))
    run(folder, SUNDAY + timedelta(days=10))
    mark = folder.get("marked.csv.done")
    zoom.reset()
    folder.put("new.csv", export({ANN: "2026-03-03"}))

    run(folder, None, **{"from": "2026-03-02", "to": "2026-03-04"})

    # They come several at once, in any order.
    assert sorted(emails(zoom)) == sorted([ANN, *list(days)[1:4]])
    assert (folder.get("marked.csv.done"), folder.mark("new.csv")) == (mark, None)


def test_without_interval_and_dates_all_up_to_tomorrow_are_meant(
    folder: Folder, zoom: Simulator
) -> None:
    def today() -> date:
        return datetime.now(ZoneInfo("Europe/Berlin")).date()

    before = today()
    hired = {f"day{n}@example.com": before + timedelta(days=n) for n in range(-1, 4)}
    folder.put("hr.csv", export(hired))

    run(folder, None)

    # A run over midnight may mean either day.
    possible = [(day - before).days + 1 for day in (before, today())]
    assert sorted(emails(zoom)) in [sorted(list(hired)[: last + 2]) for last in possible]
    assert folder.mark("hr.csv") is None


def test_the_sample_run_twice_creates_nobody_twice(folder: Folder, zoom: Simulator) -> None:
    zoom.configure(foreign_accounts={FOREIGN: "free"})
    zoom.seed({"email": EXISTING, "first_name": "Sofía", "last_name": "García", "type": 2})
    folder.put("hr_export.csv", SAMPLE.read_bytes())

    counts, people = [], []
    for _ in range(2):
        done = run(folder)
        assert done.state == "success"
        counts.append(outcomes(done))
        people.append(zoom.people())

    assert people[0] == people[1]
    assert len(people[0]) == 39
    rest = {"foreign_account": 1, "rejected": 3, "duplicate": 1, "no_start_date": 2}
    assert counts == [{"invited": 38, "existing": 1, **rest}, {"existing": 39, **rest}]


def test_everybody_with_a_first_day_in_the_run_is_told_and_no_name_is(
    folder: Folder,
    zoom: Simulator,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder.put("hr_export.csv", SAMPLE.read_bytes())

    done = run(folder, None, **{"from": "2026-03-02"})

    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    due = [row for row in rows if row["Hire Date"] in ("2026-03-02", "", "0000-00-00")]
    assert len(due) >= 40
    told = [person["email"] for person in returned(done)]
    assert sorted(told) == sorted(row["Work Email"] for row in due)
    # What a task returns is not written through the logger that caplog hears.
    said = caplog.text + "".join(capfd.readouterr())
    for row in due:
        assert row["Work Email"] in caplog.text
        # What is plain ASCII may be a part of an address.
        assert row["Last Name"].isascii() or row["Last Name"] not in said


def test_too_many_rejects_turn_the_run_red_after_the_summary(
    folder: Folder, zoom: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    hired = {f"no address {n}": "2026-03-02" for n in range(11)}
    folder.put("hr.csv", export({**hired, ANN: "2026-03-02"}))

    done = run(folder)

    assert states(done) == {"extract": "success", "create_users": "failed", "summarize": "failed"}
    assert emails(zoom) == [ANN]
    assert "In all: 11 rejected, 1 invited" in caplog.text
    assert folder.mark("hr.csv") is None


def test_a_run_that_zoom_lets_not_in_is_red_and_marks_nothing(
    folder: Folder, zoom: Simulator
) -> None:
    zoom.configure(client_secret="another")
    folder.put("hr.csv", export({ANN: "2026-03-02"}))

    done = run(folder)

    assert (done.state, states(done)["summarize"]) == ("failed", "failed")
    assert zoom.people() == []
    assert folder.mark("hr.csv") is None


# ---- the page about it


def test_the_page_shows_what_the_dag_says() -> None:
    code = Path(example.__file__).read_text(encoding="utf-8")
    shown = [b.code for b in blocks(PAGE) if b.language == "python"]
    assert len(shown) == 2
    assert [piece for piece in shown if piece not in code] == []
    assert [b.mark for b in blocks(PAGE) if b.language == "bash"] == ["run by a test: bucket"]


def test_the_settings_of_the_page_lead_to_a_bucket(
    s3: Any, zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("AIRFLOW_VAR_ZOOM_HR_FOLDER", "AIRFLOW_CONN_AWS_DEFAULT")
    printed = " ".join(f'"${name}"' for name in names)
    command = f"{block('bucket', PAGE)}\nprintf '%s\\0' {printed}"
    said = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, check=True)
    folder, connection = said.stdout.split("\0")[:2]
    aws = json.loads(connection)
    assert "endpoint_url" not in aws["extra"]
    aws["extra"]["endpoint_url"] = s3.meta.endpoint_url
    monkeypatch.setenv(names[0], folder)
    # A store is attached once for each connection's id.
    monkeypatch.setenv("AIRFLOW_CONN_OF_THE_PAGE", json.dumps(aws))
    bucket = Bucket(folder.replace("aws_default", "of_the_page"), s3, "hr-drop")
    place = {"LocationConstraint": aws["extra"]["region_name"]}
    s3.create_bucket(Bucket=bucket.name, CreateBucketConfiguration=place)
    bucket.put("hr.csv", export({ANN: "2026-03-02"}))

    run(bucket)
    assert emails(zoom) == [ANN]
    assert bucket.mark("hr.csv")["outcomes"] == {"invited": 1}

    bucket.put("hr.csv", export({ANN: "2026-03-02", BOB: "2026-03-02"}))
    run(Folder(""))
    assert sorted(emails(zoom)) == [ANN, BOB]


def test_the_page_lists_what_the_dag_says_of_a_file(folder: Folder, zoom: Simulator) -> None:
    text = export({ANN: "2026-03-02"}, Location="Zürich")
    said = set()
    for content in (
        text.encode("latin-1"),
        text.replace(",", ";"),
        text.replace("Hire Date", "Start"),
        text.replace("Location", "Hire Date"),
        text.replace("Jane", '"Jane'),
        "",
    ):
        folder.put("hr.csv", content)
        said |= set(returned(run(folder), "extract")["faults"])
    errors = [codes(row[0])[0] for row in table("| error", page=PAGE)]
    assert said == {error for error in errors if "hr.csv" in error}
    source = Path(example.__file__).read_text(encoding="utf-8")
    rest = [error for error in errors if error not in said]
    assert [error for error in rest if error.removeprefix("1") not in source] == []
