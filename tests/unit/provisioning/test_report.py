"""The report: safe to open in a spreadsheet, whole after every line, silent about secrets."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.provisioning.conftest import open_text
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomNotFoundError,
    ZoomPermissionError,
    ZoomProtocolError,
    ZoomUnavailableError,
    ZoomUserExistsError,
    ZoomValidationError,
)
from zoom_provider.provisioning.outcomes import (
    COLUMNS,
    FAILURES,
    Outcome,
    PersonOutcome,
    Report,
    cell,
)


def test_the_words_are_those_that_dags_depend_on() -> None:
    assert {str(outcome) for outcome in Outcome} == {
        *("invited", "created", "existing", "updated", "unchanged"),
        *("rejected", "needs_license", "foreign_account", "deferred_quota", "needs_human"),
        "failed",
    }
    assert {str(outcome) for outcome in FAILURES} == {
        *("rejected", "needs_license", "foreign_account", "needs_human", "failed"),
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ZoomValidationError("all of it", errors={"x": ["y"]}), "rejected"),
        (ZoomValidationError("x", code=300, status=400), "failed"),
        (ZoomLicenseError("x"), "needs_license"),
        (ZoomForeignAccountError("x"), "foreign_account"),
        (ZoomDailyLimitError("x", reset_at=None), "deferred_quota"),  # type: ignore[arg-type]
        (ZoomPermissionError("x"), "needs_human"),
        (ZoomError("x", remedy="human"), "needs_human"),
        (ZoomError("x"), "failed"),
        (ZoomUserExistsError("x"), "failed"),
        (ZoomAuthError("x"), "failed"),
        (ZoomNotFoundError("x"), "failed"),
        (ZoomUnavailableError("x"), "failed"),
        (ZoomProtocolError("x"), "failed"),
    ],
)
def test_what_an_error_means_for_a_person(error: ZoomError, outcome: str) -> None:
    line = PersonOutcome.of_error(3, "a@example.com", error)
    # What we refuse ourselves is told by its fields alone.
    reason = "x: y" if outcome == "rejected" else "x"
    assert (line.outcome, line.reason, line.code) == (outcome, reason, error.code)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "'\t=1"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\n=1", "'\n=1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("a=1", "a=1"),
        ("jane@example.com", "jane@example.com"),
        (None, ""),
        (0, "0"),
        (1005, "1005"),
    ],
)
def test_no_cell_is_taken_for_a_formula(value: object, text: str) -> None:
    assert cell(value) == text


def test_every_line_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    faults = {"user_info.email": ["x", "y"]}
    with Report(str(path), open_text, "hr.csv") as report:
        report.add(PersonOutcome(1, "a@example.com", Outcome.INVITED, "an-id"))
        assert json.loads(path.read_text())["id"] == "an-id"
        report.add(PersonOutcome(2, "b", Outcome.REJECTED, errors=faults, key="2054"))
        assert len(path.read_text().splitlines()) == 2
        assert len((tmp_path / "r.csv").read_text().splitlines()) == 3
        report.reject(3, "2055", "a@example.com", "user_info.email", "duplicate of row 1")
        rejects = (tmp_path / "r.rejects.csv").read_text().splitlines()
        assert rejects[1:] == [
            "hr.csv,2,2054,b,user_info.email,x",
            "hr.csv,2,2054,b,user_info.email,y",
            "hr.csv,3,2055,a@example.com,user_info.email,duplicate of row 1",
        ]
        assert report.counts == {"invited": 1, "rejected": 1}


def test_a_rejected_person_without_named_faults_is_among_the_rejects(tmp_path: Path) -> None:
    with Report(str(tmp_path / "r.jsonl"), open_text) as report:
        report.add(PersonOutcome(1, "", Outcome.REJECTED, reason="why"))
    assert (tmp_path / "r.rejects.csv").read_text().splitlines()[1] == ",1,,,,why"


def test_a_second_part_takes_over_what_is_closed(tmp_path: Path) -> None:
    path = str(tmp_path / "r.jsonl")
    with Report(path, open_text) as report:
        for number, outcome in enumerate(("invited", "rejected", "failed", "existing"), start=1):
            report.add(PersonOutcome(number, "a@example.com", Outcome(outcome)))
    lines = Path(path).read_text().splitlines()
    with Report(path, open_text) as report:
        # A rejected row always comes again; the third is one that wants another try.
        assert report.take_over(lines, lambda row, _: row == 3) == {1, 4}
        assert report.counts == {"invited": 1, "existing": 1}
        report.add(PersonOutcome(3, "a@example.com", Outcome.INVITED))
    with (tmp_path / "r.csv").open(newline="") as file:
        assert [row["row"] for row in csv.DictReader(file)] == ["1", "4", "3"]
    with Report(path, open_text):
        pass
    assert Path(path).read_text() == ""


@pytest.mark.parametrize("name", ["r.jsonl", "r", "r.csv", "r.rejects.csv", "r.txt"])
def test_three_files_whatever_the_path_is_called(name: str, tmp_path: Path) -> None:
    with Report(str(tmp_path / name), open_text) as report:
        report.add(PersonOutcome(1, "a@example.com", Outcome.INVITED))
    assert (tmp_path / name).samefile(report.path)
    assert json.loads((tmp_path / name).read_text())["email"] == "a@example.com"
    assert len(list(tmp_path.iterdir())) == 3


@settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    email=st.text(max_size=20),
    key=st.text(max_size=20),
    reason=st.one_of(st.none(), st.text(max_size=20)),
    code=st.one_of(st.none(), st.integers()),
)
def test_whatever_is_in_it_the_report_can_be_read_back(
    email: str, key: str, reason: str | None, code: int | None, tmp_path: Path
) -> None:
    person = PersonOutcome(1, email, Outcome.REJECTED, "-id", reason, code, key=key)
    with Report(str(tmp_path / "r.jsonl"), open_text, "=source") as report:
        report.add(person)
    (line,) = [
        json.loads(text) for text in (tmp_path / "r.jsonl").read_text("utf-8").split("\n")[:-1]
    ]
    own = {name: getattr(person, name) for name in COLUMNS if name != "source"}
    assert line == {"source": "=source", **own}
    for name in ("r.csv", "r.rejects.csv"):
        with (tmp_path / name).open(encoding="utf-8", newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        assert len(rows) == 1
        for value in rows[0].values():
            assert not value.lstrip().startswith(("=", "+", "-", "@"))
        assert rows[0]["email"].removeprefix("'") == email.removeprefix("'")
