"""The ready retry policy: which error is tried again, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import JANE, emails
from zoom_provider import exceptions
from zoom_provider.api.client import LostReplyError
from zoom_provider.operators.users import ZoomCreateUserOperator
from zoom_provider.simulator.server import Simulator

TI = SimpleNamespace(dag_id="d", run_id="r", task_id="one", map_index=-1)
HAS_POLICIES = tuple(map(int, version("apache-airflow").split(".")[:2])) >= (3, 3)
needs_policies = pytest.mark.skipif(not HAS_POLICIES, reason="retry policies came with Airflow 3.3")

NOW = datetime(2026, 3, 10, 21, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)
LATER = timedelta(minutes=7)
A_SECOND = timedelta(seconds=1)


class Frozen(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return NOW.astimezone(tz)


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> Any:
    from zoom_provider import policies

    monkeypatch.setattr(policies, "datetime", Frozen)
    return policies.ZoomRetryPolicy(LATER)


# The error; what to do; after how long, where the policy says so.
DECISIONS: list[tuple[BaseException, str, timedelta | None]] = [
    (exceptions.ZoomError("odd"), "fail", None),
    (exceptions.ZoomError("settings", remedy="human"), "fail", None),
    (exceptions.ZoomError("a page's token", remedy="retry"), "retry", LATER),
    (exceptions.ZoomValidationError("bad"), "fail", None),
    (exceptions.ZoomAuthError("no"), "fail", None),
    (exceptions.ZoomPermissionError("scope"), "fail", None),
    (exceptions.ZoomUserExistsError("there"), "fail", None),
    (exceptions.ZoomForeignAccountError("elsewhere"), "fail", None),
    (exceptions.ZoomLicenseError("full"), "fail", None),
    (exceptions.ZoomNotFoundError("absent"), "fail", None),
    (exceptions.ZoomProtocolError("a proxy's page"), "fail", None),
    (exceptions.ZoomStoppedError("stopped"), "retry", LATER),
    (exceptions.ZoomPendingError("not accepted"), "fail", None),
    (exceptions.ZoomNotAppliedError("dropped"), "fail", None),
    (exceptions.ZoomProtectedUserError("the owner"), "fail", None),
    (exceptions.ZoomUnconfirmedError("gone"), "fail", None),
    (exceptions.ZoomStalePlanError("old"), "fail", None),
    (exceptions.ZoomRateLimitError("fast"), "retry", LATER),
    (exceptions.ZoomRateLimitError("fast", retry_at=NOW + 9 * A_SECOND), "retry", 9 * A_SECOND),
    (exceptions.ZoomRateLimitError("fast", retry_at=NOW - LATER), "retry", A_SECOND),
    (
        exceptions.ZoomDailyLimitError("today's", reset_at=MIDNIGHT),
        "retry",
        timedelta(hours=2, minutes=30),
    ),
    (exceptions.ZoomDailyLimitError("yesterday's", reset_at=NOW - LATER), "retry", A_SECOND),
    (exceptions.ZoomUnavailableError("away"), "retry", LATER),
    (exceptions.ZoomUnavailableError("untrusted", remedy="fail"), "fail", None),
    (LostReplyError("lost"), "retry", LATER),
    (ValueError("not Zoom's"), "default", None),
    (KeyboardInterrupt(), "default", None),
]


def test_the_table_has_every_error() -> None:
    named = {
        kind
        for kind in vars(exceptions).values()
        if isinstance(kind, type) and issubclass(kind, exceptions.ZoomError)
    }
    assert named <= {type(error) for error, _, _ in DECISIONS}


@needs_policies
@pytest.mark.parametrize(
    ("error", "action", "delay"), DECISIONS, ids=[repr(error) for error, _, _ in DECISIONS]
)
def test_the_policy_decides_by_class_and_remedy(
    error: BaseException, action: str, delay: timedelta | None, policy: Any
) -> None:
    decision = policy.evaluate(error, 1, 3)
    assert (decision.action.value, decision.retry_delay) == (action, delay)
    if action != "default":
        assert decision.reason.startswith(type(error).__name__)


@needs_policies
@pytest.mark.parametrize(
    ("fault", "kind", "action"),
    [
        ({"kind": "429", "limit": "daily"}, exceptions.ZoomDailyLimitError, "retry"),
        ({"kind": "error", "code": 2034}, exceptions.ZoomLicenseError, "fail"),
    ],
)
def test_a_task_with_the_policy_hands_it_zooms_own_error(
    fault: dict[str, Any], kind: type[exceptions.ZoomError], action: str, connected: Simulator
) -> None:
    from zoom_provider.policies import ZoomRetryPolicy

    connected.fault(on="POST /v2/users", **fault)
    policy = ZoomRetryPolicy()
    task = ZoomCreateUserOperator(
        task_id="one", user_info=JANE, deferrable=False, retry_policy=policy
    )
    with pytest.raises(kind) as raised:
        task.execute({"ti": TI})  # type: ignore[typeddict-item]
    assert policy.evaluate(raised.value, 1, 3).action.value == action
    assert emails(connected) == []


@pytest.mark.skipif(HAS_POLICIES, reason="this Airflow has retry policies")
def test_importing_policies_on_an_older_airflow_names_the_version_needed() -> None:
    with pytest.raises(ImportError, match=r"needs Airflow 3\.3 or newer"):
        import zoom_provider.policies  # noqa: F401
