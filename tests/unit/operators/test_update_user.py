"""The operator that updates one user, against the local Zoom, from its parameters to its result."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from zoom_provider.exceptions import (
    ZoomError,
    ZoomLicenseError,
    ZoomNotAppliedError,
    ZoomPendingError,
    ZoomProtectedUserError,
    ZoomValidationError,
)
from zoom_provider.operators.lifecycle import ZoomUpdateUserOperator
from zoom_provider.simulator.server import Simulator

JANE = "jane@example.com"
Update = Callable[..., dict[str, Any]]


@pytest.fixture
def update(connected: Simulator, perform: Callable[..., Any]) -> Update:
    def run(fields: Any, user: str = JANE, **options: Any) -> dict[str, Any]:
        task = ZoomUpdateUserOperator(task_id="update", user=user, fields=fields, **options)
        found: dict[str, Any] = perform(task)
        return found

    return run


@pytest.fixture
def zoom(connected: Simulator) -> Simulator:
    connected.seed(
        {
            "email": JANE,
            "id": "jane-id",
            "type": 2,
            "first_name": "Jane",
            "last_name": "Doe",
            "profile": {"dept": "Sales", "timezone": "Asia/Calcutta", "language": "en-US"},
        },
        {"email": "lead@example.com", "type": 2},
    )
    return connected


def jane(zoom: Simulator, user: str = JANE) -> dict[str, Any]:
    found = zoom.person(user)
    assert found is not None
    return {**found, **found["profile"]}


def refused(update: Update, kind: type[ZoomError], fields: Any, **options: Any) -> str:
    """Return the text of the error, which Airflow must not retry."""
    with pytest.raises(AirflowFailException) as caught:
        update(fields, **options)
    assert isinstance(caught.value.__cause__, kind)
    return str(caught.value)


def sent(zoom: Simulator) -> list[tuple[str, str]]:
    """List the calls that write."""
    return [
        (call["method"], call["path"].removeprefix("/v2"))
        for call in zoom.requests("* /v2/*")
        if call["method"] != "GET"
    ]


def test_only_differences_are_sent_in_one_call_and_the_result_says_what_changed(
    zoom: Simulator, update: Update
) -> None:
    result = update(
        {
            "dept": "Law",
            "job_title": "Counsel",
            "last_name": "Roe",
            "timezone": "Asia/Kolkata",
            "type": 2,
            "manager": "lead@example.com",
            "phone_numbers": [{"code": "+1", "number": "5550100", "label": "Mobile"}],
        }
    )
    assert result == {
        "id": "jane-id",
        "email": JANE,
        "outcome": "updated",
        "changed": {
            "dept": {"old": "Sales", "new": "Law"},
            "job_title": {"old": None, "new": "Counsel"},
            "last_name": {},
            "manager": {"old": None, "new": "lead@example.com"},
            "phone_numbers": {},
        },
    }
    assert sent(zoom) == [("PATCH", "/users/jane-id")]
    found = jane(zoom)
    assert (found["dept"], found["job_title"], found["last_name"]) == ("Law", "Counsel", "Roe")
    assert found["timezone"] == "Asia/Calcutta"


def test_a_second_update_changes_nothing_and_says_so(zoom: Simulator, update: Update) -> None:
    group = zoom.group("Law")
    fields = {
        "dept": "Law",
        "language": "de-DE",
        "groups": ["Law"],
        "plan_united_type": "8",
        "phone_numbers": [{"code": "+1", "number": "5550100", "label": "Mobile"}],
    }
    update(fields)
    before = len(sent(zoom))
    assert update(fields) == {
        "id": "jane-id",
        "email": JANE,
        "outcome": "unchanged",
        "changed": {},
    }
    assert len(sent(zoom)) == before
    assert group in jane(zoom)["group_ids"]


@pytest.mark.parametrize("form", [dict, json.dumps, str], ids=["object", "json", "literal"])
def test_fields_come_as_object_json_or_literal(
    zoom: Simulator, update: Update, form: Callable[[Any], Any]
) -> None:
    assert update(form({"dept": None}))["changed"] == {"dept": {"old": "Sales", "new": None}}
    assert jane(zoom)["dept"] == ""


def test_templates_are_rendered(zoom: Simulator, perform: Callable[..., Any]) -> None:
    task = ZoomUpdateUserOperator(
        task_id="update",
        user="{{ params.who }}",
        fields="{{ params.fields | tojson }}",
        on_pending="{{ params.then }}",
        deferrable="{{ params.no }}",
    )
    params = {"who": JANE, "fields": {"dept": "Law"}, "then": "skip", "no": False}
    assert perform(task, params=params)["outcome"] == "updated"
    assert jane(zoom)["dept"] == "Law"


@pytest.mark.parametrize("form", [dict, json.dumps], ids=["object", "json"])
def test_a_host_key_reaches_zoom_and_no_rendered_field_result_or_log(
    zoom: Simulator,
    perform: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    form: Callable[[Any], Any],
) -> None:
    task = ZoomUpdateUserOperator(task_id="u", user=JANE, fields=form({"host_key": "739164"}))
    result = perform(task)
    assert jane(zoom)["host_key"] == "739164"
    assert result["changed"] == {"host_key": {}}
    assert task.fields == {"host_key": "***"}
    assert "739164" not in repr(result) + caplog.text


def test_each_of_email_groups_and_role_goes_by_its_own_call(
    zoom: Simulator, update: Update
) -> None:
    zoom.configure(managed_domains=["example.com"])
    law, sales = zoom.group("Law"), zoom.group("Sales", JANE)
    coach = zoom.role("Coach")
    result = update(
        {
            "email": "jane.roe@example.com",
            "groups": {"add": ["law"], "remove": ["Sales"]},
            "role": "Coach",
        }
    )
    assert result == {
        "id": "jane-id",
        "email": "jane.roe@example.com",
        "outcome": "updated",
        "changed": {
            "email": {"old": JANE, "new": "jane.roe@example.com"},
            "groups": {"old": [sales], "new": [law]},
            "role": {"old": "2", "new": coach},
        },
    }
    assert sent(zoom) == [
        ("POST", f"/groups/{law}/members"),
        ("DELETE", f"/groups/{sales}/members/jane-id"),
        ("PUT", "/users/jane-id/email"),
        ("POST", f"/roles/{coach}/members"),
    ]
    found = jane(zoom, "jane.roe@example.com")
    assert (list(found["group_ids"]), found["role_id"]) == ([law], coach)
    assert update({"role": None}, "jane.roe@example.com")["changed"] == {
        "role": {"old": coach, "new": "2"}
    }
    assert jane(zoom, "jane.roe@example.com")["role_id"] == "2"


def test_a_plan_and_a_type_go_in_calls_of_their_own(zoom: Simulator, update: Update) -> None:
    update({"type": 1, "zoom_one_type": 16})
    assert sent(zoom) == [("PATCH", "/users/jane-id")] * 2
    assert (jane(zoom)["type"], jane(zoom)["zoom_one_type"]) == (1, 16)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("manager", "stranger@example.com", "create the manager first"),
        (
            "custom_attributes",
            [{"key": "cbf_unknown", "value": "1"}],
            "a key that the account does not have",
        ),
    ],
)
def test_what_zoom_drops_is_named_with_the_next_step(
    zoom: Simulator, update: Update, name: str, value: Any, hint: str
) -> None:
    text = refused(update, ZoomNotAppliedError, {name: value, "dept": "Law"})
    assert f"did not apply: {name}" in text
    assert hint in text
    assert "dept" not in text
    assert jane(zoom)["dept"] == "Law"


def test_a_field_that_did_not_stick_is_named_with_old_wanted_and_found_value(
    zoom: Simulator, update: Update
) -> None:
    zoom.configure(ignored_fields=["dept", "first_name"])
    with pytest.raises(AirflowFailException) as caught:
        update({"dept": "Law", "first_name": "Janet", "job_title": "Counsel"})
    error = caught.value.__cause__
    assert isinstance(error, ZoomNotAppliedError)
    assert error.fields == {
        "dept": {"old": "Sales", "wanted": "Law", "found": "Sales"},
        "first_name": {"old": "Jane", "wanted": "Janet", "found": "Jane"},
    }
    assert "dept (wanted 'Law', found 'Sales')" in str(error)
    assert "Janet" not in str(error)
    assert str(error).startswith(f"{JANE}: ")


def test_a_group_that_says_201_and_adds_no_member_is_named(zoom: Simulator, update: Update) -> None:
    zoom.group("Law")
    zoom.configure(groups_without_effect=["Law"])
    text = refused(update, ZoomNotAppliedError, {"groups": ["Law"]})
    assert "Zoom answered 201 and added no member" in text


def test_a_role_that_says_201_and_assigns_nothing_is_named(zoom: Simulator, update: Update) -> None:
    zoom.role("Coach")
    zoom.configure(roles_without_effect=["Coach"])
    text = refused(update, ZoomNotAppliedError, {"role": "Coach"})
    assert "Role Management" in text


def test_an_address_outside_the_managed_domains_is_refused_and_the_rest_is_written(
    zoom: Simulator, update: Update
) -> None:
    text = refused(update, ZoomError, {"email": "jane@elsewhere.example", "dept": "Law"})
    assert "within the account's managed domains" in text
    assert "Applied: dept. Not applied: email." in text
    assert jane(zoom)["dept"] == "Law"


def test_an_address_in_use_is_refused(zoom: Simulator, update: Update) -> None:
    zoom.configure(managed_domains=["example.com"])
    text = refused(update, ZoomError, {"email": "lead@example.com"})
    assert "Another Zoom user has the new address" in text


def test_an_address_outside_the_connections_domains_is_refused_before_any_call(
    zoom: Simulator, perform: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support import connection

    text = connection(zoom, extra={"allowed_domains": "example.com"})
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", text)
    task = ZoomUpdateUserOperator(task_id="u", user=JANE, fields={"email": "j@elsewhere.example"})
    with pytest.raises(AirflowFailException, match="allowed_domains"):
        perform(task)
    assert zoom.requests("* /v2/*") == []


def test_an_administrators_address_stays(zoom: Simulator, update: Update) -> None:
    zoom.configure(managed_domains=["example.com"])
    zoom.change(JANE, role_id="1")
    text = refused(update, ZoomProtectedUserError, {"email": "j@example.com"})
    assert "make the user a Member (role) first" in text


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"groups": ["Lwa"]}, "did you mean 'Law'?"),
        ({"role": "Coahc"}, "did you mean 'Coach'?"),
        ({"role": "Owner"}, "hand the account over"),
    ],
)
def test_unknown_groups_and_roles_are_refused_before_anything_is_written(
    zoom: Simulator, update: Update, fields: dict[str, Any], hint: str
) -> None:
    zoom.group("Law")
    zoom.role("Coach")
    assert hint in refused(update, ZoomValidationError, {"dept": "Law", **fields})
    assert sent(zoom) == []


def test_no_free_seat_is_told_apart(zoom: Simulator, update: Update) -> None:
    zoom.configure(seats={"licensed": 1})
    zoom.change(JANE, type=1)
    text = refused(update, ZoomLicenseError, {"type": 2})
    assert "No licensed seat is free" in text
    assert jane(zoom)["type"] == 1


def test_wrong_fields_are_refused_before_any_call(zoom: Simulator, update: Update) -> None:
    text = refused(update, ZoomValidationError, {"employee_unique_id": "7", "dept": 5})
    assert "SAML settings" in text
    assert zoom.requests("* /v2/*") == []


def test_an_inactive_user_is_written_nothing(zoom: Simulator, update: Update) -> None:
    zoom.change(JANE, status="inactive")
    text = refused(update, ZoomError, {"dept": "Law"})
    assert "ZoomSetUserStatusOperator" in text
    assert sent(zoom) == []
    assert update({"dept": "Sales"})["outcome"] == "unchanged"


def test_a_user_that_the_account_lacks_is_refused(zoom: Simulator, update: Update) -> None:
    assert "no such user" in refused(update, ZoomError, {"dept": "Law"}, user="x@example.com")


@pytest.mark.parametrize("user", ["", "None", "  "])
def test_a_user_that_is_none_is_refused(zoom: Simulator, update: Update, user: str) -> None:
    assert "user must be an id" in refused(update, ZoomValidationError, {}, user=user)


# ---- pending


@pytest.fixture
def pending(zoom: Simulator) -> Simulator:
    zoom.seed({"email": "new@example.com", "status": "pending", "type": 1})
    return zoom


def test_a_pending_user_fails_the_task(pending: Simulator, update: Update) -> None:
    text = refused(update, ZoomPendingError, {"dept": "Law"}, user="new@example.com")
    assert "on_pending='wait'" in text
    assert sent(pending) == []


def test_skip_is_green_and_writes_nothing(pending: Simulator, update: Update) -> None:
    result = update({"dept": "Law"}, "new@example.com", on_pending="skip")
    assert (result["email"], result["outcome"], result["changed"]) == (
        "new@example.com",
        "pending",
        {},
    )
    assert sent(pending) == []


def test_wait_defers_and_goes_on_once_the_user_is_active(
    pending: Simulator, perform: Callable[..., Any]
) -> None:
    pending.configure(activation_new_id=True)

    def task() -> ZoomUpdateUserOperator:
        return ZoomUpdateUserOperator(
            task_id="u",
            user="new@example.com",
            fields={"dept": "Law", "first_name": "Nora"},
            on_pending="wait",
            deferrable=False,
        )

    with pytest.raises(TaskDeferred) as deferred:
        perform(task())
    assert deferred.value.method_name == "execute_complete"
    kwargs = deferred.value.kwargs
    assert kwargs is not None
    assert kwargs["user"] == "new@example.com"
    assert "Nora" not in json.dumps([kwargs, deferred.value.trigger.serialize()])
    assert sent(pending) == []

    with pytest.raises(TaskDeferred) as again:
        perform(task(), resume=kwargs)
    assert again.value.kwargs == kwargs  # the deadline stays where it was

    assert pending.confirm("new@example.com")
    result = perform(task(), resume=kwargs)
    assert result["outcome"] == "updated"
    assert jane(pending, "new@example.com")["dept"] == "Law"


def test_the_daily_limit_in_the_middle_of_a_wait_leaves_the_deadline_where_it_was(
    pending: Simulator, perform: Callable[..., Any]
) -> None:
    task = ZoomUpdateUserOperator(
        task_id="u",
        user="new@example.com",
        fields={"dept": "Law"},
        on_pending="wait",
        deferrable=True,
    )
    with pytest.raises(TaskDeferred) as waiting:
        perform(task)
    pending.fault("429", limit="daily", on="GET /v2/users/*")
    with pytest.raises(TaskDeferred) as until_reset:
        perform(task, resume=waiting.value.kwargs)
    assert until_reset.value.kwargs == waiting.value.kwargs


def test_wait_ends_at_its_deadline(
    pending: Simulator, perform: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = ZoomUpdateUserOperator(
        task_id="u",
        user="new@example.com",
        fields={"dept": "Law"},
        on_pending="wait",
        wait_timeout=timedelta(days=3),
    )
    with pytest.raises(TaskDeferred) as deferred:
        perform(task)
    deadline = (deferred.value.kwargs or {})["deadline"]
    monkeypatch.setattr("zoom_provider.operators.lifecycle.time.time", lambda: deadline + 1)
    with pytest.raises(AirflowFailException, match=r"not accepted the invitation within 3 days"):
        perform(task, resume=deferred.value.kwargs)
    assert sent(pending) == []


def test_an_expired_invitation_ends_the_wait(pending: Simulator, update: Update) -> None:
    pending.expire("new@example.com")
    text = refused(update, ZoomError, {"dept": "L"}, user="new@example.com", on_pending="wait")
    assert "invitation has expired" in text
