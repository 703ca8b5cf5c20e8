"""The operator that activates and deactivates one user, against the local Zoom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from zoom_provider.exceptions import (
    ZoomError,
    ZoomLicenseError,
    ZoomNotFoundError,
    ZoomPendingError,
    ZoomProtectedUserError,
    ZoomValidationError,
)
from zoom_provider.operators.lifecycle import ZoomSetUserStatusOperator
from zoom_provider.simulator.server import Simulator

JANE = "jane@example.com"
SetStatus = Callable[..., dict[str, Any]]


@pytest.fixture
def zoom(connected: Simulator) -> Simulator:
    connected.seed({"email": JANE, "id": "jane-id", "type": 2, "signed_in": True})
    return connected


@pytest.fixture
def set_status(zoom: Simulator, perform: Callable[..., Any]) -> SetStatus:
    def run(action: str, user: str = JANE, **options: Any) -> dict[str, Any]:
        task = ZoomSetUserStatusOperator(task_id="status", user=user, action=action, **options)
        found: dict[str, Any] = perform(task)
        return found

    return run


def jane(zoom: Simulator) -> dict[str, Any]:
    found = zoom.person(JANE)
    assert found is not None
    return found


def sent(zoom: Simulator) -> list[tuple[str, str]]:
    return [
        (call["method"], call["path"].removeprefix("/v2"))
        for call in zoom.requests("* /v2/*")
        if call["method"] != "GET"
    ]


def refused(set_status: SetStatus, kind: type[ZoomError], action: str, **options: Any) -> str:
    with pytest.raises(AirflowFailException) as caught:
        set_status(action, **options)
    assert isinstance(caught.value.__cause__, kind)
    return str(caught.value)


def test_a_deactivated_user_is_signed_out_and_the_result_shows_the_lost_licence(
    zoom: Simulator, set_status: SetStatus
) -> None:
    assert set_status("deactivate") == {
        "id": "jane-id",
        "email": JANE,
        "outcome": "deactivated",
        "changed": {
            "status": {"old": "active", "new": "inactive"},
            "type": {"old": 2, "new": 1},
        },
    }
    assert (jane(zoom)["status"], jane(zoom)["signed_in"]) == ("inactive", False)
    assert sent(zoom) == [("PUT", "/users/jane-id/status"), ("DELETE", "/users/jane-id/token")]


def test_sessions_stay_where_sign_out_is_false(zoom: Simulator, set_status: SetStatus) -> None:
    set_status("deactivate", sign_out="False")
    assert sent(zoom) == [("PUT", "/users/jane-id/status")]


def test_a_second_deactivation_changes_no_status_and_ends_sessions_that_were_left(
    zoom: Simulator, set_status: SetStatus
) -> None:
    zoom.change(JANE, status="inactive", signed_in=True)
    result = set_status("deactivate")
    assert (result["outcome"], result["changed"]) == ("unchanged", {})
    assert sent(zoom) == [("DELETE", "/users/jane-id/token")]
    assert jane(zoom)["signed_in"] is False


def test_an_activation_gives_the_licence_back(zoom: Simulator, set_status: SetStatus) -> None:
    set_status("deactivate")
    result = set_status("activate", license={"type": 2, "plan_united_type": "8"})
    assert result["outcome"] == "activated"
    assert result["changed"] == {
        "status": {"old": "inactive", "new": "active"},
        "type": {"old": 1, "new": 2},
        "plan_united_type": {"old": None, "new": "8"},
    }
    assert (jane(zoom)["status"], jane(zoom)["type"]) == ("active", 2)
    again = set_status("activate", license='{"type": 2, "plan_united_type": "8"}')
    assert (again["outcome"], again["changed"]) == ("unchanged", {})


def test_an_activation_without_license_leaves_a_basic_user(
    zoom: Simulator, set_status: SetStatus
) -> None:
    set_status("deactivate")
    assert set_status("activate", license="None")["outcome"] == "activated"
    assert jane(zoom)["type"] == 1


def test_a_licence_that_a_broken_try_did_not_give_back_is_given_by_the_next(
    zoom: Simulator, set_status: SetStatus
) -> None:
    zoom.change(JANE, type=1)
    result = set_status("activate", license={"type": 2})
    assert (result["outcome"], result["changed"]) == ("activated", {"type": {"old": 1, "new": 2}})


def test_no_seat_for_the_licence_says_that_the_user_is_active(
    zoom: Simulator, set_status: SetStatus
) -> None:
    zoom.change(JANE, status="inactive", type=1)
    zoom.configure(seats={"licensed": 0})
    text = refused(set_status, ZoomLicenseError, "activate", license={"type": 2})
    assert "The user is active, without all of the license" in text
    assert jane(zoom)["status"] == "active"


def test_no_basic_seat_refuses_an_activation(zoom: Simulator, set_status: SetStatus) -> None:
    zoom.change(JANE, status="inactive", type=1)
    zoom.configure(seats={"basic": 0})
    refused(set_status, ZoomLicenseError, "activate")
    assert jane(zoom)["status"] == "inactive"


@pytest.mark.parametrize(
    ("attributes", "text", "calls"),
    [
        ({"role_id": "0"}, "hand the account over", 0),
        ({"role_id": "1"}, "fields={'role': None}", 0),
        ({"room": True}, "Zoom Rooms", 1),
        ({"zoom_events": True}, "hosts upcoming Zoom Events", 1),
    ],
)
def test_users_that_zoom_keeps_are_refused_with_what_to_do_first(
    zoom: Simulator, set_status: SetStatus, attributes: dict[str, Any], text: str, calls: int
) -> None:
    zoom.change(JANE, **attributes)
    assert text in refused(set_status, ZoomProtectedUserError, "deactivate")
    assert len(sent(zoom)) == calls
    assert jane(zoom)["status"] == "active"


@pytest.mark.parametrize("action", ["activate", "deactivate"])
def test_a_pending_user_is_refused_before_any_write(
    zoom: Simulator, set_status: SetStatus, action: str
) -> None:
    zoom.seed({"email": "new@example.com", "status": "pending"})
    text = refused(set_status, ZoomPendingError, action, user="new@example.com")
    assert "ZoomDeleteUserOperator" in text
    assert sent(zoom) == []


def test_a_user_that_the_account_lacks_is_refused(zoom: Simulator, set_status: SetStatus) -> None:
    refused(set_status, ZoomNotFoundError, "deactivate", user="x@example.com")


def test_a_license_that_is_none_is_refused_before_any_call(
    zoom: Simulator, set_status: SetStatus
) -> None:
    refused(set_status, ZoomValidationError, "activate", license={"dept": "Law"})
    assert zoom.requests("* /v2/*") == []


def test_an_unknown_action_is_refused_where_the_dag_is_read() -> None:
    with pytest.raises(ZoomValidationError, match="activate, deactivate"):
        ZoomSetUserStatusOperator(task_id="s", user=JANE, action="delete")


@pytest.mark.parametrize("action", ["activate", "deactivate"])
@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "truncated", "status"])
def test_a_lost_reply_is_settled_by_looking(
    zoom: Simulator, set_status: SetStatus, action: str, kind: str
) -> None:
    if action == "activate":
        zoom.change(JANE, status="inactive")
    zoom.fault(kind, on="PUT *")
    assert set_status(action)["outcome"] == f"{action}d"
    assert len(zoom.requests("PUT *")) == (1 if kind in ("cut_after", "truncated") else 2)
    assert jane(zoom)["status"] == {"activate": "active", "deactivate": "inactive"}[action]
