"""The report: safe to open in a spreadsheet, whole after every line, silent about secrets."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.provisioning.conftest import RUN, begin_report
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomNotAppliedError,
    ZoomNotFoundError,
    ZoomPendingError,
    ZoomPermissionError,
    ZoomProtectedUserError,
    ZoomProtocolError,
    ZoomStalePlanError,
    ZoomUnavailableError,
    ZoomUnconfirmedError,
    ZoomUserExistsError,
    ZoomValidationError,
)
from zoom_provider.provisioning.report import (
    DONE,
    FAILURES,
    Outcome,
    RowResult,
    escape_cell,
    read_report,
)
from zoom_provider.provisioning.report_files import COLUMNS


def test_outcomes_are_the_words_that_dags_depend_on() -> None:
    assert {str(outcome) for outcome in Outcome} == {
        *("invited", "created", "existing", "updated", "unchanged"),
        *("rejected", "needs_license", "foreign_account", "deferred_quota", "needs_human"),
        *("not_due", "failed", "activated", "deactivated", "disassociated", "deleted", "absent"),
        *("pending", "waiting", "stale", "protected", "unconfirmed", "not_applied"),
    }
    assert {str(outcome) for outcome in FAILURES} == {
        *("rejected", "needs_license", "foreign_account", "needs_human", "failed"),
        *("stale", "protected", "unconfirmed", "not_applied"),
    }
    # These are neither: another try changes them, and the task is not red for them.
    assert set(Outcome) - DONE - FAILURES == {
        Outcome.DEFERRED_QUOTA,
        Outcome.NOT_DUE,
        Outcome.PENDING,
        Outcome.WAITING,
    }
    assert not DONE & FAILURES


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ZoomValidationError("all of it", errors={"x": ["y"]}), "rejected"),
        (ZoomValidationError("x", code=300, status=400), "failed"),
        (ZoomLicenseError("x"), "needs_license"),
        (ZoomPendingError("x"), "pending"),
        (ZoomNotAppliedError("x"), "not_applied"),
        (ZoomProtectedUserError("x"), "protected"),
        (ZoomUnconfirmedError("x"), "unconfirmed"),
        (ZoomStalePlanError("x"), "stale"),
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
def test_an_error_becomes_the_outcome_of_its_class(error: ZoomError, outcome: str) -> None:
    line = RowResult.from_error(3, "a@example.com", error)
    # Of our own validation the escape_cell shows the faults alone.
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
    assert escape_cell(value) == text


def test_every_line_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    faults = {"user_info.email": ["x", "y"]}
    report = begin_report(path, "hr.csv")
    report.add(RowResult(1, "a@example.com", Outcome.INVITED, "an-id"))
    assert json.loads(path.read_text())["id"] == "an-id"
    report.add(RowResult(2, "b", Outcome.REJECTED, errors=faults, key="2054"))
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
    report.close()


def test_each_line_names_its_run_first(tmp_path: Path) -> None:
    report = begin_report(tmp_path / "r.jsonl", "hr.csv")
    report.add(RowResult(1, "a@example.com", Outcome.INVITED))
    report.close()
    line = json.loads((tmp_path / "r.jsonl").read_text())
    assert list(line) == ["run", *COLUMNS]
    assert line["run"] == RUN


def test_a_rejected_row_without_named_faults_is_among_the_rejects(tmp_path: Path) -> None:
    report = begin_report(tmp_path / "r.jsonl")
    report.add(RowResult(1, "", Outcome.REJECTED, reason="why"))
    report.close()
    assert (tmp_path / "r.rejects.csv").read_text().splitlines()[1] == ",1,,,,why"


def test_the_first_twenty_failures_are_listed_for_a_message(tmp_path: Path) -> None:
    report = begin_report(tmp_path / "r.jsonl", "hr.csv")
    for row in range(1, 31):
        outcome = Outcome.FAILED if row % 5 else Outcome.INVITED
        report.add(RowResult(row, f"p{row}@example.com", outcome, reason="why", key=f"K{row}"))
    report.close()
    failed = [row for row in range(1, 31) if row % 5]
    assert [line["row"] for line in report.attention] == failed[:20]
    assert report.attention[0] == {
        "source": "hr.csv",
        "row": 1,
        "key": "K1",
        "email": "p1@example.com",
        "outcome": "failed",
        "reason": "why",
    }


@pytest.mark.parametrize("name", ["r.jsonl", "r", "r.csv", "r.rejects.csv", "r.txt"])
def test_a_report_is_three_files_at_any_path(name: str, tmp_path: Path) -> None:
    report = begin_report(tmp_path / name)
    report.add(RowResult(1, "a@example.com", Outcome.INVITED))
    report.close()
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
def test_a_report_can_be_read_back_with_any_text_in_it(
    email: str, key: str, reason: str | None, code: int | None, tmp_path: Path
) -> None:
    result = RowResult(1, email, Outcome.REJECTED, "-id", reason, code, key=key)
    report = begin_report(tmp_path / "r.jsonl", "=source")
    report.add(result)
    report.close()
    data = (tmp_path / "r.jsonl").read_bytes()
    assert list(read_report(data, RUN)) == [result]
    (line,) = [json.loads(text) for text in data.decode().split("\n")[:-1]]
    own = {name: getattr(result, name) for name in COLUMNS if name != "source"}
    assert line == {"run": RUN, "source": "=source", **own}
    for name in ("r.csv", "r.rejects.csv"):
        with (tmp_path / name).open(encoding="utf-8", newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        assert len(rows) == 1
        for value in rows[0].values():
            assert not value.lstrip().startswith(("=", "+", "-", "@"))
        assert rows[0]["email"].removeprefix("'") == email.removeprefix("'")
