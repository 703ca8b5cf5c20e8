"""A report belongs to one run: another run's is moved aside, and no other file is replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.provisioning.conftest import RUN, begin_report
from zoom_provider.exceptions import ZoomStoppedError
from zoom_provider.hooks.files import AirflowFiles
from zoom_provider.provisioning import report as report_module
from zoom_provider.provisioning.report import Outcome, Report, RowResult, read_report
from zoom_provider.provisioning.report_files import (
    COLUMNS,
    REJECT_COLUMNS,
    NotAReportError,
    ReportPaths,
    claim_paths,
    hash_run,
    read_owner,
    sibling_path,
)

OTHER = "ba9876543210"
FILES = AirflowFiles()
INVITED = RowResult(1, "a@example.com", Outcome.INVITED, "an-id")


def write_report(path: Path, run: str = RUN, *results: RowResult) -> Report:
    report = begin_report(path, "hr.csv", run)
    for result in results or (INVITED,):
        report.add(result)
    report.close()
    return report


def line(**changes: Any) -> bytes:
    """Write one line of a report."""
    values = {"run": RUN, "source": "hr.csv", "row": 1, "key": "", "email": "a@example.com"}
    values |= {"outcome": "invited", "id": None, "reason": None, "code": None}
    return json.dumps(values | {"tracking_id": None} | changes).encode() + b"\n"


def test_the_owner_of_a_report_is_the_run_in_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    assert read_owner(ReportPaths.from_path(str(path)), FILES) is None
    write_report(path)
    assert read_owner(ReportPaths.from_path(str(path)), FILES) == RUN


OLD_LINE = {name: None for name in COLUMNS} | {"source": "hr.csv", "row": 1}


@pytest.mark.parametrize(
    "head",
    [
        line(run=RUN)[:3],
        line(run=RUN)[:15],
        b"\0" * 80,
        json.dumps(OLD_LINE).encode() + b"\n",
        b'{"run": "../../etc/pas", "source": ',
    ],
    ids=["torn", "torn within the digest", "zeros", "older version", "no digest"],
)
def test_a_report_that_names_no_run_has_an_owner_that_fits_a_file_name(
    head: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(head)
    owner = read_owner(ReportPaths.from_path(str(path)), FILES)
    assert owner is not None
    assert owner != RUN
    assert len(owner) == 12
    assert owner.isalnum()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl", b'{"email": "a@example.com", "type": 1}\n'),
        ("r.jsonl", b"email,type\na@example.com,1\n"),
        ("r.jsonl", b"\x89PNG\r\n"),
        ("r.csv", b"email,type\na@example.com,1\n"),
        ("r.csv", b"\xef\xbb\xbfsource,row\n"),
        ("r.rejects.csv", b"email;type\n"),
        ("r.rejects.csv", f"{','.join(COLUMNS)}\n".encode()),
    ],
)
def test_a_file_that_is_no_report_is_never_replaced(
    name: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    paths = ReportPaths.from_path(str(tmp_path / "r.jsonl"))
    with pytest.raises(NotAReportError, match=name):
        read_owner(paths, FILES)
    with pytest.raises(NotAReportError):
        claim_paths(paths, RUN, FILES)
    report = Report(paths, FILES, RUN)
    with pytest.raises(NotAReportError):
        report.publish()
    report.close()
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == content


def test_another_runs_report_is_moved_aside_whole_and_stays_readable(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "r.jsonl"
    write_report(path, OTHER, RowResult(7, "b", Outcome.REJECTED, reason="why"))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    write_report(path)
    aside = ReportPaths.alternate(str(path), OTHER)
    assert [Path(p).read_bytes() for p in aside] == list(
        before[name] for name in ("r.jsonl", "r.csv", "r.rejects.csv")
    )
    assert [found.row for found in read_report(path.read_bytes(), RUN)] == [1]
    assert [found.row for found in read_report(Path(aside.lines).read_bytes(), OTHER)] == [7]
    assert str(path) in caplog.text
    assert aside.lines in caplog.text
    assert len(list(tmp_path.iterdir())) == 6


def test_an_earlier_trys_report_is_replaced_at_publish_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_report(path)
    report = Report(
        ReportPaths.from_path(str(path)), FILES, RUN, replaces=FILES.identity(str(path))
    )
    report.add(RowResult(2, "b@example.com", Outcome.INVITED))
    assert [found.row for found in read_report(path.read_bytes(), RUN)] == [1]
    report.publish()
    report.close()
    assert [found.row for found in read_report(path.read_bytes(), RUN)] == [2]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.csv", "r.jsonl", "r.rejects.csv"]


def test_a_try_does_not_replace_the_report_of_a_later_try(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_report(path)
    read = FILES.identity(str(path))
    old, new = (
        Report(ReportPaths.from_path(str(path)), FILES, RUN, replaces=read) for _ in range(2)
    )
    new.add(RowResult(2, "b@example.com", Outcome.INVITED))
    new.publish()
    assert old.is_superseded()
    with pytest.raises(ZoomStoppedError, match="Another try"):
        old.publish()
    old.close()
    assert not new.is_superseded()
    new.close()
    assert [found.row for found in read_report(path.read_bytes(), RUN)] == [2]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_published_report_is_superseded_by_a_later_trys(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    old = begin_report(path)
    assert not old.is_superseded()
    old.add(INVITED)
    begin_report(path).close()
    # Empty as it is, it names no run yet; with its first line it does.
    write_report(path)
    assert old.is_superseded()
    old.close()


def test_another_runs_report_supersedes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    old = begin_report(path)
    old.add(INVITED)
    write_report(path, OTHER)
    assert not old.is_superseded()
    old.close()


def test_a_report_that_was_never_published_leaves_nothing(tmp_path: Path) -> None:
    report = Report(ReportPaths.from_path(str(tmp_path / "r.jsonl")), FILES, RUN)
    report.add(INVITED)
    report.close()
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_another_run_moved_aside_is_located_there(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    mine = begin_report(path)
    mine.add(INVITED)
    write_report(path, OTHER)
    mine.add(RowResult(2, "b@example.com", Outcome.INVITED))
    found = mine.locate()
    mine.close()
    assert found == ReportPaths.alternate(str(path), RUN).lines
    assert mine.paths.rejects == ReportPaths.alternate(str(path), RUN).rejects
    # What was written after the move is in the file that was moved.
    assert [result.row for result in read_report(Path(found).read_bytes(), RUN)] == [1, 2]


def test_two_runs_that_publish_at_one_path_at_once_both_keep_their_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.jsonl"
    mine = Report(ReportPaths.from_path(str(path)), FILES, RUN)
    mine.add(INVITED)
    real = claim_paths

    def lose_the_race(paths: ReportPaths, run: str, files: Any) -> bool:
        own = real(paths, run, files)
        monkeypatch.setattr(report_module, "claim_paths", real)
        write_report(path, OTHER, RowResult(7, "b@example.com", Outcome.INVITED))
        return own

    monkeypatch.setattr(report_module, "claim_paths", lose_the_race)
    mine.publish()
    mine.close()
    assert [found.row for found in read_report(path.read_bytes(), RUN)] == [1]
    aside = Path(ReportPaths.alternate(str(path), OTHER).lines)
    assert [found.row for found in read_report(aside.read_bytes(), OTHER)] == [7]


@pytest.mark.parametrize("empty", [["r.jsonl"], ["r.csv"], ["r.jsonl", "r.csv", "r.rejects.csv"]])
def test_empty_files_at_the_reports_place_do_not_hold_it_up(
    empty: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in empty:
        (tmp_path / name).touch()
    real, claims = claim_paths, []

    def count(*given: Any) -> bool:
        claims.append(given)
        assert len(claims) < 10, "publish never ends"
        return real(*given)

    monkeypatch.setattr(report_module, "claim_paths", count)
    write_report(tmp_path / "r.jsonl")
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 1


def test_a_try_that_was_killed_before_its_first_line_is_not_taken_for_another_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begin_report(tmp_path / "r.jsonl").close()
    write_report(tmp_path / "r.jsonl")
    assert "another run" not in caplog.text
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (None, []),
        (b"", []),
        (line() + line(row=2, email="b"), [1, 2]),
        (line() + line(row=2, email="b")[:-1], [1]),
        (line() + line(row=2, email="b")[:-30], [1]),
        ("ü".encode()[:1] + b"\n" + line(row=2), [2]),
        (
            line(email="Zoë@example.com") + line(row=2, email="ü")[:-40] + b"\n" + line(row=3),
            [1, 3],
        ),
        (line() + b"\0" * 300 + line(row=3, email="c") + line(row=4, email="d"), [1, 4]),
        (line() + line(row=2, run=OTHER, email="b"), [1]),
        (b'{"a": 1}\n[]\nx\n7\nnull\n' + line(), [1]),
        (line(row="2") + line(row=3), [3]),
        (line(outcome="unheard_of") + line(row=3, email="b"), [3]),
        (line(email=None) + line(key=5) + line(row=3), [3]),
        (b"[" * 100_000 + b"\n" + line(), [1]),
        # Of each address the final line stands, else the first.
        (line(outcome="rejected") + line(row=9, email="A@Example.com"), [9]),
        (line(outcome="failed") + line(row=9, outcome="rejected"), [1]),
        (line() + line(row=9, outcome="rejected"), [1]),
        (line(key="K1") + line(row=2, key="K2"), [1]),
    ],
)
def test_only_whole_lines_of_the_run_are_read_one_of_each_address(
    data: bytes | None, rows: list[int]
) -> None:
    assert [found.row for found in read_report(data, RUN)] == rows


@pytest.mark.parametrize("ending", [".csv", ".rejects.csv", f".{RUN}.jsonl", f".{RUN}.state.json"])
@pytest.mark.parametrize("name", ["x" * 246 + ".jsonl", "ü" * 123 + ".jsonl", "x" * 247])
def test_names_beside_a_long_one_fit_the_disk_and_differ(
    ending: str, name: str, tmp_path: Path
) -> None:
    found = sibling_path(str(tmp_path / name), ending)
    assert Path(found).parent == tmp_path
    assert len(Path(found).name.encode()) <= 255
    assert found.endswith(ending)
    assert found != sibling_path(str(tmp_path / f"y{name[1:]}"), ending)
    Path(found).touch()


def test_the_columns_of_rejects_tell_them_from_the_table() -> None:
    assert not ",".join(COLUMNS).startswith(",".join(REJECT_COLUMNS))
    assert not ",".join(REJECT_COLUMNS).startswith(",".join(COLUMNS))


def test_a_runs_digest_differs_by_dag_run_task_and_map_index() -> None:
    ids = [("d", "r", "t", -1), ("d", "r", "t", 0), ("d", "r", "u", -1), ("d", "s", "t", -1)]
    assert len({hash_run(*one) for one in ids}) == 4
    assert hash_run("a", "bc") != hash_run("ab", "c")
    assert hash_run("\ud800") == hash_run("\ud800")
