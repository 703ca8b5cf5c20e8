"""
What reading a roster costs: a million rows of CSV, of gzip, of JSON, and 100,000 rows of Excel.

A process of its own reads each file twice, as a bulk run does: a survey, then each row held against
Zoom's rules. Its memory after the survey is compared to that of a thousand rows: it must not grow
with the rows. The second pass keeps a table of the addresses, so that each counts once; that is
shown beside it. Time is the processor's, for each row of both passes, beside a tenth of what a
creation takes at Zoom's highest limit.
"""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from devstack.airflow import clean_environment
from devstack.processes import PROJECT
from tests.benchmarks.bounds import Bound, say

FEW: Final = 1_000
GROWTH: Final = {"hr.xlsx": 60.0}
"""MB that memory may grow by; openpyxl keeps the different texts of a sheet."""

TENTH: Final = 1000 / 80 / 10
"""Milliseconds: a tenth of what a creation takes at 80 a second."""

PROGRAM: Final = """
import json, resource, sys, time
from pathlib import Path

from zoom_provider.models.user import parse_create_request
from zoom_provider.provisioning.options import file_format, parse_options
from zoom_provider.provisioning.roster_copy import RosterCopy
from zoom_provider.provisioning.source import make_source

class Files:
    def open_bytes(self, path):
        return Path(path).open("rb")

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

mapping = {
    "email": "Work Email",
    "type": {"column": "Department", "map": {"Sales": 2}, "default": 1},
    "first_name": "First Name",
    "last_name": "Last Name",
}
options = parse_options(roster=sys.argv[1], mapping=mapping, key="Employee #")
copy = RosterCopy(Files(), options.roster, file_format(options))
source = make_source(options, copy)
began = time.process_time()
rows = len(source.survey().rows)
surveyed, after = time.process_time() - began, peak()
check = lambda user_info: parse_create_request("create", user_info)
people = sum(row.request is not None for row in source.rows(check))
took = time.process_time() - began
assert rows == people, (rows, people)
print(json.dumps({"rows": rows, "survey": surveyed, "whole": took, "after": after, "peak": peak()}))
"""

HEADER: Final = ("Employee #", "Work Email", "Department", "First Name", "Last Name", "Hire Date")


def rows_of(count: int) -> Iterator[tuple[Any, ...]]:
    """Make up so many rows of an HR export."""
    for n in range(count):
        department = ("Sales", "Law", "Research")[n % 3]
        yield n, f"person.{n}@example.com", department, "Jane", f"Doe {n}", "2026-03-02"


def write_file(path: Path, count: int) -> None:
    """Write an export in the form that its name says."""
    if path.suffix == ".xlsx":
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        table = book.create_sheet("People")
        for row in (HEADER, *rows_of(count)):
            table.append(row)
        book.save(path)
        return
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as file:
        if path.suffix != ".json":
            csv.writer(file).writerows([HEADER])
            csv.writer(file).writerows(rows_of(count))
            return
        for n, row in enumerate(rows_of(count)):
            file.write(("[" if n == 0 else ",\n") + json.dumps(dict(zip(HEADER, row, strict=True))))
        file.write("]")


def read_file(path: Path) -> dict[str, float]:
    """Read an export in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        env=clean_environment() | {"PYTHONPATH": str(PROJECT / "plugins")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{path.name} could not be read: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(rows: int) -> list[Bound]:
    """
    Print the table; give the bounds.

    :param rows: of text; an Excel file has a tenth of them
    """
    say("\nReading a roster, processor time: a survey, and a pass that checks each row")
    say(
        f"  {'file':12} {'rows':>8} {'survey s':>9} {'both s':>8} {'ms a row':>9} {'peak MB':>8}"
        f" {'beyond 1,000':>13} {'with addresses':>15}"
    )
    bounds = []
    with tempfile.TemporaryDirectory(prefix="zoom-provider-bench-files-") as folder:
        for name in ("hr.csv", "hr.csv.gz", "hr.json", "hr.xlsx"):
            path = Path(folder, name)
            write_file(path, FEW)
            few = read_file(path)
            write_file(path, rows // 10 if name == "hr.xlsx" else rows)
            took = read_file(path)
            path.unlink()
            each = took["whole"] / took["rows"] * 1000
            grown = took["after"] - few["after"]
            say(
                f"  {name:12} {took['rows']:8.0f} {took['survey']:9.1f} {took['whole']:8.1f}"
                f" {each:9.3f} {took['after']:8.0f} {grown:13.1f} {took['peak']:15.0f}"
            )
            bounds += [
                Bound(f"{name}, memory beyond {FEW} rows, MB", grown, at_most=GROWTH.get(name, 15)),
                Bound(f"{name}, processor ms a row, both passes", each, at_most=TENTH),
            ]
    return bounds
