"""What the operators share when they run: their errors, their client, their waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException

from zoom_provider.assets import ZOOM_USERS
from zoom_provider.exceptions import ZoomDailyLimitError, ZoomError, ZoomValidationError
from zoom_provider.operators._templating import Unreadable, parsed, password_column

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    from zoom_provider.api.client import ZoomClient


@contextmanager
def retried_only_where_it_helps(task: BaseOperator) -> Iterator[None]:
    """
    Turn an error that no retry can mend into one that Airflow does not retry.

    A ``retry_policy`` (Airflow 3.3+) decides by exception class and never sees
    AirflowFailException, so with one the error rises as it is.
    """
    try:
        yield
    except ZoomError as error:
        # A line of its own: Airflow's pages cut what stands above a traceback off at their edge.
        task.log.error("%s", error)
        if error.remedy == "retry" or getattr(task, "retry_policy", None) is not None:
            raise
        then = ""
        if isinstance(error, ZoomDailyLimitError):
            then = " Run the task again then, or set deferrable=True."
        raise AirflowFailException(f"{error}{then}") from error


def client_of(zoom_conn_id: str) -> ZoomClient:
    """Return the client of a connection."""
    from zoom_provider.hooks.zoom import ZoomHook

    return ZoomHook(zoom_conn_id).get_conn()


def defer_until(
    task: BaseOperator,
    error: ZoomDailyLimitError,
    method_name: str,
    kwargs: dict[str, Any] | None = None,
) -> NoReturn:
    """Free the worker until the quota is renewed; what travels along holds no person's data."""
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    task.log.info("%s Waiting for it without a worker.", error)
    task.defer(
        trigger=DateTimeTrigger(moment=error.reset_at), method_name=method_name, kwargs=kwargs
    )


def readable(value: Any, name: str) -> Any:
    """Return a parameter, unless it was a text that could not be parsed."""
    if isinstance(value, Unreadable):
        raise ZoomValidationError(f"{name} cannot be read {value}", errors={name: [str(value)]})
    return value


def people_of(users: Any) -> list[Any]:
    """Return the list that ``users`` is, or is the text of."""
    found = readable(parsed(users), "users")
    if not isinstance(found, (list, tuple)):
        raise ZoomValidationError(
            "users must be a list of user_info objects", errors={"users": ["is not a list"]}
        )
    return list(found)


def countable(earlier: Mapping[str, Any]) -> dict[Any, int]:
    """Give an earlier part's counts, without those whose rows come again."""
    from zoom_provider.provisioning.outcomes import Outcome

    counts = {Outcome(name): count for name, count in earlier.get("outcomes", {}).items()}
    return {name: count for name, count in counts.items() if name is not Outcome.REJECTED}


def tell_asset(task: BaseOperator, context: Context, extra: dict[str, Any]) -> None:
    """Say in the event of the account's people, where that is an outlet, what became of them."""
    if ZOOM_USERS in task.outlets:
        events: Any = context["outlet_events"]
        events[ZOOM_USERS].extra = extra


def refuse_unknown(name: str, value: object, known: Sequence[str]) -> None:
    """Refuse a word that is none of those known."""
    if value not in known:
        raise ZoomValidationError(
            f"{name} must be one of {', '.join(known)}", errors={name: ["is none of these"]}
        )


def check_max_failures(value: object) -> None:
    """Refuse what is neither a number of people nor a share of them."""
    share = isinstance(value, float) and 0 <= value <= 1
    if value is not None and not _is_count(value) and not share:
        raise ZoomValidationError(
            "max_failures must be a number of people (an integer) or a share (a float up to 1)",
            errors={"max_failures": ["is neither"]},
        )


def check_key(value: object, mapping: Any) -> None:
    """Refuse what is no column's name, or that of the passwords: keys are told to everybody."""
    if value is not None and (not isinstance(value, str) or not value):
        raise ZoomValidationError(
            "key must be the name of a column", errors={"key": ["is no column's name"]}
        )
    if value is not None and value in ("password", password_column(mapping)):
        raise ZoomValidationError(
            "key must not be the column of the passwords: it goes into the report and the log",
            errors={"key": ["is the passwords' column"]},
        )


def check_max_creates(value: object) -> None:
    """Refuse what is no number of people."""
    if value is not None and not _is_count(value):
        raise ZoomValidationError(
            "max_creates must be a number of people", errors={"max_creates": ["is no number"]}
        )


def checked_shard(value: Any) -> tuple[int, int] | None:
    """Return which part of how many; a list, as XCom makes of a tuple, does too."""
    if value is None:
        return None
    pair = tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(pair) != 2 or not all(map(_is_count, pair)) or pair[0] >= pair[1]:
        raise ZoomValidationError(
            "shard must be (i, n), two whole numbers with 0 <= i < n",
            errors={"shard": ["is no such pair"]},
        )
    return pair


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
