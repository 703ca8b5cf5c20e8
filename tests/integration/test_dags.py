"""The example DAGs, run by a real Airflow against the local Zoom."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from zoom_provider.simulator.server import Simulator

DAGS = Path(__file__).parents[2] / "dags"
SAMPLE = DAGS / "data" / "hr_export.csv"
EXISTING, FOREIGN = "sofia.garcia@example.com", "liam.murphy@example.net"
JANE = {"email": "jane@example.com", "type": 1, "first_name": "Jane", "last_name": "Doe"}

# The sample's first day is Monday, 2 March. Its eve lies within this run's interval, which ends on
# Sunday at 5:00 in Berlin.
SUNDAY_MORNING = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)

RunDag = Callable[..., Any]


@pytest.fixture(scope="module")
def example_dags(airflow_db: Path) -> Iterator[None]:
    """Let Airflow find the examples and nothing else."""
    bundle = {
        "name": "examples",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(DAGS)},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
        yield


@pytest.fixture
def run_dag(example_dags: None, zoom: Simulator, monkeypatch: pytest.MonkeyPatch) -> RunDag:
    """Run an example to its end, without a logical date unless one is given; return the run."""
    from airflow.dag_processing.dagbag import DagBag

    connection = {
        "conn_type": "zoom",
        "host": zoom.url,
        "login": zoom.settings.client_id,
        "password": zoom.settings.client_secret,
        "extra": {"account_id": zoom.settings.account_id, "plan": "business"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", json.dumps(connection))

    def run(dag_id: str, conf: dict[str, Any] | None = None, **dates: Any) -> Any:
        bag = DagBag(DAGS / f"{dag_id}.py")
        assert bag.import_errors == {}
        return bag.dags[dag_id].test(run_conf=conf, **{"logical_date": None, **dates})

    return run


def returned(run: Any, task_id: str) -> Any:
    return run.get_task_instance(task_id).xcom_pull(task_ids=task_id)


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def emails(zoom: Simulator) -> list[str]:
    return [person["email"] for person in zoom.people()]


def sample() -> list[dict[str, str]]:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_export(path: Path, people: Mapping[str, object]) -> str:
    """Write an export of people with these addresses and hire dates."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, sample()[0])
        writer.writeheader()
        for email, hired in people.items():
            row = {"Work Email": email, "Hire Date": hired, "Zoom License": "Basic"}
            writer.writerow({"First Name": "Jane", "Last Name": "Doe", **row})
    return str(path)


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        pytest.param(
            {}, {"email": "jane.doe@example.com", "type": 1, "status": "pending"}, id="defaults"
        ),
        pytest.param(
            {"user_info": {**JANE, "type": "2"}, "action": "ssoCreate"},
            {**JANE, "type": 2, "status": "active"},
            id="another action, and the type as text",
        ),
        pytest.param(
            {"user_info": {**JANE, "first_name": "{{ 6 * 7 }}", "last_name": 'O\'Neil "Jr" {%'}},
            {**JANE, "first_name": "{{ 6 * 7 }}", "last_name": 'O\'Neil "Jr" {%'},
            id="what a person typed is no template",
        ),
    ],
)
def test_one_person_is_created_from_what_a_trigger_sends(
    run_dag: RunDag, zoom: Simulator, conf: dict[str, Any], expected: dict[str, Any]
) -> None:
    zoom.configure(sso="on")

    run = run_dag("zoom_create_user", conf)

    assert run.state == "success"
    (person,) = zoom.people()
    assert {name: person[name] for name in expected} == expected
    result = returned(run, "create_user")
    assert (result["id"], result["status"]) == (person["id"], person["status"])


@pytest.mark.parametrize(
    ("if_exists", "state", "first_name", "outcome"),
    [
        ("fail", "failed", "Janet", None),
        ("skip", "success", "Janet", "existing"),
        ("update", "success", "Jane", "updated"),
    ],
)
def test_a_person_who_is_there_already(
    run_dag: RunDag,
    zoom: Simulator,
    if_exists: str,
    state: str,
    first_name: str,
    outcome: str | None,
) -> None:
    zoom.seed({**JANE, "first_name": "Janet"})

    run = run_dag("zoom_create_user", {"user_info": JANE, "if_exists": if_exists})

    assert run.state == state
    assert [person["first_name"] for person in zoom.people()] == [first_name]
    assert (returned(run, "create_user") or {}).get("outcome") == outcome


def test_a_password_is_refused_before_there_is_a_run(run_dag: RunDag, zoom: Simulator) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match="password"):
        run_dag("zoom_create_user", {"user_info": {**JANE, "password": "Correct9Horse"}})

    assert zoom.requests() == []


def test_mapped_hires_each_have_a_task_and_exist_once(run_dag: RunDag, zoom: Simulator) -> None:
    first = run_dag("zoom_onboarding_mapped")
    created = zoom.people()
    labels = [ti.rendered_map_index for ti in first.get_task_instances() if ti.map_index >= 0]
    again = run_dag("zoom_onboarding_mapped")

    assert (first.state, again.state) == ("success", "success")
    assert zoom.people() == created
    names = {(person["first_name"], person["last_name"]) for person in created}
    assert names == {("Ada", "Nwosu"), ("Björn", "Åkerman"), ("민서", "박")}
    assert sorted(labels) == sorted(person["email"] for person in created)


def test_an_export_run_twice_creates_nobody_twice(run_dag: RunDag, zoom: Simulator) -> None:
    zoom.configure(foreign_accounts={FOREIGN: "free"})
    zoom.seed({"email": EXISTING, "first_name": "Sofía", "last_name": "García", "type": 2})

    summaries, people = [], []
    for _ in range(2):
        run = run_dag("zoom_onboarding_csv", logical_date=SUNDAY_MORNING)
        assert run.state == "success"
        summaries.append(returned(run, "summarize"))
        people.append(zoom.people())

    assert people[0] == people[1]
    assert len(people[0]) == 38
    rest = {"foreign_account": 1, "rejected": 3, "duplicate": 1, "no_start_date": 2}
    counts = [Counter(person["outcome"] for person in summary) for summary in summaries]
    assert counts == [{"invited": 37, "existing": 1, **rest}, {"existing": 38, **rest}]


def test_everybody_with_a_first_day_in_the_run_is_in_its_summary(
    run_dag: RunDag, zoom: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_dag("zoom_onboarding_csv", {"from": "2026-03-02"})

    due = [row for row in sample() if row["Hire Date"] in ("2026-03-02", "", "0000-00-00")]
    assert len(due) >= 40
    told = [person["email"] for person in returned(run, "summarize")]
    assert sorted(told) == sorted(row["Work Email"] for row in due)
    for row in due:
        assert row["Work Email"] in caplog.text
        # What is plain ASCII may be a part of an address.
        assert row["Last Name"].isascii() or row["Last Name"] not in caplog.text


def test_the_dates_from_and_to_are_both_included(
    run_dag: RunDag, zoom: Simulator, tmp_path: Path
) -> None:
    hired = {f"day{day}@example.com": f"2026-03-{day:02}" for day in range(1, 6)}
    path = write_export(tmp_path / "hr.csv", hired)

    conf = {"hr_export": path, "from": "2026-03-02", "to": "2026-03-04"}
    run_dag("zoom_onboarding_csv", conf)

    # They come several at once, in any order.
    assert sorted(emails(zoom)) == ["day2@example.com", "day3@example.com", "day4@example.com"]


def test_without_interval_and_dates_tomorrow_is_meant(
    run_dag: RunDag, zoom: Simulator, tmp_path: Path
) -> None:
    def today() -> date:
        return datetime.now(ZoneInfo("Europe/Berlin")).date()

    before = today()
    hired = {f"day{n}@example.com": before + timedelta(days=n) for n in range(4)}
    run_dag("zoom_onboarding_csv", {"hr_export": write_export(tmp_path / "hr.csv", hired)})

    # A run over midnight may mean either day.
    possible = {(day - before).days + 1 for day in (before, today())}
    assert emails(zoom) in [[f"day{n}@example.com"] for n in possible]


def test_nobody_is_due_and_the_run_is_green(run_dag: RunDag, zoom: Simulator) -> None:
    run = run_dag("zoom_onboarding_csv", {"from": "2031-01-01"})

    assert run.state == "success"
    assert zoom.people() == []
    assert {person["outcome"] for person in returned(run, "summarize")} == {"no_start_date"}


def test_too_many_rejects_turn_the_run_red_after_the_summary(
    run_dag: RunDag, zoom: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hired = {f"no address {n}": "2026-03-02" for n in range(11)}
    path = write_export(tmp_path / "hr.csv", {**hired, "good@example.com": "2026-03-02"})

    run = run_dag("zoom_onboarding_csv", {"hr_export": path, "from": "2026-03-02"})

    assert run.state == "failed"
    assert states(run) == {"extract": "success", "create_users": "failed", "summarize": "failed"}
    assert emails(zoom) == ["good@example.com"]
    assert "In all: 11 rejected, 1 invited" in caplog.text


def test_a_run_that_zoom_lets_not_in_is_red(
    run_dag: RunDag, zoom: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.configure(client_secret="another")

    run = run_dag("zoom_onboarding_csv", {"from": "2026-03-02"})

    assert run.state == "failed"
    assert zoom.people() == []
    assert states(run)["summarize"] == "failed"
