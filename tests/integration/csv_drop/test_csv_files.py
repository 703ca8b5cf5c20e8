"""Which files of HR's drop are read, which are marked, and what is said of the others."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from dags import zoom_onboarding_csv as example
from tests.integration.csv_drop.conftest import (
    ANN,
    BOB,
    EVE,
    SUNDAY,
    Bucket,
    Folder,
    export,
    outcomes,
    returned,
    run,
    states,
)
from tests.support import emails
from zoom_provider.simulator.server import Simulator


def test_file_that_has_just_changed_is_read_once_it_has_kept_still(
    drop: Folder, zoom: Simulator, watch: SimpleNamespace
) -> None:
    drop.put("hr.csv", export({ANN: "2026-03-02"}))
    drop.put("hr.csv.part", export({BOB: "2026-03-02"}))
    watch.now = time.time() + 30

    assert run(drop).state == "success"

    assert emails(zoom) == [ANN]
    mark = drop.mark("hr.csv")
    assert mark["outcomes"] == {"invited": 1}
    assert watch.now == pytest.approx(mark["modified"] + 60)
    assert watch.slept > 0


def test_file_with_a_time_in_the_future_is_read_once_it_has_kept_still(
    folder: Folder, zoom: Simulator, watch: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    tomorrow = watch.now + 86_400
    for name, email in (("a.csv", ANN), ("b.csv", BOB)):
        folder.put(name, export({email: "2026-03-02"}))
        os.utime(Path(folder.url, name), (tomorrow, tomorrow))

    assert run(folder).state == "success"

    # Both were seen at once, so one minute is enough for both.
    assert sorted(emails(zoom)) == [ANN, BOB]
    assert watch.slept == 60
    assert "a.csv has a time in the future" in caplog.text
    assert folder.mark("a.csv")["modified"] == tomorrow
    assert returned(run(folder)) == []


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
    drop.put("3 excel.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    drop.put("4 empty.csv", b"")
    drop.put("5 good.csv", "\ufeff" + export({BOB: "2026-03-02"}))

    done = run(drop)

    assert done.state == "failed"
    assert states(done) == {"extract": "success", "create_users": "success", "summarize": "failed"}
    assert emails(zoom) == [BOB]
    # The last words of the run, in one line.
    last = next(
        line
        for line in capsys.readouterr().out.splitlines()
        if "AirflowFailException: roster 1 latin.csv is not UTF-8: byte " in line
    )
    for fault in (
        "of line 2 is 0xfc. Export it as CSV UTF-8, or say what it is, such as encoding='cp1252'; ",
        "roster 2 other.csv has no column 'Hire Date' in its header, for first days",
        "'Start'",
        "roster 3 excel.csv is an Excel file of the old form (.xls)",
        "roster 4 empty.csv is empty; its first row must name the columns",
    ):
        assert fault in last
    names = ("1 latin", "2 other", "3 excel", "4 empty", "5 good")
    assert [name for name in names if drop.mark(f"{name}.csv")] == ["5 good"]


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
        patch.setattr(example.create_users, "dry_run", True)
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


def test_file_that_changes_while_it_is_read_is_read_again(
    drop: Folder,
    zoom: Simulator,
    watch: SimpleNamespace,
    dropped_while_read: Callable[[Folder, int], None],
) -> None:
    drop.put("hr.csv", export({ANN: "2026-03-02"}))
    dropped_while_read(drop, 2)

    assert run(drop).state == "success"

    assert sorted(emails(zoom)) == [ANN, "p0@example.com", "p1@example.com"]
    assert drop.mark("hr.csv")["outcomes"] == {"invited": 3}
    assert watch.slept == 120


def test_file_that_never_keeps_still_is_a_fault_and_the_others_are_read(
    drop: Folder,
    zoom: Simulator,
    watch: SimpleNamespace,
    dropped_while_read: Callable[[Folder, int], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    drop.put("hr.csv", export({ANN: "2026-03-02"}))
    drop.put("other.csv", export({BOB: "2026-03-02"}))
    dropped_while_read(drop, 1000)

    assert run(drop).state == "failed"

    assert "AirflowFailException: hr.csv: it kept changing" in capsys.readouterr().out
    assert 60 < watch.slept <= 600
    assert emails(zoom) == [BOB]
    assert drop.mark("hr.csv") is None
    assert drop.mark("other.csv")["outcomes"] == {"invited": 1}


@pytest.mark.parametrize("mark", ['{"size": ', "[]", "3", "null", "[" * 100_000])
def test_mark_that_is_no_object_is_none(folder: Folder, zoom: Simulator, mark: str) -> None:
    folder.put("hr.csv", export({ANN: "2026-03-02"}))
    folder.put("hr.csv.done", mark)

    assert run(folder).state == "success"

    assert emails(zoom) == [ANN]
    assert folder.mark("hr.csv")["outcomes"] == {"invited": 1}


def test_file_that_vanishes_after_it_was_listed_is_a_fault_of_its_own(
    drop: Folder, zoom: Simulator, watch: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    drop.put("gone.csv", export({EVE: "2026-03-02"}))
    drop.put("hr.csv", export({ANN: "2026-03-02"}))
    watch.now, watch.meanwhile = time.time() + 30, lambda: drop.remove("gone.csv")

    assert run(drop).state == "failed"

    assert "AirflowFailException: gone.csv: " in capsys.readouterr().out
    assert emails(zoom) == [ANN]
    assert drop.mark("hr.csv")["outcomes"] == {"invited": 1}


def test_file_that_cannot_be_read_is_a_fault_of_its_own(
    folder: Folder, zoom: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(folder.url, "dangling.csv").symlink_to("nowhere")
    folder.put("marked.csv", export({EVE: "2026-03-02"}))
    Path(folder.url, "marked.csv.done").mkdir()
    folder.put("hr.csv", export({ANN: "2026-03-02"}))

    assert run(folder).state == "failed"

    last = capsys.readouterr().out.rpartition("AirflowFailException: ")[2].splitlines()[0]
    assert [fault.partition(":")[0] for fault in last.split("; ")] == ["dangling.csv", "marked.csv"]
    assert emails(zoom) == [ANN]


def test_line_break_in_a_files_name_forges_no_line_of_the_log(
    folder: Folder,
    zoom: Simulator,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    good, bad = "a\nforged: good.csv", "b\x1b\u2028\rforged: bad.csv"
    folder.put(good, export({ANN: "2026-03-02", EVE: "2026-03-09"}))
    folder.put(bad, "no export")

    done = run(folder)

    said = caplog.text + "".join(capfd.readouterr())
    assert "a forged: good.csv stays open: 1 start later" in said
    assert "AirflowFailException: roster b   forged: bad.csv has no column" in said
    assert [line for line in said.splitlines() if line.lstrip().startswith("forged")] == []
    assert "\x1b\u2028" not in said
    assert (done.state, emails(zoom)) == ("failed", [ANN])

    run(folder, SUNDAY + timedelta(days=9))
    assert folder.mark(good)["outcomes"] == {"existing": 1, "invited": 1}


def test_file_whose_name_is_no_text_is_a_fault_of_its_own(folder: Folder, zoom: Simulator) -> None:
    Path(folder.url, os.fsdecode(b"\xff.csv")).write_text(export({EVE: "2026-03-02"}))
    folder.put("hr.csv", export({ANN: "2026-03-02"}))

    done = run(folder)

    assert (done.state, emails(zoom)) == ("failed", [ANN])
    [fault] = returned(done, "extract")["faults"]
    assert fault.startswith(" .csv: ")


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
