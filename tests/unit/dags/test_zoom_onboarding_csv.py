"""Which rows of an export a run means, and what the list of outcomes makes of the report."""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from dags import zoom_onboarding_csv as example
from zoom_provider.exceptions import ZoomValidationError

TODAY = date(2026, 3, 6)
SAMPLE = Path(example.__file__).parent / "data" / "hr_export.csv"
JANE = {
    "Employee #": "7",
    "First Name": "Jane",
    "Last Name": "Doe",
    "Display Name": "Jane Doe",
    "Work Email": "jane@example.com",
    "Hire Date": "2026-03-02",
    "Zoom License": "Basic",
    "Salary": "90000",
}


def export(*rows: dict[str, str]) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, JANE)
    writer.writeheader()
    writer.writerows({**JANE, **row} for row in rows)
    return stream.getvalue().encode()


@pytest.mark.parametrize(
    ("given", "days"),
    [
        pytest.param((None, None), (date.min, date(2026, 3, 7)), id="up to tomorrow"),
        pytest.param(("", ""), (date.min, date(2026, 3, 7)), id="left empty in the form"),
        pytest.param(("2026-03-02", None), (date(2026, 3, 2), date(2026, 3, 2)), id="one day"),
        pytest.param((None, "2026-03-09"), (date(2026, 3, 7), date(2026, 3, 9)), id="tomorrow on"),
        pytest.param(
            ("2026-03-02", "2026-03-31"), (date(2026, 3, 2), date(2026, 3, 31)), id="a month"
        ),
    ],
)
def test_which_first_days_are_meant(
    given: tuple[str | None, str | None], days: tuple[date, date]
) -> None:
    assert example.wanted_days(*given, TODAY) == days


def test_exchanged_dates_are_refused() -> None:
    with pytest.raises(AirflowFailException, match="exchange the dates"):
        example.wanted_days("2026-03-03", "2026-03-02", TODAY)


@pytest.mark.parametrize(
    ("hired", "due", "later"),
    [
        ("2026-03-02", 1, 0),
        (" 2026-03-02 ", 1, 0),
        ("2026-03-01", 1, 0),
        ("2026-02-28", 0, 0),
        ("2026-03-03", 0, 1),
        ("20260302", 1, 0),
        ("2026-03-02T00:00:00", 1, 0),
        ("2026-03-02 09:30:00.000", 1, 0),
        ("2026-03-03T00:00", 0, 1),
        ("2026-03-02T08:00:00Z", 1, 0),
        ("2026-03-02T08:00:00-05:00", 1, 0),
    ],
)
def test_who_starts_on_the_days_and_who_later(hired: str, due: int, later: int) -> None:
    days = (date(2026, 3, 1), date(2026, 3, 2))
    picked = example.pick("hr.csv", export({"Hire Date": hired}), *days)

    assert (len(picked["people"]), picked["undated"]) == (due, [])
    assert picked["open"] == [f"{later} start later"] * later


@pytest.mark.parametrize(
    ("hired", "reason"),
    [
        ("", "hire date is missing"),
        ("  ", "hire date is missing"),
        ("0000-00-00", "hire date '0000-00-00' is no date in the form YYYY-MM-DD"),
        ("2026-02-30", "hire date '2026-02-30' is no date in the form YYYY-MM-DD"),
        ("03/02/2026", "hire date '03/02/2026' is no date in the form YYYY-MM-DD"),
        ("02.03.2026", "hire date '02.03.2026' is no date in the form YYYY-MM-DD"),
        ("03022026", "hire date '03022026' is no date in the form YYYY-MM-DD"),
        ("46083", "hire date '46083' is no date in the form YYYY-MM-DD"),
        ("2026-03-02TBD", "hire date '2026-03-02TBD' is no date in the form YYYY-MM-DD"),
        # Midnight in Berlin, or a day that was written in UTC?
        (
            "2026-03-01T23:00:00Z",
            "hire date '2026-03-01T23:00:00Z' is another day in Europe/Berlin: write YYYY-MM-DD",
        ),
        (
            "0001-01-01T00:00:00+14:00",
            "hire date '0001-01-01T00:00:00+14:00' is no date in the form YYYY-MM-DD",
        ),
    ],
)
def test_row_without_a_readable_first_day_is_rejected(hired: str, reason: str) -> None:
    picked = example.pick("hr.csv", export({}, {"Hire Date": hired}), date.min, TODAY)

    assert len(picked["people"]) == 1
    assert picked["undated"] == [
        {
            "file": "hr.csv",
            "source": "hr.csv",
            "row": 3,
            "key": "hr.csv row 3, employee 7",
            "email": "jane@example.com",
            "outcome": "rejected",
            "reason": reason,
        }
    ]
    assert picked["open"] == ["1 without a first day"]


def test_a_row_with_a_comma_too_many_is_told_of() -> None:
    broken = export({"Last Name": "Doe, Jr"}).replace(b'"', b"")
    picked = example.pick("hr.csv", broken, date.min, TODAY)

    assert picked["people"] == []
    [said] = picked["undated"]
    assert (said["key"], said["email"]) == ("hr.csv row 2, employee unknown", "")
    assert "comma without quotes" in said["reason"]


def test_what_zoom_does_not_need_stays_in_the_file() -> None:
    picked = example.pick("hr.csv", export({"Work Email": " jane@example.com\t"}), date.min, TODAY)

    assert picked["people"] == [
        {
            "file": "hr.csv",
            "row": 2,
            "key": "hr.csv row 2, employee 7",
            **{name: JANE[name] for name in example.FOR_ZOOM},
        }
    ]


def test_a_cell_with_a_line_break_does_not_make_a_line_of_its_own() -> None:
    odd = {"Employee #": "7\nforged", "Work Email": "x\nforged line", "Hire Date": "2026\n03"}
    picked = example.pick("hr.csv", export(odd, odd | {"Hire Date": "2026-03-02"}), date.min, TODAY)

    report = {1: {"outcome": "rejected", "reason": "no address"}}
    said = [*picked["undated"], *example.who_got_what(picked["people"], report)]
    assert [line["email"] for line in said] == ["x forged line"] * 2
    assert [text for line in said for text in line.values() if not str(text).isprintable()] == []


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "hr.csv is empty"),
        (export({"First Name": "Zo\u00eb"}).decode().encode("latin-1"), "hr.csv is not UTF-8"),
        (export({}).decode().encode("utf-16-le"), "encoding='utf-16-le'"),
        (export({}).replace(b"Employee #", b"No"), "hr.csv has no column 'Employee #'"),
        (export({}).replace(b"Salary", b"Hire Date"), "hr.csv has 2 columns 'Hire Date'"),
    ],
)
def test_what_is_no_export_is_named(data: bytes, fault: str) -> None:
    with pytest.raises(ZoomValidationError, match=fault):
        example.pick("hr.csv", data, date.min, TODAY)


def test_the_sample_is_read_whole() -> None:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    picked = example.pick(SAMPLE.name, SAMPLE.read_bytes(), date.min, date(2026, 3, 2))

    assert picked["open"] == ["1 start later", "2 without a first day"]
    assert len(rows) == len(picked["people"]) + 1 + 2 >= 40
    assert all(None not in r and None not in r.values() for r in rows)


# ---- who got what


def person(email: str) -> dict[str, Any]:
    return {"file": "hr.csv", "row": 2, "key": f"of {email}", "Work Email": email}


def test_each_person_is_listed_once_with_the_row_that_a_duplicate_repeats() -> None:
    emails = ("bad@example.com", "Ann@example.com", "bad@example.com", "ann@example.com", "x", "x")
    rejected: dict[str, str | None] = {"outcome": "rejected", "reason": "no such license"}
    report: dict[int, dict[str, str | None]] = {
        1: rejected,
        2: {"outcome": "invited", "reason": None},
        3: {"outcome": "invited", "reason": None},
        5: rejected,
    }

    listed = example.who_got_what(map(person, emails), report)

    assert [(line["email"], line["outcome"], line["reason"]) for line in listed] == [
        ("bad@example.com", "rejected", "no such license"),
        ("Ann@example.com", "invited", ""),
        ("bad@example.com", "invited", ""),
        ("ann@example.com", "duplicate", "duplicate of of Ann@example.com"),
        ("x", "rejected", "no such license"),
        ("x", "forgotten", "the report does not have this person"),
    ]


def test_a_reason_may_hold_what_others_take_for_the_end_of_a_line(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"row": 1, "reason": "no \u2028 address"},
        {"row": 4, "reason": None},
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (tmp_path / "x.jsonl").write_text(text, encoding="utf-8")

    assert example.read_report(str(tmp_path / "x.jsonl")) == {line["row"]: line for line in lines}


# ---- the tasks, on each Airflow


class Finished:
    """Stands for the task instance: what create_users left in XCom."""

    run_id = "daily"

    def __init__(self, report: str | None, succeeded: bool = True) -> None:
        self._left: dict[str, Any] = {"report": report, "return_value": {} if succeeded else None}
        self.pushed: dict[str, Any] = {}

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        assert task_ids == "create_users"
        return self._left[key]

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def call(task_id: str, *args: Any, **kwargs: Any) -> Any:
    task: Any = example.dag.get_task(task_id)
    return task.python_callable(*args, **kwargs)


def extract(inbox: Path, day: date = TODAY) -> Any:
    """Read the folder as the run does whose interval ends on a day at 0:30 in Berlin."""
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(minutes=30)
    every = {"from": None, "to": None}
    return call("extract", "", str(inbox), params=every, data_interval_end=end)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Give a folder with an export that has been there for an hour."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "hr.csv").write_bytes(export({}, {"Hire Date": "2026-03-07"}))
    hour_ago = (folder / "hr.csv").stat().st_mtime - 3600
    os.utime(folder / "hr.csv", (hour_ago, hour_ago))
    return folder


@pytest.fixture
def report(tmp_path: Path) -> str:
    """Give a report that has the first person, and not the second."""
    path = tmp_path / "report.jsonl"
    path.write_text('{"row": 1, "outcome": "invited", "reason": null}\n')
    return str(path)


def test_tomorrow_is_the_day_after_the_interval_in_the_hr_calendar(inbox: Path) -> None:
    assert len(extract(inbox, date(2026, 3, 6))["people"]) == 2
    assert len(extract(inbox, date(2026, 3, 5))["people"]) == 1


def test_a_file_is_marked_when_all_have_theirs(inbox: Path, report: str) -> None:
    found = extract(inbox, date(2026, 3, 2))
    call("summarize", found, ti=Finished(report))
    assert not (inbox / "hr.csv.done").exists()

    (inbox / "hr.csv").write_bytes(export({}))
    os.utime(inbox / "hr.csv", (0, 0))
    call("summarize", extract(inbox), ti=Finished(report))
    mark = json.loads((inbox / "hr.csv.done").read_text())
    assert (mark["run_id"], mark["report"], mark["outcomes"]) == ("daily", report, {"invited": 1})
    assert extract(inbox)["files"] == []


@pytest.mark.parametrize(("undated", "red"), [(10, False), (11, True)])
def test_people_without_a_first_day_count_as_failures_and_keep_the_file_open(
    inbox: Path, report: str, undated: int, red: bool
) -> None:
    late = [{"Hire Date": "03/02/2026", "Work Email": f"p{n}@example.com"} for n in range(undated)]
    (inbox / "hr.csv").write_bytes(export({}, *late))
    os.utime(inbox / "hr.csv", (0, 0))
    done = Finished(report)

    if red:
        with pytest.raises(AirflowFailException, match=r"^11 of 12 people failed"):
            call("summarize", extract(inbox), ti=done)
    else:
        call("summarize", extract(inbox), ti=done)

    assert not (inbox / "hr.csv.done").exists()
    rows = [(line["row"], line["email"], line["outcome"]) for line in done.pushed["attention"]]
    assert rows == [(n + 3, f"p{n}@example.com", "rejected") for n in range(undated)]
    assert done.pushed["outcomes"] == {"invited": 1, "rejected": undated}


def test_mark_that_cannot_be_written_is_a_fault_of_its_file(inbox: Path, report: str) -> None:
    for name in ("a.csv", "hr.csv"):
        (inbox / name).write_bytes(export({"Work Email": f"{name}@example.com"}))
        os.utime(inbox / name, (0, 0))
    found = extract(inbox)
    (inbox / "a.csv.done").mkdir()
    both = "".join(f'{{"row": {n}, "outcome": "invited", "reason": null}}\n' for n in (1, 2))
    Path(report).write_text(both)

    with pytest.raises(AirflowFailException, match=r"^a\.csv cannot be marked: .*directory"):
        call("summarize", found, ti=Finished(report))

    assert json.loads((inbox / "hr.csv.done").read_text())["outcomes"] == {"invited": 1}


# ---- the folder that a run may name


URL = "s3://aws_default@hr-drop/inbox"


@pytest.mark.parametrize(
    ("folder", "root", "place"),
    [
        ("", URL, URL),
        ("", f"{URL}/", URL),
        (f"{URL}/", URL, URL),
        (f"{URL}/2026", f"{URL}/", f"{URL}/2026"),
        (f"{URL}/2026", "s3://aws_default@hr-drop", f"{URL}/2026"),
    ],
)
def test_a_run_may_name_a_folder_below_the_deployments(folder: str, root: str, place: str) -> None:
    assert example.allowed(folder, root) == place


@pytest.mark.parametrize(
    "folder",
    [
        *("s3://aws_default@hr-drop", "s3://aws_default@hr-drop/inbox2", f"{URL}?/x", f"{URL}#/x"),
        *("s3://aws_default@other/inbox", "s3://other@hr-drop/inbox", "s3://hr-drop/inbox"),
        *("gs://aws_default@hr-drop/inbox", "file:///srv/hr", "/srv/hr", "s3:/aws_default@hr-drop"),
        *(f"{URL}/../secret", f"{URL}/a/..", f"{URL}/%2e%2e/secret", f"{URL}/x::/etc", " "),
    ],
)
def test_a_run_may_name_no_other_url(folder: str) -> None:
    with pytest.raises(AirflowFailException, match="Variable zoom_hr_folder"):
        example.allowed(folder, URL)


def test_a_run_may_name_no_other_path_whatever_leads_there(tmp_path: Path) -> None:
    root, other = tmp_path / "hr", tmp_path / "hr-secret"
    for made in (root / "2026", other):
        made.mkdir(parents=True)
    (root / "link").symlink_to(other)
    (tmp_path / "hr-link").symlink_to(root)

    for folder in (f"{root}/2026", f"file://{root}/2026/", f"{root}/x/../2026"):
        assert example.allowed(folder, str(root)) == str(root / "2026")
        assert example.allowed(folder, f"file://{tmp_path}/hr-link") == str(root / "2026")
    for folder in (
        f"{root}/link",
        str(other),
        f"{root}/../hr-secret",
        str(tmp_path),
        URL,
        "/",
        ".",
    ):
        with pytest.raises(AirflowFailException, match="is not below"):
            example.allowed(folder, str(root))


@pytest.mark.parametrize("folder", ["", "/etc", URL])
def test_without_the_deployments_folder_a_run_reads_none(folder: str) -> None:
    with pytest.raises(AirflowFailException, match="set the Variable zoom_hr_folder"):
        example.allowed(folder, "")


@pytest.mark.parametrize(
    ("left", "fault"),
    [
        ({"succeeded": True}, "^1 people have no outcome"),
        ({"succeeded": False}, "^create_users failed; .*; 1 people have no outcome"),
        ({"report": None}, "^No report"),
    ],
)
def test_the_summary_fails_and_leaves_the_file_open(
    inbox: Path, report: str, left: dict[str, Any], fault: str
) -> None:
    (inbox / "hr.csv").write_bytes(export({}, {"Work Email": "other@example.com"}))
    os.utime(inbox / "hr.csv", (0, 0))

    with pytest.raises(AirflowFailException, match=fault):
        call("summarize", extract(inbox), ti=Finished(**{"report": report, **left}))
    assert not (inbox / "hr.csv.done").exists()
