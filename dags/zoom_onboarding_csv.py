"""
### Create tomorrow's new hires in Zoom from an HR export

Runs every morning at 5:00 in the HR calendar's time zone and creates those whose first day is
the day after: everyone with `start <= hire date - 1 day < end`, where start and end are the run's
data interval. Repeating a run or a backfill creates nobody twice.

A run without a data interval, or one that is started with `from` or `to`, takes the people whose
first day is between those two dates, both included; left empty they mean tomorrow. The sample
export's people start on 2026-03-02.

The last task lists who got what, and fails if a person has no outcome.
"""

from __future__ import annotations

import csv
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param, task
from airflow.timetables.interval import CronDataIntervalTimetable

from zoom_provider.operators.users import ZoomCreateUsersOperator

log = logging.getLogger("airflow.task")

HR_TIMEZONE = "Europe/Berlin"
ONE_DAY = timedelta(days=1)

# What the export's column "Zoom License" says, in Zoom's numbers.
TYPES = {"Basic": 1, "Licensed": 2}

# Outcomes after which nobody has to do anything.
DONE = ("invited", "created", "existing", "updated", "unchanged")


def midnight(day: date) -> datetime:
    """Return the moment at which a day of the HR calendar begins."""
    return datetime.combine(day, time(), ZoneInfo(HR_TIMEZONE))


def wanted_interval(
    params: Mapping[str, Any], start: datetime | None, end: datetime | None, today: date
) -> tuple[datetime, datetime]:
    """Return the run's own interval, or the one that stands for the dates from and to."""
    if start and end and not params["from"] and not params["to"]:
        return start, end
    first = date.fromisoformat(params["from"]) if params["from"] else today + ONE_DAY
    last = date.fromisoformat(params["to"]) if params["to"] else first
    if last < first:
        raise ValueError(f"No day is both from {first} on and up to {last}: exchange the dates")
    return midnight(first - ONE_DAY), midnight(last)


def to_user_info(row: Mapping[str, str]) -> dict[str, Any]:
    """Map one row of the export to Zoom's fields; what HR left empty is left out."""
    license_ = row["Zoom License"].strip()
    fields = {
        "email": row["Work Email"].strip(),
        # A license that nobody mapped goes through as it is, and is reported as refused.
        "type": TYPES.get(license_, license_),
        "first_name": row["First Name"].strip(),
        "last_name": row["Last Name"].strip(),
        "display_name": row["Display Name"].strip(),
    }
    return {name: value for name, value in fields.items() if value != ""}


def pick_starters(
    rows: Iterable[Mapping[str, str]], start: datetime, end: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return who starts in the interval, and who has no first day that could be in any."""
    starters, undated = [], []
    for row in rows:
        hired = row["Hire Date"].strip()
        try:
            eve = midnight(date.fromisoformat(hired) - ONE_DAY)
        except (ValueError, OverflowError):
            reason = f"hire date {hired!r} is not a date" if hired else "hire date is missing"
            email = row["Work Email"].strip()
            undated.append({"email": email, "outcome": "no_start_date", "reason": reason})
            continue
        if start <= eve < end:
            starters.append(to_user_info(row))
    return starters, undated


def read_report(path: str) -> dict[int, dict[str, Any]]:
    """Return who got what, by the person's place among those who start; duplicate rows too."""
    with open(path, encoding="utf-8") as file:
        people = {line["row"]: line for line in map(json.loads, file)}
    with open(path.removesuffix(".jsonl") + ".rejects.csv", encoding="utf-8", newline="") as file:
        for reject in csv.DictReader(file):
            duplicate = {**reject, "row": int(reject["row"]), "outcome": "duplicate"}
            people.setdefault(duplicate["row"], duplicate)
    return dict(sorted(people.items()))


with DAG(
    dag_id="zoom_onboarding_csv",
    description="Create tomorrow's new hires in Zoom from an HR export",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 5 * * *", timezone=HR_TIMEZONE),
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo(HR_TIMEZONE)),
    catchup=False,
    tags=["zoom", "example"],
    params={
        "hr_export": Param(
            "data/hr_export.csv",
            type="string",
            title="HR export",
            description="Path of the CSV file; a relative one starts at this DAG's folder",
        ),
        "from": Param(
            None,
            type=["null", "string"],
            format="date",
            title="First days from",
            description="Instead of the run's interval; where it has none, empty means tomorrow",
        ),
        "to": Param(
            None,
            type=["null", "string"],
            format="date",
            title="First days to",
            description="Included; empty means the same day as from",
        ),
    },
) as dag:
    # Names stay out of the logs: what these tasks return is not written there.
    @task(multiple_outputs=True, show_return_value_in_logs=False)
    def extract(
        params: Any = None, data_interval_start: Any = None, data_interval_end: Any = None
    ) -> dict[str, Any]:
        """Read the export and pick the people of this run."""
        today = datetime.now(ZoneInfo(HR_TIMEZONE)).date()
        start, end = wanted_interval(params, data_interval_start, data_interval_end, today)
        path = Path(__file__).parent / params["hr_export"]
        with path.open(encoding="utf-8-sig", newline="") as file:
            starters, undated = pick_starters(csv.DictReader(file, restval=""), start, end)
        log.info("%d people with %s <= hire date - 1 day < %s", len(starters), start, end)
        return {"starters": starters, "undated": undated}

    @task(trigger_rule="all_done", show_return_value_in_logs=False)
    def summarize(
        starters: list[dict[str, Any]], undated: list[dict[str, str]], ti: Any = None
    ) -> list[dict[str, Any]]:
        """List who got what; fail if somebody got nothing or too many could not be created."""
        report = ti.xcom_pull(task_ids="create_users", key="report")
        if report is None:
            raise AirflowFailException("create_users left no report; its log says why")
        people = read_report(report)
        listed = [
            {name: person[name] or "" for name in ("email", "outcome", "reason")}
            for person in [*people.values(), *undated]
        ]
        for person in listed:
            level = logging.INFO if person["outcome"] in DONE else logging.WARNING
            log.log(level, "%(outcome)-16s %(email)-36s %(reason)s", person)
        counts = Counter(person["outcome"] for person in listed)
        log.info("In all: %s", ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))

        forgotten = [
            person.get("email", f"row {number}")
            for number, person in enumerate(starters, start=1)
            if number not in people
        ]
        if forgotten:
            raise AirflowFailException(f"No outcome for {', '.join(forgotten)}")
        if ti.xcom_pull(task_ids="create_users") is None:
            raise AirflowFailException("create_users failed; its log says why")
        return listed

    hires: Any = extract()
    create_users = ZoomCreateUsersOperator(
        task_id="create_users",
        users=hires["starters"],
        action="create",
        if_exists="skip",
        on_error="continue",
        # Up to ten people are reported for HR to correct; more mean that the export is wrong.
        max_failures=10,
        # Where the next task may run on another machine, name a report that both can read.
        report=None,
    )
    create_users >> summarize(hires["starters"], hires["undated"])
