"""What the page about CSV files shows and lists."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dags import zoom_onboarding_csv as example
from tests.integration.csv_drop.conftest import (
    ANN,
    BOB,
    VARIABLE,
    Bucket,
    Folder,
    export,
    returned,
    run,
)
from tests.readme import block, blocks, codes, table
from tests.support import emails
from zoom_provider.simulator.server import Simulator

PAGE = "docs/sources/csv.md"


def test_the_page_shows_what_the_dag_says() -> None:
    code = Path(example.__file__).read_text(encoding="utf-8")
    shown = [b.code for b in blocks(PAGE) if b.language == "python"]
    assert len(shown) == 2
    assert [piece for piece in shown if piece not in code] == []
    assert [b.mark for b in blocks(PAGE) if b.language == "bash"] == ["run by a test: bucket"]


def test_the_settings_of_the_page_lead_to_a_bucket(
    s3: Any, zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (VARIABLE, "AIRFLOW_CONN_AWS_DEFAULT")
    printed = " ".join(f'"${name}"' for name in names)
    command = f"{block('bucket', PAGE)}\nprintf '%s\\0' {printed}"
    said = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, check=True)
    folder, connection = said.stdout.split("\0")[:2]
    aws = json.loads(connection)
    assert "endpoint_url" not in aws["extra"]
    aws["extra"]["endpoint_url"] = s3.meta.endpoint_url
    # A store is attached once for each connection's id.
    monkeypatch.setenv("AIRFLOW_CONN_OF_THE_PAGE", json.dumps(aws))
    folder = folder.replace("aws_default", "of_the_page")
    monkeypatch.setenv(VARIABLE, folder)
    bucket = Bucket(folder, s3, "hr-drop")
    place = {"LocationConstraint": aws["extra"]["region_name"]}
    s3.create_bucket(Bucket=bucket.name, CreateBucketConfiguration=place)
    bucket.put("hr.csv", export({ANN: "2026-03-02"}))

    run(bucket)
    assert emails(zoom) == [ANN]
    assert bucket.mark("hr.csv")["outcomes"] == {"invited": 1}

    bucket.put("hr.csv", export({ANN: "2026-03-02", BOB: "2026-03-02"}))
    run(Folder(""))
    assert sorted(emails(zoom)) == [ANN, BOB]


def test_the_page_lists_what_the_dag_says_of_a_file(
    folder: Folder, zoom: Simulator, dropped_while_read: Callable[[Folder, int], None]
) -> None:
    text = export({ANN: "2026-03-02"}, Location="Zürich")
    said = set()
    for content in (
        text.encode("latin-1"),
        text.replace(",", ";"),
        text.replace("Hire Date", "Start"),
        text.replace("Location", "Hire Date"),
        text.replace("Jane", '"Jane'),
        "",
    ):
        folder.put("hr.csv", content)
        said |= set(returned(run(folder), "extract")["faults"])
    dropped_while_read(folder, 1000)
    said |= set(returned(run(folder), "extract")["faults"])
    errors = [codes(row[0])[0] for row in table("| error", page=PAGE)]
    # A quote may stop early, and "…" stands for what varies.
    quotes = {error: ".*".join(map(re.escape, error.split("…"))) for error in errors}
    quoted = {error for error in errors if any(re.match(quotes[error], text) for text in said)}
    assert quoted == {error for error in errors if "hr.csv" in error}
    assert [text for text in said if not any(re.match(quotes[e], text) for e in quoted)] == []
    source = Path(example.__file__).read_text(encoding="utf-8")
    rest = [error for error in errors if error not in quoted]
    assert [error for error in rest if error.removeprefix("1") not in source] == []
