"""The demo's judgement: it must be able to say no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devstack import demo
from devstack.processes import StackError


def as_expected() -> tuple[dict[str, dict[str, str]], list[dict[str, Any]]]:
    """Return the outcomes and the people of a run that went as it should."""
    outcomes = {n: {"outcome": demo.EXPECTED.get(n, "invited")} for n in demo.read_sample()}
    names = ("email", "first_name", "last_name", "type", "status")
    people = [dict(zip(names, p, strict=True)) for p in demo.expected_people(demo.read_sample())]
    return outcomes, sorted(people, key=lambda person: str(person["email"]))


def test_all_as_expected() -> None:
    outcomes, people = as_expected()

    assert demo.differences("success", demo.read_sample(), outcomes, people) == []
    assert len(people) == 38


@pytest.mark.parametrize(
    "spoil",
    [
        lambda outcomes, people: people.pop(),
        lambda outcomes, people: people.append(people[0]),
        lambda outcomes, people: people.append({**people[0], "email": "x@example.com"}),
        lambda outcomes, people: people[3].update(last_name="?????"),
        lambda outcomes, people: people[3].update(type=4),
        lambda outcomes, people: people[3].update(status="inactive"),
        lambda outcomes, people: outcomes["2041"].update(outcome="existing"),
        lambda outcomes, people: outcomes["2086"].update(outcome="invited"),
    ],
)
def test_one_thing_is_wrong(spoil: Callable[[Any, Any], Any]) -> None:
    outcomes, people = as_expected()
    spoil(outcomes, people)

    assert demo.differences("success", demo.read_sample(), outcomes, people)


def test_a_red_run_is_wrong() -> None:
    outcomes, people = as_expected()

    found = demo.differences("failed", demo.read_sample(), outcomes, people)
    assert found == ["the run ended as failed"]


def test_who_has_no_line_in_the_summary_was_not_due() -> None:
    sample = demo.read_sample()
    lines = [
        {"email": row["Work Email"], "outcome": "invited", "reason": ""}
        for number, row in sample.items()
        if number != "2041"
    ]

    found = demo.match(sample, lines)
    assert [number for number, line in found.items() if line["outcome"] == "not_due"] == ["2041"]
    with pytest.raises(StackError, match="not in the export"):
        demo.match(sample, [*lines, {"email": "x@example.com", "outcome": "invited"}])


@pytest.mark.parametrize(
    ("text", "cells"), [("abc", 3), ("王伟", 4), ("민준", 4), ("สมชาย ใจดี", 9), ("e\u0301", 1)]
)
def test_columns_keep_their_place(text: str, cells: int) -> None:
    assert demo.padded(text, 10) == text + " " * (10 - cells)
