"""Creating one person: every way to say who, what comes back, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from airflow.providers.standard.triggers.temporal import DateTimeTrigger

from tests.support import DAY, JANE, Clock, calls, connection, emails
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomPermissionError,
    ZoomRateLimitError,
    ZoomUnavailableError,
    ZoomUserExistsError,
    ZoomValidationError,
)
from zoom_provider.operators.users import ZoomCreateUserOperator
from zoom_provider.simulator.server import Simulator

Perform = Callable[..., Any]
JINJA = "{{ 1+1 }}"
SECRET = "Tr0ub4dor-and-3"


def create(user_info: Any = JANE, **options: Any) -> ZoomCreateUserOperator:
    return ZoomCreateUserOperator(task_id="create", user_info=user_info, **options)


def test_the_original_workflows_call_works_unchanged(
    connected: Simulator, perform: Perform
) -> None:
    task = ZoomCreateUserOperator(
        task_id="create",
        action="create",
        user_info='{"email": "jane@example.com", "type": 1, "first_name": "Jane", '
        '"last_name": "Doe"}',
    )
    result = perform(task)
    (jane,) = connected.people()
    assert result == {
        "id": jane["id"],
        "email": "jane@example.com",
        "type": 1,
        "first_name": "Jane",
        "last_name": "Doe",
        "status": "pending",
        "outcome": "invited",
    }
    assert list(result) == ["id", "email", "type", "first_name", "last_name", "status", "outcome"]
    assert (jane["first_name"], jane["status"]) == ("Jane", "pending")
    assert calls(connected) == [("POST", "jane@example.com"), ("GET", "jane@example.com")]


DATA = {**JANE, "first_name": JINJA}
AUTHORS = {"email": "{{ params.who }}@example.com", "type": "{{ 1+1 }}", "first_name": "{{ 1+1 }}"}


@pytest.mark.parametrize(
    ("user_info", "params", "first_name"),
    [
        pytest.param(JANE, {}, "Jane", id="object"),
        pytest.param(json.dumps(JANE), {}, "Jane", id="json"),
        pytest.param(f"\n {json.dumps(JANE, indent=2)}\n", {}, "Jane", id="json with blanks"),
        pytest.param(repr(JANE), {}, "Jane", id="python literal"),
        pytest.param({**JANE, "type": "1"}, {}, "Jane", id="type as text"),
        pytest.param(AUTHORS, {"who": "jane"}, "2", id="author's object is rendered"),
        pytest.param(json.dumps(AUTHORS), {"who": "jane"}, "2", id="author's json is rendered"),
        pytest.param("{{ params.p }}", {"p": DATA}, JINJA, id="params to literal"),
        pytest.param("{{ params.p | tojson }}", {"p": DATA}, JINJA, id="params to json"),
        pytest.param("{{ params.p }}", {"p": json.dumps(DATA)}, JINJA, id="params hold json"),
        pytest.param(
            {**JANE, "first_name": "{{ params.p.first_name }}"},
            {"p": DATA},
            JINJA,
            id="a value of params",
        ),
        pytest.param(
            "{{ params.p }}",
            {"p": {**JANE, "first_name": 'O\'Brien "Jo" \\ ü 李'}},
            'O\'Brien "Jo" \\ ü 李',
            id="quotes in params",
        ),
        pytest.param(
            "{{ params.p }}",
            {"p": {**JANE, "last_name": None, "feature": {"zoom_phone": False}}},
            "Jane",
            id="none and false in params",
        ),
        pytest.param(lambda context, jinja_env: DATA, {}, JINJA, id="callable"),
    ],
)
def test_user_info_is_taken_in_every_form(
    user_info: Any, params: dict[str, Any], first_name: str, connected: Simulator, perform: Perform
) -> None:
    assert perform(create(user_info), params=params)["outcome"] == "invited"
    (person,) = connected.people()
    assert (person["email"], person["first_name"]) == ("jane@example.com", first_name)


@pytest.mark.parametrize(
    ("action", "outcome", "status"),
    [
        ("create", "invited", "pending"),
        ("autoCreate", "created", "active"),
        ("custCreate", "created", "active"),
        ("ssoCreate", "created", "active"),
    ],
)
def test_the_outcome_depends_on_the_action(
    action: str, outcome: str, status: str, connected: Simulator, perform: Perform
) -> None:
    connected.configure(sso="on")
    user_info = {**JANE, "type": 2, **({"password": SECRET} if action == "autoCreate" else {})}
    result = perform(create(user_info, action="{{ params.how }}"), params={"how": action})
    assert (result["outcome"], result["status"]) == (outcome, status)


def test_a_failing_look_up_of_the_status_is_no_error(
    connected: Simulator, perform: Perform, clock: Clock
) -> None:
    connected.fault("status", on="GET /v2/users/*", times=None)
    result = perform(create())
    assert (result["outcome"], result["status"]) == ("invited", None)
    assert emails(connected) == ["jane@example.com"]
    assert len(connected.requests("GET /v2/users/*")) == 1
    assert sum(clock.slept) < 1  # the pace of calls, and no retry


@pytest.mark.parametrize(
    ("if_exists", "there", "outcome", "patched"),
    [
        ("skip", {"status": "active"}, "existing", False),
        ("skip", {"status": "pending"}, "existing", False),
        ("skip", {"status": "inactive"}, "existing", False),
        ("update", {"status": "active"}, "updated", True),
        ("update", {"status": "active", "first_name": "Jane"}, "updated", True),
        (
            "update",
            {"status": "active", "first_name": "Jane", "last_name": "Doe"},
            "unchanged",
            False,
        ),
        ("update", {"status": "pending"}, "existing", False),
    ],
)
def test_if_exists_decides_about_an_existing_user(
    if_exists: str,
    there: dict[str, Any],
    outcome: str,
    patched: bool,
    connected: Simulator,
    perform: Perform,
) -> None:
    connected.seed({"email": "jane@example.com", "id": "jane-id", **there})
    result = perform(create(if_exists="{{ params.how }}"), params={"how": if_exists})
    assert (result["id"], result["outcome"]) == ("jane-id", outcome)
    assert result["status"] == there["status"]
    assert bool(connected.requests("PATCH *")) is patched
    after = connected.person("jane-id")
    assert after is not None
    names = (after["first_name"], after["last_name"])
    before = (there.get("first_name", ""), there.get("last_name", ""))
    assert names == (("Jane", "Doe") if patched else before)
    # Zoom shows no names of pending people.
    shown = (None, None) if there["status"] == "pending" else names
    assert (result["first_name"], result["last_name"]) == shown
    assert after["status"] == there["status"]


def test_update_never_writes_password_feature_or_licences(
    connected: Simulator, perform: Perform
) -> None:
    connected.configure(subscriptions=["SUBREF-000001-000001"])
    connected.seed({"email": "jane@example.com", "first_name": "Jane", "last_name": "Doe"})
    before = connected.people()
    licence = {
        "license_type": "MEETING",
        "license_option": 2,
        "subscription_id": "SUBREF-000001-000001",
    }
    never = {"password": SECRET, "feature": {"zoom_phone": True}, "license_info_list": [licence]}
    task = create({**JANE, **never}, action="autoCreate", if_exists="update")
    assert perform(task)["outcome"] == "unchanged"
    assert connected.people() == before


def test_update_writes_type_and_plan_in_two_calls_as_zoom_wants_it(
    connected: Simulator, perform: Perform
) -> None:
    connected.seed({"email": "jane@example.com", "first_name": "Jane", "last_name": "Doe"})
    task = create({**JANE, "type": 2, "plan_united_type": "1"}, if_exists="update")
    assert perform(task)["outcome"] == "updated"
    (jane,) = connected.people()
    assert (jane["type"], jane["zoom_one"]) == (2, "1")
    assert len(connected.requests("PATCH *")) == 2


FAILURES: list[Any] = [
    pytest.param({"options": {"user_info": {"email": "x"}}}, ZoomValidationError, 0, id="fields"),
    pytest.param({"options": {"user_info": "{jane"}}, ZoomValidationError, 0, id="no json"),
    pytest.param({"options": {"user_info": "[]"}}, ZoomValidationError, 0, id="a list"),
    pytest.param({"options": {"action": "Create"}}, ZoomValidationError, 0, id="action"),
    pytest.param({"options": {"if_exists": "{{ 1 }}"}}, ZoomValidationError, 0, id="if_exists"),
    pytest.param({"options": {"deferrable": "{{ 2 }}"}}, ZoomValidationError, 0, id="deferrable"),
    pytest.param({"connection": {"extra": {"plan": "huge"}}}, ZoomValidationError, 0, id="plan"),
    pytest.param({"connection": {"password": "wrong"}}, ZoomAuthError, 0, id="secret"),
    pytest.param({"seed": {"email": "jane@example.com"}}, ZoomUserExistsError, 1, id="exists"),
    pytest.param(
        {
            "seed": {"email": "jane@example.com", "status": "inactive"},
            "options": {"if_exists": "update"},
        },
        ZoomError,
        1,
        id="update of an inactive user",
    ),
    pytest.param(
        {"configure": {"foreign_accounts": {"jane@example.com": "free"}}},
        ZoomForeignAccountError,
        1,
        id="own account elsewhere",
    ),
    pytest.param(
        {"configure": {"foreign_accounts": {"jane@example.com": "paid"}}},
        ZoomForeignAccountError,
        1,
        id="paid account elsewhere",
    ),
    pytest.param({"configure": {"seats": {"basic": 0}}}, ZoomLicenseError, 1, id="seats"),
    pytest.param({"configure": {"scopes": ["user:read:user"]}}, ZoomPermissionError, 1, id="scope"),
    pytest.param(
        {"configure": {"missing_permissions": ["User:Edit"]}}, ZoomPermissionError, 1, id="role"
    ),
    pytest.param({"options": {"action": "ssoCreate"}}, ZoomError, 1, id="sso off"),
    pytest.param(
        {"fault": {"kind": "html", "on": "POST /oauth/token"}}, ZoomError, 0, id="proxy page"
    ),
]


def arrange(zoom: Simulator, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]) -> None:
    """Put Zoom and the connection into the state that a case starts from."""
    if "connection" in case:
        monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(zoom, **case["connection"]))
    zoom.configure(**case.get("configure", {}))
    if "seed" in case:
        zoom.seed(case["seed"])
    if "fault" in case:
        zoom.fault(**case["fault"])


@pytest.mark.parametrize("policy", [None, object()], ids=["", "retry_policy"])
@pytest.mark.parametrize(("case", "kind", "posts"), FAILURES)
def test_a_permanent_error_uses_no_retry(
    case: dict[str, Any],
    kind: type[ZoomError],
    posts: int,
    policy: object,
    connected: Simulator,
    perform: Perform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrange(connected, monkeypatch, case)
    before = connected.people()
    task = create(**case.get("options", {}))
    if policy is not None:
        monkeypatch.setattr(task, "retry_policy", policy, raising=False)
    with pytest.raises(AirflowFailException if policy is None else kind) as raised:
        perform(task)
    error = raised.value.__cause__ if policy is None else raised.value
    assert isinstance(error, kind)
    assert error.remedy != "retry"
    assert str(error) in str(raised.value)
    assert len(connected.requests("POST /v2/users")) == posts
    assert connected.people() == before


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "on": "* /v2/*"}, ZoomUnavailableError),
        ({"kind": "cut_before", "on": "* /v2/*"}, ZoomUnavailableError),
        ({"kind": "status", "on": "POST /oauth/token"}, ZoomUnavailableError),
        ({"kind": "429", "limit": "qps", "on": "POST /v2/users"}, ZoomRateLimitError),
        # Refused alone, without a header, a creation has met the daily cap.
        ({"kind": "429", "limit": "concurrency", "on": "* /v2/*"}, ZoomRateLimitError),
    ],
)
def test_an_error_that_a_retry_may_cure_is_raised_as_it_is(
    fault: dict[str, Any], kind: type[ZoomError], connected: Simulator, perform: Perform
) -> None:
    connected.fault(**fault, times=None)
    with pytest.raises(kind) as raised:
        perform(create())
    assert raised.value.remedy == "retry"


ABOUT_JANE: list[Any] = [
    case
    for case in FAILURES
    if case.id in ("exists", "own account elsewhere", "paid account elsewhere", "seats")
]
ABOUT_JANE += [
    pytest.param({"fault": {"kind": "error", "code": code, "on": "POST /v2/users"}}, ZoomError, 1)
    for code in (300, 1107, 2016, 2036)
]
ABOUT_JANE += [
    pytest.param(
        {"fault": {"kind": "status", "on": "* /v2/*", "times": None}}, ZoomUnavailableError, 1
    )
]


@pytest.mark.parametrize(("case", "kind", "posts"), ABOUT_JANE)
def test_each_error_about_a_user_names_their_address(
    case: dict[str, Any],
    kind: type[ZoomError],
    posts: int,
    connected: Simulator,
    perform: Perform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the log of a mapped task nothing else says which user failed."""
    arrange(connected, monkeypatch, case)
    with pytest.raises((AirflowFailException, kind), match=r"jane@example\.com"):
        perform(create())
    assert len(connected.requests("POST /v2/users")) == posts


@pytest.mark.parametrize(("fault", "posts"), [("cut_after", 1), ("cut_before", 2), ("html", 2)])
def test_a_lost_reply_is_settled_by_a_look_up(
    fault: str, posts: int, connected: Simulator, perform: Perform
) -> None:
    connected.fault(fault, on="POST /v2/users")
    assert perform(create())["outcome"] == "invited"
    assert emails(connected) == ["jane@example.com"]
    assert len(connected.requests("POST /v2/users")) == posts


def test_daily_limit_without_deferring_names_the_reset(
    connected: Simulator, perform: Perform
) -> None:
    connected.configure(limits_enforced=True, create_cap=0)
    with pytest.raises(AirflowFailException) as raised:
        perform(create(deferrable=False))
    assert isinstance(raised.value.__cause__, ZoomDailyLimitError)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00+00:00")
    assert tomorrow in str(raised.value)


@pytest.mark.parametrize("style", ["iso", "http-date", "seconds", "absent"])
def test_the_daily_limit_defers_without_a_worker(
    style: str, connected: Simulator, perform: Perform
) -> None:
    connected.configure(limits_enforced=True, create_cap=0, retry_after=style)
    with pytest.raises(TaskDeferred) as deferred:
        perform(create(deferrable=True))
    trigger = deferred.value.trigger
    assert isinstance(trigger, DateTimeTrigger)
    moment = trigger.serialize()[1]["moment"]
    assert (moment.hour, moment.minute) == (0, 0) or style == "seconds"
    assert timedelta(0) < moment - datetime.now(UTC) <= timedelta(days=1, seconds=1)
    assert not deferred.value.kwargs
    connected.configure(create_cap=1)
    connected.advance_clock(DAY)
    assert deferred.value.method_name == "execute_complete"
    assert perform(create(deferrable=True), resume={})["outcome"] == "invited"
    assert emails(connected) == ["jane@example.com"]
