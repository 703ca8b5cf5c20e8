"""
### Create new hires in Zoom from BambooHR

Every morning at 5:00 in the HR calendar's time zone it asks BambooHR two things:

- its data set `employee`, page by page, for the employees whose first day is tomorrow or was in the
  30 days before. Those who start tomorrow are created, however long ago HR entered them;
- its list of employees that changed since the run's interval began. Of those whose first day has
  passed, only these are created: late entries, and records that HR corrected.

So late entries are not lost, and no employee is repeated on each of 30 mornings. Employees who have
left are skipped, and existing users are not changed. A colleague of long standing who gets a new
name and address does not become a new user.

A run without a data interval, or one that is started with `from` or `to`, takes exactly the
employees whose first day is between those two dates, both included; both default to tomorrow.

The rows go from BambooHR to Zoom in one task, so Airflow stores no name. An employee whose first
day cannot be read is not created and counts as a failure.

Connection `bamboohr`: type HTTP, host `https://COMPANY.bamboohr.com`, login `api-key` (any text),
password the API key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param, task
from airflow.timetables.interval import CronDataIntervalTimetable

from zoom_provider.assets import ZOOM_USERS

log = logging.getLogger("airflow.task")

HR_TIMEZONE = ZoneInfo("Europe/Berlin")
ONE_DAY = timedelta(days=1)
LATE = timedelta(days=30)
# Up to ten failures are reported for HR to correct; more mean that something else is wrong.
MAX_FAILURES = 10
# More are not a morning's new hires but a query that takes all staff.
MAX_CREATES = 500

# The data set's names, which are not those of BambooHR's other endpoints; eeid is the employee id.
FIELDS = ["eeid", "email", "firstName", "lastName", "jobInformationDepartment"]
DATES = ["hireDate", "terminationDate", "status"]
MAPPING = {
    "email": "email",
    "type": {"column": "jobInformationDepartment", "map": {"Sales": 2, "Support": 2}, "default": 1},
    "first_name": "firstName",
    "last_name": "lastName",
}

MISSING = "Needs the HTTP provider: pip install 'airflow-provider-zoom[examples]'"
INSTALLED = find_spec("airflow.providers.http") is not None


def is_to_come(person: Mapping[str, Any], today: date) -> bool:
    """Say whether a person is employed or will be: until then BambooHR calls them inactive."""
    hired, now = person["hireDate"], today.isoformat()
    # An end before the first day is of an earlier employment.
    left = hired <= (person["terminationDate"] or "") <= max(hired, now)
    return not left and (person["status"] == "Active" or hired > now)


def ask(method: str, endpoint: str, **request: Any) -> dict[str, Any]:
    """Send a request to BambooHR; if it asks to wait, repeat it for five minutes at most."""
    from airflow.providers.http.hooks.http import HttpHook
    from requests.adapters import HTTPAdapter
    from requests.auth import HTTPBasicAuth
    from requests.exceptions import RequestException
    from urllib3.util import Retry

    retry = Retry(
        total=4,
        backoff_factor=1,
        status_forcelist=(429, 503),
        allowed_methods=None,  # the data set is asked by POST, which changes nothing
        raise_on_status=False,
        retry_after_max=75,
    )
    hook = HttpHook(
        method=method,
        http_conn_id="bamboohr",
        # BambooHR wants the key as user name. As a password Airflow encrypts and masks it.
        auth_type=lambda _login, key: HTTPBasicAuth(key, "x"),
        adapter=HTTPAdapter(max_retries=retry),
    )
    # The hook's own check would write the whole reply, with names, to the log.
    options = {"check_response": False, "timeout": 60}
    headers = {"Accept": "application/json"}
    try:
        reply = hook.run(endpoint, headers=headers, extra_options=options, **request)
        if reply.ok:
            return dict(reply.json())
    except RequestException as error:
        kind = type(error).__name__
        raise RuntimeError(f"BambooHR gave no answer to {method} {endpoint}: {kind}") from None
    text = f"BambooHR answered {method} {endpoint} with {reply.status_code} {reply.reason}"
    if reply.status_code in (401, 403):
        text += "; the password of the connection bamboohr must be an API key with access to it"
    worth_another_try = reply.status_code == 429 or reply.status_code >= 500
    raise (RuntimeError if worth_another_try else AirflowFailException)(text)


def people_hired(first: date, last: date) -> list[dict[str, Any]]:
    """Read the employees whose first day is between two dates, page by page."""
    query = {
        "fields": FIELDS + DATES,
        "filter": f"hireDate ge '{first}' and hireDate le '{last}'",
        "orderBy": "eeid asc",  # without an order, pages may overlap
        "pageSize": 500,
    }
    people: dict[str, dict[str, Any]] = {}
    page, pages = 0, 1
    while page < pages:
        page += 1
        reply = ask("POST", "/api/v2/datasets/employee/data", json={**query, "page": page})
        people |= {str(row["fields"]["eeid"]): row["fields"] for row in reply["data"]}
        pages, total = reply["meta"]["totalPages"], reply["meta"]["totalItems"]
    if len(people) != total:
        raise RuntimeError(f"BambooHR's data changed while it was read: {len(people)} of {total}")
    return list(people.values())


def read_day(text: Any) -> date | None:
    """Read a first day; None where it cannot be read, which the operator reports."""
    try:
        return datetime.fromisoformat(text).date()
    except (TypeError, ValueError):
        return None


def changed_since(moment: datetime) -> set[str]:
    """Return the ids of the employees that were entered or changed."""
    since = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    reply = ask("GET", "/api/v1/employees/changed", data={"since": since})
    return set(reply["employees"])


def wanted(params: Any, start: datetime | None, end: datetime | None) -> tuple[date, date]:
    """Return the first and the last first day of a run."""
    if start and end and not params["from"] and not params["to"]:
        # The interval before went up to the day after its end, which is this one's start.
        first = start.astimezone(HR_TIMEZONE).date() + 2 * ONE_DAY
        return first, end.astimezone(HR_TIMEZONE).date() + ONE_DAY
    tomorrow = datetime.now(HR_TIMEZONE).date() + ONE_DAY
    first = date.fromisoformat(params["from"] or f"{tomorrow}")
    last = date.fromisoformat(params["to"] or f"{first}")
    if last < first:
        raise AirflowFailException(f"No day is both from {first} on and up to {last}")
    return first, last


with DAG(
    dag_id="zoom_onboarding_bamboohr",
    description="Create new hires in Zoom from BambooHR" if INSTALLED else MISSING,
    doc_md=__doc__ if INSTALLED else MISSING,
    schedule=CronDataIntervalTimetable("0 5 * * *", timezone=str(HR_TIMEZONE)),
    start_date=datetime(2026, 1, 1, tzinfo=HR_TIMEZONE),
    catchup=False,
    user_defined_macros={"wanted": wanted},
    tags=["zoom", "example"],
    params={
        "from": Param(None, type=["null", "string"], format="date", title="First days from"),
        "to": Param(None, type=["null", "string"], format="date", title="First days to"),
    },
) as dag:

    @task.zoom_create_users(
        mapping=MAPPING,
        key="eeid",
        # The function selects the days; what is left to find are first days that cannot be read.
        first_day={
            "column": "hireDate",
            "timezone": str(HR_TIMEZONE),
            "to": "{{ wanted(params, dag_run.data_interval_start, dag_run.data_interval_end)[1] }}",
        },
        source="bamboohr",
        action="create",
        if_exists="skip",
        max_failures=MAX_FAILURES,
        max_creates=MAX_CREATES,
        # Its event starts zoom_onboarded.
        outlets=[ZOOM_USERS],
    )
    def create_users(
        params: Any = None, data_interval_start: Any = None, data_interval_end: Any = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the employees of this run, and those without a readable first day."""
        if not INSTALLED:
            raise AirflowFailException(MISSING)
        today = datetime.now(HR_TIMEZONE).date()
        first, last = wanted(params, data_interval_start, data_interval_end)
        late, changed = timedelta(0), set()
        if data_interval_start and not params["from"] and not params["to"]:
            late, changed = LATE, changed_since(data_interval_start)
        found = 0
        for person in people_hired(first - late, last):
            hired = read_day(person["hireDate"])
            if hired is not None:
                of_run = hired >= first or str(person["eeid"]) in changed
                if not of_run or not is_to_come({**person, "hireDate": f"{hired}"}, today):
                    continue
            found += 1
            yield {name: person[name] for name in (*FIELDS, "hireDate")}
        log.info("%d people with their first day from %s to %s, or late", found, first, last)

    @task(trigger_rule="all_done")
    def summarize(ti: Any = None) -> dict[str, int]:
        """Count the outcomes; fail if no user could be created or too many failed."""
        counts: dict[str, int] | None = ti.xcom_pull(task_ids="create_users", key="outcomes")
        if counts is None:
            raise AirflowFailException("create_users left no report; its log says why")
        for person in ti.xcom_pull(task_ids="create_users", key="attention") or ():
            log.warning("%(source)s %(key)s %(email)s: %(outcome)s, %(reason)s", person)
        if ti.xcom_pull(task_ids="create_users") is None:
            raise AirflowFailException("create_users failed; its log says why")
        return counts

    create_users() >> summarize()
