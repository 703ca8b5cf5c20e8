"""People who are made up, the same for every contender."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any


def person(number: int) -> dict[str, Any]:
    """Make up the ``user_info`` of one person."""
    return {
        "email": f"person.{number}@example.com",
        "type": 1,
        "first_name": "Jane",
        "last_name": f"Doe {number}",
    }


def write_roster(path: Path, people: int) -> Path:
    """Write so many people to a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(person(0)))
        table.writeheader()
        table.writerows(map(person, range(people)))
    return path
