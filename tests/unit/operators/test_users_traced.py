"""A line of the report, of the log or of an event leads back to its row and its task."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Asset

from tests.support import JANE, emails
from zoom_provider.assets import ZOOM_USERS
from zoom_provider.operators.users import ZoomCreateUserOperator, ZoomCreateUsersOperator
from zoom_provider.simulator.server import Simulator

Perform = Callable[..., Any]

MAPPING = {"email": "Mail", "type": {"column": "Dept", "map": {"Sales": 2}, "default": 1}}
HR: list[dict[str, Any]] = [
    {"Mail": "ann@example.com", "Dept": "Sales", "Number": 2054, "Salary": 9},
    {"Mail": "", "Dept": "Law", "Number": 2055, "Salary": 8},
    {"Mail": "bob@example.com", "Dept": "Law", "Number": None, "Salary": 7},
    {"Mail": "Ann@example.com", "Dept": "Sales", "Number": " 2056 ", "Salary": 6},
]


def written(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Read the report, and its rejects."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    with path.with_name("report.rejects.csv").open(encoding="utf-8", newline="") as file:
        return lines, list(csv.DictReader(file))


def traced(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((line["source"], int(line["row"]), line["key"]) for line in lines)


class OutletEvents:
    """Finds an event by its asset's address, as Airflow does: on 3.1 assets cannot be keys."""

    def __init__(self) -> None:
        self._events: dict[str, Any] = defaultdict(SimpleNamespace)

    def __getitem__(self, asset: Asset) -> Any:
        return self._events[asset.uri]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.jsonl"


@pytest.mark.parametrize(
    ("given", "rows", "source"),
    [
        ({"users": HR, "mapping": MAPPING}, (1, 2, 3, 4), "users"),
        ({"users": HR, "mapping": MAPPING, "source": "hr {{ 6 * 7 }}"}, (1, 2, 3, 4), "hr 42"),
        ({"roster": "hr.csv", "mapping": MAPPING}, (2, 3, 4, 5), "hr.csv"),
        ({"roster": "hr.jsonl", "mapping": MAPPING, "source": "HR"}, (1, 2, 3, 4), "HR"),
    ],
)
def test_each_row_can_be_traced_to_its_source(
    given: dict[str, Any],
    rows: tuple[int, ...],
    source: str,
    connected: Simulator,
    perform: Perform,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("hr.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, HR[0])
        table.writeheader()
        table.writerows(HR)
    Path("hr.jsonl").write_text("".join(json.dumps(row) + "\n" for row in HR))

    task = ZoomCreateUsersOperator(
        task_id="create", report=str(path), key="Number", max_failures=1, **given
    )
    perform(task)

    assert emails(connected) == ["ann@example.com", "bob@example.com"]
    lines, rejects = written(path)
    first, invalid, second, again = rows
    assert traced(lines) == [
        (source, first, "2054"),
        (source, invalid, "2055"),
        (source, second, ""),
    ]
    assert traced(rejects) == [(source, invalid, "2055"), (source, again, "2056")]
    assert [line["field"] for line in rejects] == ["user_info.email"] * 2
    assert rejects[1]["reason"] == f"duplicate of row {first}"
    assert f"Row {invalid} of {source}, key 2055: rejected, user_info.email: " in caplog.text
    assert f"Row {again} of {source}, key 2056, ann@example.com: duplicate" in caplog.text
    assert "Salary" not in path.read_text()


@pytest.mark.parametrize("key", ["Number", "email"])
def test_people_without_a_mapping_may_have_a_key(
    key: str, connected: Simulator, perform: Perform, path: Path
) -> None:
    person = {**JANE, "Number": 7} if key == "Number" else JANE
    perform(ZoomCreateUsersOperator(task_id="create", users=[person], key=key, report=str(path)))
    assert emails(connected) == [JANE["email"]]
    assert [line["key"] for line in written(path)[0]] == [str(person[key])]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"users": [], "key": ""}, "key must be the name of a column"),
        ({"roster": "hr.csv", "key": "No"}, "has no column 'No' in its header, for the rows' key"),
        ({"users": [], "key": "password"}, "key must not be the column of the passwords"),
        (
            {"users": [], "key": "PIN", "mapping": {**MAPPING, "password": "PIN"}},
            "key must not be the column of the passwords",
        ),
        (
            {"users": [], "key": "pin ", "mapping": {**MAPPING, "password": "PIN"}},
            "key must not be the column of the passwords",
        ),
    ],
)
def test_an_unknown_key_column_is_refused_before_any_call(
    given: dict[str, Any],
    said: str,
    connected: Simulator,
    perform: Perform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hr.csv").write_text("email,type\nann@example.com,1\n")
    with pytest.raises(AirflowFailException, match=said):
        perform(ZoomCreateUsersOperator(task_id="create", **given))
    assert connected.requests("* /v2/*") == []


def test_the_event_of_the_accounts_people_has_the_counts(
    connected: Simulator, perform: Perform, path: Path
) -> None:
    events = OutletEvents()
    given: dict[str, Any] = {"outlets": [ZOOM_USERS]}
    perform(ZoomCreateUserOperator(task_id="one", user_info=JANE, **given), outlet_events=events)
    assert events[ZOOM_USERS].extra == {"outcomes": {"invited": 1}}

    users = [JANE, {"email": "ann@example.com", "type": 1}]
    many = ZoomCreateUsersOperator(task_id="many", users=users, report=str(path), **given)
    perform(many, outlet_events=events)
    wanted = {"outcomes": {"existing": 1, "invited": 1}, "report": str(path)}
    assert events[ZOOM_USERS].extra == wanted

    users = [{**JANE, "email": "new@example.com"}]
    given |= {"dry_run": True, "report": str(path)}
    dry = ZoomCreateUsersOperator(task_id="dry", users=users, **given)
    # A DAG that waits for new people must not take those of a dry run for any.
    assert perform(dry, outlet_events=events)["outcomes"] == {"invited": 1}
    assert events[ZOOM_USERS].extra == {"outcomes": {}, "dry_run": True, "report": str(path)}


def test_a_source_or_a_key_cannot_forge_log_lines(
    connected: Simulator, perform: Perform, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Both may be input from outside: a run's parameter, a cell of an export."""
    odd = "hr\nRow 9 of hr: invited\u202e\x1b[31m"
    users = [{**HR[1], "Number": odd}]
    perform(
        ZoomCreateUsersOperator(
            task_id="create",
            users=users,
            mapping=MAPPING,
            key="Number",
            source="{{ params.file }}",
            max_failures=1,
            report=str(path),
        ),
        params={"file": odd},
    )
    shown = "hr Row 9 of hr: invited  [31m"
    assert f"Row 1 of {shown}, key {shown}: rejected" in caplog.text
    assert traced(written(path)[0]) == traced(written(path)[1]) == [(shown, 1, shown)]
