"""What stands at the report's path: inputs are never replaced, other runs keep their reports."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    ObjectStoragePath,
    TaskDeferred,
)

from tests.support import DAY, emails, person
from tests.unit.operators.conftest import (
    CreateMany,
    Perform,
    StateStore,
    TaskInstance,
    allow_execute_in_this_thread,
    lines,
    people,
)
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning import report as report_module
from zoom_provider.provisioning.report import RowResult
from zoom_provider.provisioning.report_files import claim_paths
from zoom_provider.provisioning.runner import Runner
from zoom_provider.simulator.server import Simulator

CSV = "email,type\np1@example.com,1\np2@example.com,1\n"
JSON_LINES = '{"email": "p1@example.com", "type": 1}\n'
SAME: list[tuple[str, str]] = [
    ("hr.csv", "hr.jsonl"),
    ("hr.csv", "hr.csv"),
    ("hr.csv", "hr"),
    ("hr.jsonl", "hr.jsonl"),
    ("hr.rejects.csv", "hr.jsonl"),
    ("hr.csv", "sub/../hr.jsonl"),
    ("hr.csv", "link.jsonl"),
]


@pytest.fixture(scope="module", autouse=True)
def _memory() -> None:
    """Let Airflow's object storage know a file system, as a provider would."""
    on_2 = find_spec("airflow.io.store")
    storage: Any = import_module("airflow.io.store" if on_2 else "airflow.sdk.io")
    storage.attach("memory", fs=import_module("fsspec").filesystem("memory"))


@pytest.mark.parametrize("stored", [True, False], ids=["store", "no store"])
@pytest.mark.parametrize(("name", "report"), SAME)
def test_a_report_that_would_replace_the_roster_is_refused_before_any_call(
    name: str,
    report: str,
    stored: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    tmp_path: Path,
    store: StateStore,
) -> None:
    folder = tmp_path / "hr"
    (folder / "sub").mkdir(parents=True)
    roster = folder / name
    roster.write_text(JSON_LINES if name.endswith(".jsonl") else CSV)
    (folder / "link.jsonl").symlink_to(folder / "hr.jsonl")
    (folder / "link.csv").symlink_to(folder / "hr.csv")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    more = {"task_state_store": store} if stored else {}

    with pytest.raises(AirflowFailException, match="report") as raised:
        perform(create_many(roster=str(roster), report=str(folder / report)), **more)

    assert isinstance(raised.value.__cause__, ZoomValidationError)
    assert list(raised.value.__cause__.errors) == ["report"]
    assert "another path" in str(raised.value)
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert connected.requests() == []


@pytest.mark.parametrize("report", ["memory://hr/r.jsonl", "memory://hr/sub/../r.jsonl"])
def test_a_report_that_would_replace_a_roster_in_a_store_is_refused(
    report: str, connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    url = "memory://hr/r.csv"
    ObjectStoragePath(url).write_text(CSV)
    with pytest.raises(AirflowFailException, match="report"):
        perform(create_many(roster=url, report=report))
    assert ObjectStoragePath(url).read_text() == CSV
    assert connected.requests() == []


@pytest.mark.parametrize("name", ["report.jsonl", "report.csv", "report.rejects.csv"])
def test_a_file_that_is_no_report_is_never_replaced(
    name: str, connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    path.parent.mkdir()
    path.with_name(name).write_text(CSV)
    with pytest.raises(AirflowFailException, match=name):
        perform(create_many(users=people(2)))
    assert path.with_name(name).read_text() == CSV
    assert [found.name for found in path.parent.iterdir()] == [name]
    assert connected.requests() == []


@pytest.mark.parametrize("stored", [True, False], ids=["store", "no store"])
def test_two_runs_at_one_path_report_each_of_their_people_once(
    stored: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    ti: TaskInstance,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stores = {run: StateStore() for run in "AB"}

    def execute(run: str, users: Any, resume: Any = None) -> Any:
        ti.run_id = run
        more = {"task_state_store": stores[run]} if stored else {}
        return perform(create_many(users=users, deferrable=True), resume=resume, **more)

    mine, others = people(30), [person(number) for number in range(101, 126)]
    connected.configure(limits_enforced=True, create_cap=10)
    with pytest.raises(TaskDeferred) as deferred:
        execute("A", mine)
    resume = json.loads(json.dumps(deferred.value.kwargs))
    connected.configure(create_cap=1_000)
    connected.advance_clock(DAY)
    other = execute("B", others)
    assert other["outcomes"] == {"invited": 25}
    assert other["report"] == str(path)
    connected.advance_clock(DAY)

    result = execute("A", mine, resume)

    assert result["outcomes"] == {"invited": 30}
    assert sorted(emails(connected)) == sorted(one["email"] for one in [*mine, *others])
    assert {line["email"] for line in lines(Path(result["report"]))} == {
        one["email"] for one in mine
    }
    assert len(lines(Path(result["report"]))) == 30
    # The other run's report is whole, wherever it is now, and the log names both places.
    reports = [p for p in path.parent.glob("*.jsonl") if str(p) != result["report"]]
    (aside,) = [p for p in reports if "roster" not in p.name]
    assert {line["email"] for line in lines(aside)} == {one["email"] for one in others}
    assert str(aside) in caplog.text


def test_a_run_whose_report_was_moved_aside_meanwhile_names_where_it_is(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    ti: TaskInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post = ZoomClient.post_user

    def let_another_run_in(self: ZoomClient, request: Any) -> Any:
        if request.email == "p3@example.com":
            monkeypatch.setattr(ZoomClient, "post_user", post)
            ti.run_id = "other"
            allow_execute_in_this_thread()
            perform(create_many(users=[person(50)]))
            ti.run_id = TaskInstance.run_id
        return post(self, request)

    monkeypatch.setattr(ZoomClient, "post_user", let_another_run_in)
    result = perform(create_many(users=people(6)))
    assert result["outcomes"] == {"invited": 6}
    found = lines(Path(result["report"]))
    assert {line["email"] for line in found} == {one["email"] for one in people(6)}
    assert Path(result["rejects"]).exists()
    assert ti.pushed["report"] == result["report"]
    assert [line["email"] for line in lines(path)] == ["p50@example.com"]


def test_a_task_id_of_any_length_has_a_report(
    connected: Simulator, create_many: CreateMany, perform: Perform, ti: TaskInstance
) -> None:
    ti.task_id = "t" * 246
    result = perform(create_many(users=people(2), report=None))
    assert len(lines(Path(result["report"]))) == 2
    assert Path(result["rejects"]).exists()


def test_a_report_behind_a_link_is_moved_aside_for_another_run(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    ti: TaskInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "runs" / "latest.jsonl"
    for folder in (target.parent, path.parent):
        folder.mkdir()
    path.symlink_to(target)
    perform(create_many(users=people(2)))
    ti.run_id = "another"
    real, claims = claim_paths, []

    def count(*given: Any) -> bool:
        claims.append(given)
        assert len(claims) < 10, "publish never ends"
        return real(*given)

    monkeypatch.setattr(report_module, "claim_paths", count)
    result = perform(create_many(users=[person(8)]))
    assert [line["email"] for line in lines(Path(result["report"]))] == ["p8@example.com"]
    assert path.resolve() == target
    [aside] = [file for file in path.parent.glob("report.*.jsonl") if "roster" not in file.name]
    assert len(lines(aside)) == 2


@pytest.mark.parametrize("stored", [False, True], ids=["no store", "store"])
def test_a_report_whose_folder_is_deleted_in_mid_run_is_written_again_by_a_retry(
    stored: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more = {"task_state_store": store} if stored else {}
    real = Runner._write_result

    def write(self: Runner, result: RowResult, **settled: bool) -> None:
        if result.row == 3:
            shutil.rmtree(path.parent)
        real(self, result, **settled)

    with monkeypatch.context() as patch:
        patch.setattr(Runner, "_write_result", write)
        with pytest.raises(FileNotFoundError, match="run the task again"):
            perform(create_many(users=people(4)), **more)
    result = perform(create_many(users=people(4)), **more)
    assert result["outcomes"] == {"invited": 4}
    assert [line["row"] for line in lines(Path(result["report"]))] == [1, 2, 3, 4]
    assert len(connected.requests("POST /v2/users")) == 4


def test_a_line_break_in_a_path_forges_no_line_of_the_log(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    ti: TaskInstance,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    report = str(tmp_path / "r\nERROR forged.jsonl")
    roster = tmp_path / "hr\nERROR forged.csv"
    roster.write_text(CSV)
    perform(create_many(roster=str(roster), report=report))
    ti.run_id = "another"
    perform(create_many(users=people(1), report=report))
    roster.write_text("no,columns\n1,2\n")
    with pytest.raises(AirflowFailException) as raised:
        perform(create_many(roster=str(roster), report=report))
    texts = [record.getMessage() for record in caplog.records]
    assert any("another run" in text for text in texts)
    assert [text for text in [*texts, str(raised.value)] if "\n" in text] == []
