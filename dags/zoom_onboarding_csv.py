"""
### Create new hires in Zoom from the exports that HR drops into a folder

Every morning at 5:00 in the HR calendar's time zone, each new `*.csv` in the folder is read, oldest
first, and each user whose first day is tomorrow or earlier is created. The folder is the Variable
`zoom_hr_folder`: a path such as `/srv/hr`, or a URL such as `s3://aws_default@hr-drop/inbox`, where
`aws_default` is a connection. The parameter `folder` may name one below it.

Each run reads a file again, without creating duplicates, until every row in it is done. Then it is
marked by a `NAME.csv.done` beside it; a file that replaces it is a new one. A file that may still
be written is read once it has not changed for a minute.

Started with `from` or `to`, a run takes the people whose first day is between those two dates, both
included, from all files, and marks none. The sample export's people start on 2026-03-02.

The last task lists the outcome of each row. It fails if a person has no outcome, a file could not
be read or more than `MAX_FAILURES` people failed; a row without a first day is a failure. HR gets
an e-mail with the failures.
"""

from __future__ import annotations

import io
import json
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
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
# A file is read when it has been still for so long; one that never is, is a fault after ten tries.
QUIET_SECONDS, TRIES = 60, 10
# Up to ten people are reported for HR to correct; more mean that an export is wrong.
MAX_FAILURES = 10
# More are no morning's new hires but an export of all staff.
MAX_CREATES = 500

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
SETTLED = (*DONE, "rejected", "duplicate")
NO_FAILURE = (*DONE, "duplicate", "deferred_quota", "forgotten")
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


def allowed(folder: str, root: str) -> str:
    """Return the folder that a run reads: the root or one below it, whatever links lead there."""

    def located(text: str) -> str:
        path = text.removeprefix("file://")
        return text.rstrip("/") if "://" in path else str(Path(path).resolve())

    if not root:
        raise AirflowFailException(
            "There is no folder to read: set the Variable zoom_hr_folder to where HR drops the "
            "exports"
        )
    place = located(folder or root)
    outside = not f"{place}/".startswith(f"{located(root)}/")
    # Two colons would chain another place to this one.
    if outside or ".." in unquote(place).split("/") or "::" in place:
        raise AirflowFailException(
            f"The folder {folder!r} is not below {root!r}: name one that is, or let an "
            "administrator change the Variable zoom_hr_folder"
        )
    return place


def first_day(row: Any) -> date:
    """Return a person's first day; raise ValueError with what HR has to correct."""
    if not isinstance(row, dict):
        raise ValueError("more cells than the header has columns: is there a comma without quotes?")
    hired = row["Hire Date"].strip()
    if not hired:
        raise ValueError("hire date is missing")
    fault = "is no date in the form YYYY-MM-DD"
    try:
        moment = datetime.fromisoformat(hired)
        # Midnight of one zone is the day before in another.
        if not moment.tzinfo or moment.astimezone(ZoneInfo(HR_TIMEZONE)).date() == moment.date():
            return moment.date()
        fault = f"is another day in {HR_TIMEZONE}: write YYYY-MM-DD"
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"hire date {hired[:40]!r} {fault}")


def pick(name: str, data: bytes, first: date, last: date) -> dict[str, Any]:
    """Return who of an export starts on these days, who has no first day, and why it stays open."""
    from zoom_provider.models.validation import sanitize_for_log
    from zoom_provider.provisioning.columns import Column, ColumnFinder
    from zoom_provider.provisioning.file_format import FileFormat
    from zoom_provider.provisioning.readers import read_text_records

    people, undated, later = [], [], 0
    finder = ColumnFinder([Column(column, purpose) for column, purpose in COLUMNS.items()])
    for number, row, _ in read_text_records(io.BytesIO(data), name, finder, FileFormat()):
        cells = row if isinstance(row, dict) else dict.fromkeys(COLUMNS, "")
        employee = cells["Employee #"].strip() or "unknown"
        key = sanitize_for_log(f"{name} row {number}, employee {employee}")
        person = {"file": name, "row": number, "key": key}
        person |= {column: cells[column].strip() for column in FOR_ZOOM}
        try:
            day = first_day(row)
        except ValueError as error:
            undated.append(as_failure(person, "rejected", str(error)))
            continue
        later += day > last
        people += [person] if first <= day <= last else []
    counts = {"start later": later, "without a first day": len(undated)}
    keeps_open = [f"{count} {what}" for what, count in counts.items() if count]
    return {"people": people, "undated": undated, "open": keeps_open}


def as_failure(person: Mapping[str, Any], outcome: str, reason: str | None) -> dict[str, Any]:
    """Return a line of the list of who got what: one line, whatever a cell holds."""
    from zoom_provider.models.validation import sanitize_for_log

    where = {name: person[name] for name in ("file", "row", "key")}
    where |= {
        "source": sanitize_for_log(person["file"]),
        "email": sanitize_for_log(person["Work Email"], 128),
    }
    return {**where, "outcome": outcome, "reason": reason or ""}


def version(path: Any) -> dict[str, Any]:
    """Return what distinguishes one content of a file from another."""
    stat = path.stat()
    return {"size": stat.st_size, "modified": stat.st_mtime}


def is_done(mark: Any, now: Mapping[str, Any]) -> bool:
    """Tell whether the mark beside a file is for what the file holds now."""
    if not mark.exists():
        return False
    try:
        about = json.loads(mark.read_text())
    except (ValueError, RecursionError):  # half a mark
        return False
    return isinstance(about, dict) and now.items() <= about.items()


def read_settled(path: Any, found: dict[str, Any], listed: float) -> tuple[dict[str, Any], bytes]:
    """Return which version of a file was read, and what it holds, once it has kept still."""
    since = min(found["modified"], listed)
    for _ in range(TRIES):
        # No event says that a copy has ended: an export counts as whole once it has kept still.
        time.sleep(max(0.0, since + QUIET_SECONDS - time.time()))
        data: bytes = path.read_bytes()
        # What an object store says now, not what it said a while ago.
        path.fs.invalidate_cache()
        before, found = found, version(path)
        if found == before:
            return found, data
        since = time.time()
    raise TimeoutError("it kept changing; write it under another name, then rename it")


def read_exports(inbox: Any, by_hand: bool, first: date, last: date) -> dict[str, list[Any]]:
    """Pick from each file who is due, oldest first; a file that cannot be read is a fault."""
    from zoom_provider.models.validation import sanitize_for_log

    def modified(path: Any) -> tuple[float, str]:
        with suppress(OSError):
            return version(path)["modified"], path.name
        return 0, path.name

    found: dict[str, list[Any]] = {"people": [], "undated": [], "files": [], "faults": []}
    inbox.fs.invalidate_cache()
    listed = time.time()
    for path in sorted(inbox.iterdir(), key=modified):
        name = sanitize_for_log(path.name)
        try:
            if not name.lower().endswith(".csv") or (path.exists() and not path.is_file()):
                continue
            path.name.encode()  # or XCom could not hold it
            now = version(path)
            if not by_hand and is_done(inbox / f"{path.name}.done", now):
                continue
            if now["modified"] > listed:
                log.warning("%s has a time in the future", name)
            now, data = read_settled(path, now, listed)
            picked = pick(path.name, data, first, last)
        except (OSError, UnicodeError, ZoomValidationError) as error:
            # The people of the other files are not held up; the last task fails with it.
            of_file = str(error) if isinstance(error, ZoomValidationError) else f"{name}: {error}"
            found["faults"].append(sanitize_for_log(of_file, 600))
            log.error("%s", found["faults"][-1])
            continue
        log.info("%s: %d people are due", name, len(picked["people"]))
        found["people"] += picked["people"]
        found["undated"] += picked["undated"]
        found["files"].append({"name": path.name, "open": picked["open"], **now})
    return found


def read_report(path: str) -> dict[int, dict[str, Any]]:
    """Return who got what, by people's places in the list, from 1; without the duplicates."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    # Not splitlines, for which U+2028 in a text ends a line too.
    lines = ObjectStoragePath(path).read_text(encoding="utf-8").split("\n")
    return {line["row"]: line for line in map(json.loads, filter(None, lines))}


def who_got_what(
    people: Iterable[Mapping[str, Any]], report: Mapping[int, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """List each person's outcome, in the order of the exports."""
    listed: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    for place, person in enumerate(people, start=1):
        email = person["Work Email"]
        same = first.get(email.lower())
        other = {"outcome": "duplicate", "reason": f"duplicate of {same}"} if same else FORGOTTEN
        line = report.get(place, other)
        if line["outcome"] != "rejected":
            first.setdefault(email.lower(), person["key"])
        listed.append(as_failure(person, line["outcome"], line["reason"]))
    return listed


def mark(inbox: Any, file: Mapping[str, Any], about: Mapping[str, Any]) -> str | None:
    """Mark a file if it is done; return a fault if that cannot be written."""
    from zoom_provider.models.validation import sanitize_for_log

    name = sanitize_for_log(file["name"])
    why = [f"{count} {o}" for o, count in about["outcomes"].items() if o not in SETTLED]
    if why := why + file["open"]:
        log.info("%s stays open: %s", name, ", ".join(why))
        return None
    try:
        (inbox / f"{file['name']}.done").write_text(json.dumps({**file, **about}, indent=2))
    except OSError as error:
        return sanitize_for_log(f"{name} cannot be marked: {error}", 600)
    return None


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
            description="Below the folder of the Variable zoom_hr_folder; empty means that one",
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
    def extract(
        folder: str, root: str, params: Any = None, data_interval_end: Any = None
    ) -> dict[str, Any]:
        """Read the new exports, and pick the people who are due."""
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        by_hand = bool(params["from"] or params["to"])
        zone = ZoneInfo(HR_TIMEZONE)
        today = (data_interval_end or datetime.now(zone)).astimezone(zone).date()
        first, last = wanted_days(params["from"], params["to"], today)
        folder = allowed(folder, root)
        try:
            inbox: Any = ObjectStoragePath(folder)
            there = inbox.exists()
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
        found = read_exports(inbox, by_hand, first, last)
        return {"folder": folder, "by_hand": by_hand, **found}

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
        # The mail of this task, see attention_callbacks, has them.
        failed = [person for person in listed if person["outcome"] not in NO_FAILURE]
        ti.xcom_push(key="attention", value=failed[:20])
        ti.xcom_push(key="outcomes", value=dict(counts))
        ti.xcom_push(key="report", value=report)

        faults = list(found["faults"])
        if ti.xcom_pull(task_ids="create_users") is None:
            faults.append("create_users failed; its log says why")
        elif not found["by_hand"] and not create_users.dry_run:  # a dry run settles nothing
            inbox = ObjectStoragePath(found["folder"])
            for file in found["files"]:
                of_file = Counter(p["outcome"] for p in listed if p["file"] == file["name"])
                about = {"run_id": ti.run_id, "outcomes": of_file, "report": report}
                faults += filter(None, [mark(inbox, file, about)])
        if len(failed) > MAX_FAILURES:
            faults.append(f"{len(failed)} of {len(listed)} people failed: see the list in the log")
        if counts["forgotten"]:
            faults.append(f"{counts['forgotten']} people have no outcome: see the list in the log")
        if faults:
            raise AirflowFailException("; ".join(faults))
        return listed

    hires: Any = extract("{{ params.folder or '' }}", "{{ var.value.get('zoom_hr_folder', '') }}")
    create_users = ZoomCreateUsersOperator(
        task_id="create_users",
        users=hires["people"],
        mapping=MAPPING,
        key="key",
        source=hires["folder"],
        max_failures=MAX_FAILURES,
        max_creates=MAX_CREATES,
        # The last task's mail has all who failed.
        on_success_callback=None,
        # zoom_onboarded starts when this has an event.
        outlets=[ZOOM_USERS],
        # Where the next task may run on another machine, name a URL that both can read.
        report=None,
    )
    create_users >> summarize(hires)
