"""
### Create tomorrow's new hires in Zoom from an HR table in PostgreSQL

Every morning at 5:00 in the HR calendar's time zone it creates the employees whose first day is
tomorrow. It also creates late entries: employees who started before, if HR has entered them within
the run's data interval, or has changed their row within it in their first 30 days. It skips
employees who have left. Repeating a run or a backfill never creates duplicates.

A run without a data interval, or one that is started with `from` or `to`, takes the employees whose
first day is between those two dates, both included; both default to tomorrow.

The rows go from the table to Zoom in one task, so Airflow stores no name. A row without a first day
is a failure. More than `MAX_FAILURES` failures turn the run red. The last task lists all outcomes.
"""

from __future__ import annotations

import json
import logging
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param, task
from airflow.timetables.interval import CronDataIntervalTimetable

from zoom_provider.assets import ZOOM_USERS
from zoom_provider.transfers.sql import SqlToZoomUsersOperator

log = logging.getLogger("airflow.task")

HR_TIMEZONE = ZoneInfo("Europe/Berlin")
MISSING = "Needs the PostgreSQL provider: pip install 'airflow-provider-zoom[examples]'"
INSTALLED = find_spec("airflow.providers.postgres") is not None

# Starters of the day; late entries; starters of the last 30 days whose row was corrected. Not of
# more days: a colleague of long standing who gets another address must not become a second user. An
# end before the first day is of an earlier employment.
SQL = """
SELECT employee_number, work_email, last_name,
       coalesce(nullif(trim(preferred_name), ''), first_name) AS first_name,
       CASE employment_type WHEN 'contractor' THEN 'Contractor' ELSE department END AS license_for,
       hire_date
FROM hr.employees
WHERE (hire_date BETWEEN %(first)s AND %(last)s
       OR hire_date <= %(last)s AND recorded_at >= nullif(%(start)s, '')::timestamptz
          AND recorded_at < nullif(%(end)s, '')::timestamptz
       OR hire_date BETWEEN %(first)s::date - 30 AND %(last)s
          AND updated_at >= nullif(%(start)s, '')::timestamptz
          AND updated_at < nullif(%(end)s, '')::timestamptz
       OR hire_date IS NULL OR hire_date IN ('infinity', '-infinity'))
  AND (termination_date IS NULL OR termination_date > %(today)s OR termination_date < hire_date)
ORDER BY employee_number, updated_at DESC
"""

# From Zoom's field to the column. An unlisted department is reported, not guessed.
MAPPING = {
    "email": "work_email",
    "first_name": "first_name",
    "last_name": "last_name",
    "type": {
        "column": "license_for",
        "map": {
            **dict.fromkeys(("Engineering", "Finance", "Legal", "Marketing", "People", "Sales"), 2),
            **dict.fromkeys(("Operations", "Support", "Contractor"), 1),
        },
    },
}

DONE = ("invited", "created", "existing", "updated", "unchanged")
# Up to ten failures are reported for HR to correct; more mean that the table is wrong.
MAX_FAILURES = 10
SOURCE = "hr_postgres hr.employees"


def wanted(params: Any, start: datetime | None, end: datetime | None) -> dict[str, Any]:
    """Return the range of first days of a run, and the range of times when rows count as new."""
    today = datetime.now(HR_TIMEZONE).date()
    if start and end and not params["from"] and not params["to"]:
        # The interval before went up to the day after its end, which is this one's start.
        first = start.astimezone(HR_TIMEZONE).date() + timedelta(days=2)
        last = end.astimezone(HR_TIMEZONE).date() + timedelta(days=1)
        # A row that is written while a run reads appears in the next one, with an earlier time.
        start -= timedelta(hours=1)
    else:
        start = end = None
        first = date.fromisoformat(params["from"] or str(today + timedelta(days=1)))
        last = date.fromisoformat(params["to"] or str(first))
        if last < first:
            raise AirflowFailException(f"No day is both from {first} on and up to {last}")
    return {"first": first, "last": last, "start": start, "end": end, "today": today}


with DAG(
    dag_id="zoom_onboarding_postgres",
    description="Create new hires in Zoom from a table in PostgreSQL" if INSTALLED else MISSING,
    doc_md=__doc__ if INSTALLED else MISSING,
    schedule=CronDataIntervalTimetable("0 5 * * *", timezone=str(HR_TIMEZONE)),
    start_date=datetime(2025, 1, 1, tzinfo=HR_TIMEZONE),
    catchup=False,
    user_defined_macros={"wanted": wanted},
    tags=["zoom", "example"],
    params={
        "from": Param(None, type=["null", "string"], format="date", title="First days from"),
        "to": Param(None, type=["null", "string"], format="date", title="First days to, included"),
    },
) as dag:
    bound = "wanted(params, dag_run.data_interval_start, dag_run.data_interval_end)"
    create_users = SqlToZoomUsersOperator(
        task_id="create_users",
        conn_id="hr_postgres",
        sql=SQL,
        parameters={
            name: f"{{{{ {bound}.{name} or '' }}}}"
            for name in ("first", "last", "start", "end", "today")
        },
        mapping=MAPPING,
        key="employee_number",
        # The statement selects the days; what is left to find are rows without a first day.
        first_day={"column": "hire_date", "to": f"{{{{ {bound}.last }}}}"},
        source=SOURCE,
        # Writes changed names and licenses. Who comes back may be inactive in Zoom: "skip" would
        # pass over them in silence, "update" makes them needs_human.
        if_exists="update",
        max_failures=MAX_FAILURES,
        # Not a morning's new hires but a table that was changed as a whole.
        max_creates=500,
        # zoom_onboarded starts when this has an event.
        outlets=[ZOOM_USERS],
    )

    @task(trigger_rule="all_done", show_return_value_in_logs=False)
    def report(ti: Any = None) -> None:
        """List who got what; fail if that is not known or the creation failed."""
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        path = ti.xcom_pull(task_ids="create_users", key="report")
        if path is None:
            raise AirflowFailException("No report: the log of create_users says why")
        lines = ObjectStoragePath(path).read_text(encoding="utf-8").split("\n")
        for person in map(json.loads, filter(None, lines)):
            person["reason"] = person["reason"] or ""
            level = logging.INFO if person["outcome"] in DONE else logging.WARNING
            log.log(level, "%(outcome)-16s %(key)-10s %(email)-36s %(reason)s", person)
        if ti.xcom_pull(task_ids="create_users") is None:
            raise AirflowFailException("create_users failed; its log says why")

    create_users >> report()
