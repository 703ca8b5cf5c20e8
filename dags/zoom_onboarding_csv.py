"""
### Create new hires in Zoom from the exports that HR drops into a folder

Every morning at 5:00 in the HR calendar's time zone, each new `*.csv` in the folder is read, oldest
first, and everybody whose first day is tomorrow or earlier is created. The folder is the parameter
`folder` or else the Variable `zoom_hr_folder`: a path such as `/srv/hr`, or a URL such as
`s3://aws_default@hr-drop/inbox`, where `aws_default` is a connection.

A file is read by each run, which creates nobody twice, until nothing is left to do for anybody in
it. Then it is marked by a `NAME.csv.done` beside it; a file that replaces it is a new one. What
changed within the last minute may still be written, and is left to the next run.

Started with `from` or `to`, a run takes the people whose first day is between those two dates, both
included, from all files, and marks none. The sample export's people start on 2026-03-02.

The last task lists who got what. It fails if a person has no outcome or a file could not be read.
HR gets an e-mail then, and one with the people whom somebody has to look after.
"""

from __future__ import annotations

import io
import json
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param, task
from airflow.timetables.interval import CronDataIntervalTimetable

from zoom_provider.assets import ZOOM_USERS
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.notifications import PEOPLE_HTML, PEOPLE_SUBJECT, attention_callbacks
from zoom_provider.operators.users import ZoomCreateUsersOperator

log = logging.getLogger("airflow.task")

HR_TIMEZONE = "Europe/Berlin"
HR_MAIL = "hr@example.com"
QUIET_SECONDS = 60

MAPPING = {
    "email": "Work Email",
    "type": {"column": "Zoom License", "map": {"Basic": 1, "Licensed": 2}},
    "first_name": "First Name",
    "last_name": "Last Name",
    "display_name": "Display Name",
}
# The columns that an export must have; of them, what is for Zoom goes on to the next task.
FOR_ZOOM = ("Work Email", "Zoom License", "First Name", "Last Name", "Display Name")
COLUMNS = {"Employee #": "tracing rows", "Hire Date": "first days"} | dict.fromkeys(
    FOR_ZOOM, "Zoom's fields"
)

DAY: dict[str, Any] = {"type": ["null", "string"], "format": "date"}

DONE = ("invited", "created", "existing", "updated", "unchanged")
# For these, nothing is left to do either until HR drops a corrected file.
SETTLED = (*DONE, "rejected", "duplicate", "no_start_date")
FORGOTTEN = {"outcome": "forgotten", "reason": "the report does not have this person"}


def wanted_days(from_: str | None, to: str | None, today: date) -> tuple[date, date]:
    """Return the first and the last of the first days that are meant: any up to tomorrow."""
    tomorrow = today + timedelta(days=1)
    if not from_ and not to:
        return date.min, tomorrow
    first = date.fromisoformat(from_) if from_ else tomorrow
    last = date.fromisoformat(to) if to else first
    if last < first:
        raise AirflowFailException(
            f"No day is from {first} on and up to {last}: exchange the dates"
        )
    return first, last


def first_day(row: Any) -> date:
    """Return a person's first day; raise ValueError with what HR has to correct."""
    if not isinstance(row, dict):
        raise ValueError("more cells than the header has columns: is there a comma without quotes?")
    hired = row["Hire Date"].strip()
    try:
        return date.fromisoformat(hired)
    except ValueError:
        fault = f"{hired!r} is not a date" if hired else "is missing"
        raise ValueError(f"hire date {fault}") from None


def pick(name: str, data: bytes, first: date, last: date) -> dict[str, Any]:
    """Return who of an export starts on these days, who has no first day, how many start later."""
    from zoom_provider.api.replies import printable
    from zoom_provider.provisioning.roster import from_csv

    picked: dict[str, Any] = {"people": [], "undated": [], "later": 0}
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    for number, row, _ in from_csv(stream, name, COLUMNS):
        cells = row if isinstance(row, dict) else dict.fromkeys(COLUMNS, "")
        employee = cells["Employee #"].strip() or "unknown"
        key = printable(f"{name} row {number}, employee {employee}")
        person = {"file": name, "key": key, **{c: cells[c].strip() for c in FOR_ZOOM}}
        try:
            day = first_day(row)
        except ValueError as error:
            picked["undated"].append(told(person, "no_start_date", str(error)))
            continue
        picked["later"] += day > last
        picked["people"] += [person] if first <= day <= last else []
    return picked


def told(person: Mapping[str, str], outcome: str, reason: str | None) -> dict[str, str]:
    """Return a line of the list of who got what: one line, whatever a cell holds."""
    from zoom_provider.api.replies import printable

    email = printable(person["Work Email"], 128)
    where = {"file": person["file"], "key": person["key"], "email": email}
    return {**where, "outcome": outcome, "reason": reason or ""}


def version(path: Any) -> dict[str, Any]:
    """Return what tells one content of a file from another."""
    stat = path.stat()
    return {"size": stat.st_size, "modified": stat.st_mtime}


def is_done(mark: Any, now: Mapping[str, Any]) -> Any:
    """Tell whether the mark beside a file is for what the file holds now."""
    try:
        return mark.exists() and now.items() <= json.loads(mark.read_text()).items()
    except ValueError:  # half a mark
        return False


def read_settled(path: Any, before: Mapping[str, Any]) -> bytes | None:
    """Return what a file holds; None where somebody may still be writing it."""
    if time.time() - before["modified"] >= QUIET_SECONDS:
        data: bytes = path.read_bytes()
        # What an object store says now, not what it said a while ago.
        path.fs.invalidate_cache()
        if version(path) == before:
            return data
    log.info("%s has just changed; it is left to the next run", path.name)
    return None


def read_report(path: str) -> dict[int, dict[str, Any]]:
    """Return who got what, by people's places in the list, from 1; without the duplicates."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    # Not splitlines, for which U+2028 in a text ends a line too.
    lines = ObjectStoragePath(path).read_text(encoding="utf-8").split("\n")
    return {line["row"]: line for line in map(json.loads, filter(None, lines))}


def who_got_what(
    people: Iterable[Mapping[str, str]], report: Mapping[int, Mapping[str, Any]]
) -> list[dict[str, str]]:
    """List each person's outcome, in the order of the exports."""
    listed: list[dict[str, str]] = []
    first: dict[str, str] = {}
    for place, person in enumerate(people, start=1):
        email = person["Work Email"]
        same = first.get(email.lower())
        other = {"outcome": "duplicate", "reason": f"duplicate of {same}"} if same else FORGOTTEN
        line = report.get(place, other)
        if line["outcome"] != "rejected":
            first.setdefault(email.lower(), person["key"])
        listed.append(told(person, line["outcome"], line["reason"]))
    return listed


def mail_to_hr(context: Any) -> None:
    """Send what failed, and who needs help, by the connection smtp_default."""
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    SmtpNotifier(to=HR_MAIL, subject=PEOPLE_SUBJECT, html_content=PEOPLE_HTML)(context)


with DAG(
    dag_id="zoom_onboarding_csv",
    description="Create new hires in Zoom from the exports that HR drops into a folder",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 5 * * *", timezone=HR_TIMEZONE),
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo(HR_TIMEZONE)),
    catchup=False,
    max_active_runs=1,
    # For each task, because a source that cannot be read is news as well.
    default_args=attention_callbacks(mail_to_hr),
    tags=["zoom", "example"],
    params={
        "folder": Param(
            None,
            type=["null", "string"],
            title="Folder of the exports",
            description="A path or URL; empty means the Variable zoom_hr_folder",
        ),
        "from": Param(
            None,
            **DAY,
            title="First days from",
            description="Instead of all new files up to tomorrow",
        ),
        "to": Param(
            None, **DAY, title="First days to", description="Included; empty means the same as from"
        ),
    },
) as dag:
    # Names stay out of the logs: what these tasks return is not written there.
    @task(multiple_outputs=True, show_return_value_in_logs=False)
    def extract(folder: str, params: Any = None, data_interval_end: Any = None) -> dict[str, Any]:
        """Read the new exports, and pick the people who are due."""
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        by_hand = bool(params["from"] or params["to"])
        zone = ZoneInfo(HR_TIMEZONE)
        today = (data_interval_end or datetime.now(zone)).astimezone(zone).date()
        first, last = wanted_days(params["from"], params["to"], today)
        try:
            inbox: Any = ObjectStoragePath(folder)
            there = folder and inbox.exists()
        except (ImportError, ValueError) as error:
            raise AirflowFailException(
                f"{folder} needs a provider that is not installed ({error}); for s3:// "
                "pip install 'airflow-provider-zoom[examples]'"
            ) from None
        if not there:
            raise AirflowFailException(
                f"There is no folder {folder!r}, or its bucket has nothing there: let the Variable "
                "zoom_hr_folder, or the parameter folder, name where HR drops the exports"
            )
        found: dict[str, Any] = {"folder": folder, "by_hand": by_hand}
        found |= {"people": [], "undated": [], "files": [], "faults": []}
        inbox.fs.invalidate_cache()
        files = (p for p in inbox.iterdir() if p.name.lower().endswith(".csv") and p.is_file())
        exports = [(version(path), path) for path in files]
        for now, path in sorted(
            exports, key=lambda export: (export[0]["modified"], export[1].name)
        ):
            if not by_hand and is_done(inbox / f"{path.name}.done", now):
                continue
            try:
                if (data := read_settled(path, now)) is None:
                    continue
                picked = pick(path.name, data, first, last)
            except (OSError, ZoomValidationError) as error:
                # The people of the other files are not held up; the last task fails with it.
                log.error("%s", error)
                found["faults"].append(str(error))
                continue
            log.info("%s: %d people are due", path.name, len(picked["people"]))
            found["people"] += picked["people"]
            found["undated"] += picked["undated"]
            found["files"].append({"name": path.name, "later": picked["later"], **now})
        return found

    @task(trigger_rule="all_done", show_return_value_in_logs=False)
    def summarize(found: dict[str, Any] | None, ti: Any = None) -> Any:
        """List who got what and mark the files that are done; fail if something is amiss."""
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        report = ti.xcom_pull(task_ids="create_users", key="report")
        if found is None or report is None:
            raise AirflowFailException("No report: the log of the task that failed says why")
        listed = [*who_got_what(found["people"], read_report(report)), *found["undated"]]
        for person in listed:
            level = logging.INFO if person["outcome"] in DONE else logging.WARNING
            log.log(level, "%(outcome)-16s %(email)-36s %(reason)s (%(key)s)", person)
        counts = Counter(person["outcome"] for person in listed)
        log.info("In all: %s", ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))

        faults = list(found["faults"])
        if ti.xcom_pull(task_ids="create_users") is None:
            faults.append("create_users failed; its log says why")
        elif not found["by_hand"] and not create_users.only_told:  # a dry run settles nothing
            for file in found["files"]:
                of_file = Counter(p["outcome"] for p in listed if p["file"] == file["name"])
                why = [f"{of_file[o]} {o}" for o in of_file if o not in SETTLED]
                why += [f"{file['later']} start later"] if file["later"] else []
                if why:
                    log.info("%s stays open: %s", file["name"], ", ".join(why))
                    continue
                mark = ObjectStoragePath(found["folder"]) / f"{file['name']}.done"
                about = {**file, "run_id": ti.run_id, "outcomes": of_file, "report": report}
                mark.write_text(json.dumps(about, indent=2))
        if counts["forgotten"]:
            faults.append(f"{counts['forgotten']} people have no outcome: see the list in the log")
        if faults:
            raise AirflowFailException("; ".join(faults))
        return listed

    hires: Any = extract("{{ params.folder or var.value.get('zoom_hr_folder', '') }}")
    create_users = ZoomCreateUsersOperator(
        task_id="create_users",
        users=hires["people"],
        mapping=MAPPING,
        key="key",
        source=hires["folder"],
        # Up to ten people are reported for HR to correct; more mean that an export is wrong.
        max_failures=10,
        # zoom_onboarded starts when this has an event.
        outlets=[ZOOM_USERS],
        # Where the next task may run on another machine, name a URL that both can read.
        report=None,
    )
    create_users >> summarize(hires)
