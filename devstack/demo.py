"""
Show the main job end to end: an HR export in, Zoom users out, on a real Airflow.

Runs the DAG ``zoom_onboarding_csv`` over the sample export, prints what happened to each person,
then reads the users of the local Zoom. The exit code is 0 only if the run was green, each
person got the outcome that is expected below, and Zoom holds exactly the expected people.
"""

from __future__ import annotations

import csv
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from devstack.airflow import Airflow
from devstack.processes import PROJECT, StackError, run_script, say
from devstack.stack import EXISTING, SAMPLE, running

DAG, RUN = "zoom_onboarding_csv", "demo"
FIRST_DAY = "2026-03-02"

# What the sample was made to show, by employee number; all others are to be invited.
EXPECTED = {
    "2055": "rejected",  # six Chinese characters in a name
    "2079": "existing",
    "2080": "foreign_account",
    "2081": "duplicate",
    "2082": "rejected",  # no e-mail address
    "2083": "rejected",  # no such license
    "2084": "rejected",  # no first day
    "2085": "rejected",  # 0000-00-00
    "2086": "not_due",  # starts a day later
    "2087": "not_due",  # has started already
}
NOT_DUE = {"outcome": "not_due", "reason": f"does not start on {FIRST_DAY}"}
LICENSES = {"Basic": 1, "Licensed": 2}


def read_sample() -> dict[str, dict[str, str]]:
    """Return the rows of the sample export by employee number."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        return {row["Employee #"]: row for row in csv.DictReader(file)}


def match(
    sample: Mapping[str, Mapping[str, str]], summary: Iterable[Mapping[str, str]]
) -> dict[str, Mapping[str, str]]:
    """Find each employee's line of the DAG's summary; an employee without one was not due."""
    lines = list(summary)
    found: dict[str, Mapping[str, str]] = {}
    for number, row in sample.items():
        # Address by address as written: the duplicate row is spelled in another case.
        line = next((line for line in lines if line["email"] == row["Work Email"]), None)
        if line:
            lines.remove(line)
        found[number] = line or NOT_DUE
    if lines:
        raise StackError(f"The summary has people who are not in the export: {lines}")
    return found


def expected_people(sample: Mapping[str, Mapping[str, str]]) -> set[tuple[Any, ...]]:
    """Build the users that Zoom must have in the end: the existing one, and the invited."""
    there = (*(EXISTING[name] for name in ("email", "first_name", "last_name", "type")), "active")
    invited = {
        (
            row["Work Email"],
            row["First Name"],
            row["Last Name"],
            LICENSES[row["Zoom License"]],
            "pending",
        )
        for number, row in sample.items()
        if number not in EXPECTED
    }
    return {there, *invited}


def padded(text: str, width: int) -> str:
    """Fill up to a width in terminal cells, of which a letter takes none, one or two."""
    marks = sum(unicodedata.category(char) in ("Mn", "Me", "Cf") for char in text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return text + " " * max(0, width - len(text) + marks - wide)


def print_table(
    sample: Mapping[str, Mapping[str, str]], outcomes: Mapping[str, Mapping[str, str]]
) -> None:
    """Print each person, their outcome and the reason."""
    say(f"\n{'OUTCOME':<16}{'E-MAIL':<36}{'NAME':<26}REASON")
    for number, line in outcomes.items():
        row = sample[number]
        name = f"{row['First Name']} {row['Last Name']}".strip()
        cells = (padded(line["outcome"], 15), padded(row["Work Email"], 35), padded(name, 25))
        say(f"{' '.join(cells)} {line['reason']}".rstrip())
    counts = Counter(line["outcome"] for line in outcomes.values())
    say("\n" + ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))


def differences(
    state: str,
    sample: Mapping[str, Mapping[str, str]],
    outcomes: Mapping[str, Mapping[str, str]],
    people: Iterable[Mapping[str, Any]],
) -> list[str]:
    """List how the run differs from what was expected."""
    found = [] if state == "success" else [f"the run ended as {state}"]
    for number, line in outcomes.items():
        wanted = EXPECTED.get(number, "invited")
        if line["outcome"] != wanted:
            found.append(f"{sample[number]['Work Email']} is {line['outcome']}, not {wanted}")
    names = ("email", "first_name", "last_name", "type", "status")
    actual = Counter(tuple(person[name] for name in names) for person in people)
    expected = Counter(expected_people(sample))
    found += [f"Zoom lacks {person}" for person in (expected - actual).elements()]
    found += [f"Zoom has {person} besides" for person in (actual - expected).elements()]
    return found


def onboard(airflow: Airflow) -> str:
    """Run the DAG for the people of the sample who start on one day; return the run's state."""
    airflow.wait_for_dags(DAG)
    airflow.trigger(DAG, {"from": FIRST_DAY, "to": FIRST_DAY}, RUN)
    return airflow.wait_for_run(DAG, RUN)


def main() -> int:
    """Run the demo; return the exit code."""
    began = time.monotonic()
    sample = read_sample()
    with running(".demo") as stack:
        say(f"Running {DAG} for the people who start on {FIRST_DAY} ...")
        state = onboard(stack.airflow)
        outcomes = match(sample, stack.airflow.xcom(DAG, RUN, "summarize") or [])
        print_table(sample, outcomes)
        found = differences(state, sample, outcomes, people := stack.people())
        for difference in found:
            say(f"WRONG: {difference}")
        logs = stack.airflow.processes.logs.relative_to(PROJECT)
        say(
            f"The run was a {state}. The local Zoom has {len(people)} people, "
            f"{'not ' if found else ''}exactly the expected ones "
            f"({time.monotonic() - began:.0f} s)."
        )
        say(f"Logs, and the report of the run: {logs}/")
        say("\nThe same in the browser: make ui")
    return 1 if found else 0


if __name__ == "__main__":
    run_script(main)
