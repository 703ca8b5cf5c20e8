"""What the model knows of a run: its roster, where Airflow has it, and what it has come to."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.unit.operators.model.tries import Order

State = Literal["new", "deferred", "up_for_retry", "failed", "success"]
Line = dict[str, Any]

RETRIES = 2
HEADER = ("Staff No", "Email", "Licence", "First", "Start")
DUE, LATER = "2026-03-03", "2026-04-01"
FIRST_DAY = {"column": "Start", "lead_days": 1, "timezone": "Europe/Berlin"}
MAPPING = {
    "email": "Email",
    "type": {"column": "Licence", "map": {"basic": 1, "licensed": 2}},
    "first_name": "First",
}
DONE = frozenset({"invited", "created", "existing", "updated", "unchanged"})
BY_THIS_RUN = frozenset({"invited", "created"})


@dataclass(frozen=True)
class Row:
    """
    One row of HR's file.

    A licence other than basic and licensed makes it invalid, another first day than ``DUE`` makes
    it one that is not due.
    """

    email: str
    key: str
    licence: str = "basic"
    start: str = DUE

    @property
    def due(self) -> bool:
        return self.start == DUE

    @property
    def valid(self) -> bool:
        return self.due and self.licence in ("basic", "licensed")

    def cells(self) -> tuple[str, ...]:
        return (self.key, self.email, self.licence, "Zoë", self.start)


def staff(*numbers: int, licence: str = "basic") -> list[Row]:
    """Make up rows; a key has a letter of several bytes, as names have."""
    return [Row(f"p{number}@example.com", f"Ä{number}", licence) for number in numbers]


def as_csv(rows: list[Row]) -> bytes:
    """Write rows as HR's export has them."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER, *(row.cells() for row in rows)])
    return text.getvalue().encode()


def as_json_lines(rows: list[Row]) -> bytes:
    """Write rows as JSON Lines."""
    lines = (json.dumps(dict(zip(HEADER, row.cells(), strict=True))) + "\n" for row in rows)
    return "".join(lines).encode()


@dataclass
class Run:
    """
    One run of the task.

    :param run_id: Airflow's
    :param roster: HR's file
    :param rows: what it holds, from row 2 on
    :param options: of the operator
    :param state: where Airflow has it
    :param number: of its last try
    :param max_tries: up to which Airflow starts another
    :param resume: what a deferral asked for
    :param store: what stands for its state store; None where Airflow has none
    :param version: counts its tries that may have written
    :param owed: people not done when a try came to its end, by address
    :param seen: addresses that tries have met in the roster since the last success
    :param unsure: addresses that it may have posted, of which no answer is known: a user who is
        found under one of them later may be this run's
    """

    run_id: str
    roster: Path
    rows: list[Row]
    options: dict[str, Any]
    store: Path | None
    state: State = "new"
    number: int = 0
    max_tries: int = 1 + RETRIES
    resume: tuple[str, dict[str, Any]] | None = None
    version: int = 0
    owed: dict[str, Row] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    @property
    def report(self) -> Path:
        """Where the DAG wants the report."""
        return Path(self.options["report"])

    def valid(self) -> dict[str, tuple[int, Row]]:
        """Give the rows that are people, with their numbers, by address."""
        return {row.email: (at, row) for at, row in enumerate(self.rows, start=2) if row.valid}

    def invalid(self) -> list[tuple[int, Row]]:
        """Give the rows that are none."""
        rows = enumerate(self.rows, start=2)
        return [(at, row) for at, row in rows if row.due and not row.valid]

    def not_due(self) -> set[str]:
        """Give the addresses of the rows that are not due."""
        return {row.email for row in self.rows if not row.due}

    def place(self, email: str) -> tuple[int, str] | None:
        """Give row and key of a person, whether valid or not."""
        return next(
            ((at, row.key) for at, row in enumerate(self.rows, start=2) if row.email == email),
            None,
        )

    def write(self, rows: list[Row]) -> None:
        """Replace what HR's file holds."""
        self.rows = rows
        self.roster.parent.mkdir(parents=True, exist_ok=True)
        self.roster.write_bytes(as_csv(rows))

    def starts(self) -> bool:
        """Say whether Airflow would start it by itself now."""
        return self.state in ("new", "deferred", "up_for_retry")

    def next_order(self, **about: Any) -> Order:
        """Say what its next try is to do, and count the try."""
        resume = self.resume if self.state == "deferred" else None
        if resume is None:
            self.number += 1
        self.resume = None
        return Order(
            options=self.options,
            run_id=self.run_id,
            number=self.number,
            max_tries=self.max_tries - 1,
            resume=resume,
            store=self.store,
            **about,
        )

    def clear(self) -> None:
        """Clear the task, as a person does in Airflow."""
        self.state, self.resume = "new", None
        self.max_tries = self.number + 1 + RETRIES

    def failed(self, retried: bool) -> None:
        """Note a failure, which Airflow may or may not try again."""
        self.state = "up_for_retry" if retried and self.number < self.max_tries else "failed"


def read_lines(path: Path) -> list[Line]:
    """
    Read a report as a user's tool does.

    :raises ValueError: it is torn
    """
    return [json.loads(line) for line in path.read_bytes().decode().splitlines()]


def whole_lines(folder: Path) -> Iterator[Line]:
    """Give every line of every report below a folder that can be read, torn files or not."""
    for path in sorted(folder.rglob("*")):
        # A hidden file is one that was never published: no reader of reports has seen it.
        if path.suffix in (".csv", ".crc") or path.name.startswith(".") or not path.is_file():
            continue
        for raw in path.read_bytes().split(b"\n"):
            try:
                line = json.loads(raw.decode())
            except ValueError:
                continue
            if isinstance(line, dict) and {"row", "email", "outcome"} <= line.keys():
                yield line


def identity(line: Line) -> tuple[Any, ...]:
    """Give what must not change of a line."""
    return tuple(line.get(name) for name in ("row", "key", "email", "outcome", "id"))
