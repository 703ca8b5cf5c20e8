"""Which folders a run may read, and what stops an export that is not what it seems."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.csv_drop.conftest import (
    ANN,
    EVE,
    VARIABLE,
    Folder,
    export,
    run,
)
from tests.support import emails
from zoom_provider.simulator.server import Simulator


def test_a_folder_that_is_not_set_or_not_there(
    folder: Folder,
    zoom: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder.put("hr.csv", export({ANN: "2026-03-02"}))
    for place, error in (
        ("", "There is no folder to read: set the Variable zoom_hr_folder"),
        ("/nowhere/hr", "There is no folder '/nowhere/hr'"),
        ("nostore://hr-drop/inbox", "nostore://hr-drop/inbox needs a provider"),
    ):
        monkeypatch.setenv(VARIABLE, place)
        assert run(Folder("")).state == "failed"
        assert error in capsys.readouterr().out
    monkeypatch.delenv(VARIABLE)
    assert run(folder).state == "failed"
    assert "set the Variable zoom_hr_folder" in capsys.readouterr().out
    assert zoom.people() == []

    monkeypatch.setenv(VARIABLE, folder.url)
    run(Folder(""))
    assert emails(zoom) == [ANN]


def test_a_run_that_names_a_folder_elsewhere_reads_and_writes_nothing_there(
    drop: Folder, zoom: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = Folder(str(tmp_path / "elsewhere"))
    Path(elsewhere.url).mkdir()
    elsewhere.put("hr.csv", export({EVE: "2026-03-02"}))
    for url in (elsewhere.url, f"{drop.url}/../elsewhere", "s3://aws_default@elsewhere/inbox"):
        assert run(Folder(url)).state == "failed"
        assert f"The folder {url!r} is not below {drop.url!r}" in capsys.readouterr().out
    assert zoom.people() == []
    assert [path.name for path in Path(elsewhere.url).iterdir()] == ["hr.csv"]

    drop.put("2026/hr.csv", export({ANN: "2026-03-02"}))
    assert run(Folder(f"{drop.url}/2026")).state == "success"
    assert emails(zoom) == [ANN]
    assert drop.mark("2026/hr.csv")["outcomes"] == {"invited": 1}


def test_an_export_of_all_staff_creates_none(
    folder: Folder, zoom: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.put("hr.csv", export({f"p{n}@example.com": "2020-03-02" for n in range(501)}))

    assert run(folder).state == "failed"

    assert "501 people are more than max_creates=500 allows" in capsys.readouterr().out
    assert zoom.people() == []
    assert folder.mark("hr.csv") is None


@pytest.mark.parametrize(("people", "state"), [(10, "success"), (11, "failed")])
def test_first_days_that_may_mean_two_days_are_failures(
    folder: Folder, zoom: Simulator, people: int, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    late = {f"p{n}@example.com": "03/02/2026" for n in range(people)}
    folder.put("hr.csv", export({**late, ANN: "2026-03-02T00:00:00"}))

    done = run(folder)

    assert (done.state, emails(zoom)) == (state, [ANN])
    assert folder.mark("hr.csv") is None
    attention = done.get_task_instance("summarize").xcom_pull(task_ids="summarize", key="attention")
    assert {line["email"]: (line["outcome"], line["row"]) for line in attention} == {
        email: ("rejected", row) for row, email in enumerate(late, start=2)
    }
    said = capsys.readouterr().out
    assert ("AirflowFailException: 11 of 12 people failed" in said) == (state == "failed")
