"""The users that exports create in Zoom, and the outcome that is listed for each."""

from __future__ import annotations

import csv
import json
import os
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.integration.csv_drop.conftest import (
    ANN,
    BOB,
    EVE,
    SAMPLE,
    Folder,
    export,
    outcomes,
    returned,
    run,
    states,
)
from tests.support import calls, emails, told_asset
from zoom_provider.simulator.server import Simulator

EXISTING, FOREIGN = "sofia.garcia@example.com", "liam.murphy@example.net"


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


def test_the_oldest_file_comes_first_and_each_row_can_be_traced(
    folder: Folder, zoom: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    folder.put("a.csv", export({ANN.upper(): "2026-03-02", "nosign": "2026-03-02", EVE: "?"}))
    folder.put("b.CSV", export({ANN: "2026-03-02"}))
    earlier = time.time() - 60
    os.utime(Path(folder.url, "b.CSV"), (earlier, earlier))

    listed = returned(run(folder))

    assert [(line["email"], line["outcome"], line["key"]) for line in listed] == [
        (ANN, "invited", "b.CSV row 2, employee 1"),
        (ANN.upper(), "duplicate", "a.csv row 2, employee 1"),
        ("nosign", "rejected", "a.csv row 3, employee 2"),
        (EVE, "rejected", "a.csv row 4, employee 3"),
    ]
    assert [line["reason"] for line in listed][1:] == [
        "duplicate of b.CSV row 2, employee 1",
        "user_info.email: must have exactly one @",
        "hire date '?' is no date in the form YYYY-MM-DD",
    ]
    assert folder.mark("a.csv") is None
    mark = folder.mark("b.CSV")
    assert mark["outcomes"] == {"invited": 1}
    report = Path(mark["report"]).read_text(encoding="utf-8")
    traced = {line["key"]: line["source"] for line in map(json.loads, report.splitlines())}
    assert traced["a.csv row 3, employee 2"] == folder.url
    assert "key a.csv row 3, employee 2, nosign: rejected" in caplog.text
    assert "Doe" not in caplog.text


def test_the_row_of_a_file_with_a_long_name_can_be_traced(folder: Folder, zoom: Simulator) -> None:
    name = f"{'new hires of all countries, corrected, ' * 5}final.csv"
    folder.put(name, export({"nosign": "2026-03-02"}))

    done = run(folder)

    report = Path(folder.mark(name)["report"]).read_text(encoding="utf-8")
    assert json.loads(report)["key"] == returned(done)[0]["key"] == f"{name} row 2, employee 1"


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


def test_the_sample_run_twice_creates_nosign_twice(folder: Folder, zoom: Simulator) -> None:
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
    rest = {"foreign_account": 1, "rejected": 5, "duplicate": 1}
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
    reported = [person["email"] for person in returned(done)]
    assert sorted(reported) == sorted(row["Work Email"] for row in due)
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
