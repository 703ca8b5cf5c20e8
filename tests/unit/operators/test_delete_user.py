"""The operator that removes one user, against the local Zoom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from tests.unit.operators.conftest import Killed, StateStore, TaskInstance
from zoom_provider.exceptions import (
    ZoomError,
    ZoomProtectedUserError,
    ZoomRateLimitError,
    ZoomUnavailableError,
    ZoomUnconfirmedError,
    ZoomValidationError,
)
from zoom_provider.operators.lifecycle import ZoomDeleteUserOperator
from zoom_provider.simulator.server import Simulator

JANE, LEAD = "jane@example.com", "lead@example.com"
TO_LEAD = {"to": LEAD, "what": ["meeting", "recording"]}
Delete = Callable[..., dict[str, Any]]


@pytest.fixture
def zoom(connected: Simulator) -> Simulator:
    connected.seed(
        {
            "email": JANE,
            "id": "jane-id",
            "type": 2,
            "assets": {"meeting": 3, "recording": 2, "pmi_meeting": 1},
        },
        {"email": LEAD, "id": "lead-id", "type": 2},
    )
    return connected


@pytest.fixture
def delete(zoom: Simulator, perform: Callable[..., Any]) -> Delete:
    def run(
        action: str = "delete",
        user: str = JANE,
        *,
        context: dict[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        task = ZoomDeleteUserOperator(task_id="leave", user=user, action=action, **options)
        found: dict[str, Any] = perform(task, **(context or {}))
        return found

    return run


def refused(delete: Delete, kind: type[ZoomError], *args: Any, **options: Any) -> str:
    with pytest.raises(AirflowFailException) as caught:
        delete(*args, **options)
    assert isinstance(caught.value.__cause__, kind)
    return str(caught.value)


def departed(zoom: Simulator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = zoom.state()["departed"]
    return found


def deletes(zoom: Simulator) -> int:
    return len(zoom.requests("DELETE *"))


@pytest.mark.parametrize(
    ("action", "outcome"), [("disassociate", "disassociated"), ("delete", "deleted")]
)
def test_a_user_leaves_and_a_second_run_changes_nothing(
    zoom: Simulator, delete: Delete, action: str, outcome: str
) -> None:
    assert delete(action) == {"id": "jane-id", "email": JANE, "outcome": outcome}
    assert zoom.person(JANE) is None
    assert delete(action) == {"id": None, "email": JANE, "outcome": "absent"}
    assert deletes(zoom) == 1


def test_what_is_transferred_goes_to_the_target(zoom: Simulator, delete: Delete) -> None:
    assert delete(transfer=TO_LEAD)["outcome"] == "deleted"
    (gone,) = departed(zoom)
    assert (gone["to"], gone["moved"]) == (LEAD, {"meeting": 3, "recording": 2})


def test_disassociate_is_the_default(zoom: Simulator, perform: Callable[..., Any]) -> None:
    assert perform(ZoomDeleteUserOperator(task_id="d", user=JANE))["outcome"] == "disassociated"


@pytest.mark.parametrize("action", ["disassociate", "delete"])
def test_a_pending_user_is_removed_by_address_with_disassociate(
    zoom: Simulator, delete: Delete, action: str
) -> None:
    zoom.seed({"email": "new@example.com", "status": "pending"})
    assert delete(action, "new@example.com")["outcome"] == "disassociated"
    assert zoom.person("new@example.com") is None
    (call,) = zoom.requests("DELETE *")
    assert call["query"] == {"action": "disassociate"}


def test_an_expired_invitation_is_absent(zoom: Simulator, delete: Delete) -> None:
    zoom.seed({"email": "new@example.com", "status": "pending"})
    zoom.expire("new@example.com")
    assert delete("delete", "new@example.com")["outcome"] == "absent"


def test_a_managed_domains_refusal_of_disassociate_names_delete(
    zoom: Simulator, delete: Delete
) -> None:
    zoom.configure(managed_domains=["example.com"])
    assert "use action='delete'" in refused(delete, ZoomError, "disassociate")
    assert zoom.person(JANE) is not None


@pytest.mark.parametrize(
    ("attributes", "text", "calls"),
    [
        ({"role_id": "0"}, "hand the account over", 0),
        ({"role_id": "1"}, "fields={'role': None}", 0),
        ({"room": True}, "Zoom Rooms", 1),
        ({"call_queue": True}, "call queue", 1),
        ({"zoom_events": True}, "hosts upcoming Zoom Events", 1),
        ({"undeletable": True, "status": "inactive"}, "only its support can remove", 1),
    ],
)
def test_users_that_zoom_keeps_are_refused_with_what_to_do_first(
    zoom: Simulator, delete: Delete, attributes: dict[str, Any], text: str, calls: int
) -> None:
    zoom.change(JANE, **attributes)
    assert text in refused(delete, ZoomProtectedUserError)
    assert deletes(zoom) == calls
    assert zoom.person(JANE) is not None


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({"to": "x@example.com"}, "x@example.com is no user of this account"),
        ({"to": JANE}, "is the user to remove"),
        ({"to": "JANE@example.com", "what": []}, "is the user to remove"),
        ({"to": "gone@example.com"}, "is inactive, not active"),
        ({"to": "new@example.com"}, "is pending, not active"),
        ({"to": "basic@example.com", "what": ["recording"]}, "is not Licensed"),
        ({"to": "basic@example.com", "what": ["meeting"]}, "is not Licensed"),
    ],
)
def test_a_target_that_cannot_take_over_is_refused_before_the_delete(
    zoom: Simulator, delete: Delete, target: dict[str, Any], text: str
) -> None:
    zoom.seed(
        {"email": "gone@example.com", "status": "inactive"},
        {"email": "new@example.com", "status": "pending"},
        {"email": "basic@example.com", "type": 1},
    )
    assert text in refused(delete, ZoomValidationError, transfer=target)
    assert deletes(zoom) == 0


def test_a_target_without_the_webinar_licence_is_named(zoom: Simulator, delete: Delete) -> None:
    zoom.change(JANE, assets={"webinar": 1})
    target = {"to": LEAD, "what": ["webinar"]}
    text = refused(delete, ZoomValidationError, transfer=target)
    assert f"{LEAD} cannot take over" in text
    assert zoom.person(JANE) is not None


@pytest.mark.parametrize(
    ("transfer", "place", "text"),
    [
        ({"what": ["meeting"]}, "transfer.to", "is required"),
        ({"to": LEAD, "what": ["meetings"]}, "transfer.what[0]", "did you mean meeting?"),
        ({"to": LEAD, "waht": []}, "transfer.waht", "did you mean what?"),
        ({"to": "", "what": []}, "transfer.to", "is required"),
        (["meeting"], "transfer", "must be an object"),
    ],
)
def test_a_transfer_that_means_nothing_is_refused_before_any_call(
    zoom: Simulator, delete: Delete, transfer: Any, place: str, text: str
) -> None:
    with pytest.raises(AirflowFailException) as caught:
        delete(transfer=transfer)
    error = caught.value.__cause__
    assert isinstance(error, ZoomValidationError)
    assert text in error.errors[place][0]
    assert zoom.requests("* /v2/*") == []


@pytest.mark.parametrize("text", ["None", "", "null"])
def test_a_template_of_nothing_transfers_nothing(
    zoom: Simulator, delete: Delete, text: str
) -> None:
    assert delete(transfer=text)["outcome"] == "deleted"


# ---- lost replies


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "truncated", "status"])
def test_a_lost_reply_is_settled_by_looking(zoom: Simulator, delete: Delete, kind: str) -> None:
    zoom.fault(kind, on="DELETE *")
    assert delete()["outcome"] == "deleted"
    assert deletes(zoom) == (1 if kind in ("cut_after", "truncated") else 2)
    assert zoom.person(JANE) is None


@pytest.mark.parametrize("kind", ["cut_after", "truncated"])
def test_a_lost_reply_to_a_delete_with_transfers_is_unconfirmed(
    zoom: Simulator, delete: Delete, kind: str
) -> None:
    zoom.fault(kind, on="DELETE *")
    text = refused(delete, ZoomUnconfirmedError, transfer=TO_LEAD)
    assert f"whether meeting, recording went to {LEAD} is not known" in text
    assert deletes(zoom) == 1


def test_a_delete_with_transfers_that_did_not_arrive_is_sent_once_more(
    zoom: Simulator, delete: Delete
) -> None:
    zoom.fault("cut_before", on="DELETE *")
    assert delete(transfer=TO_LEAD)["outcome"] == "deleted"
    (gone,) = departed(zoom)
    assert gone["moved"] == {"meeting": 3, "recording": 2}


def test_a_transfer_under_way_is_left_alone_and_its_end_is_unconfirmed(
    zoom: Simulator, delete: Delete, store: StateStore, ti: TaskInstance
) -> None:
    ti.max_tries = 1
    context = {"task_state_store": store}
    zoom.configure(transfer_delay=60)
    zoom.fault("cut_after", on="DELETE *")
    with pytest.raises(ZoomRateLimitError):  # Zoom: a request to remove this user is under way
        delete(transfer=TO_LEAD, context=context)
    assert zoom.person(JANE) is not None
    zoom.advance_clock(61)
    ti.try_number = 2
    refused(delete, ZoomUnconfirmedError, transfer=TO_LEAD, context=context)
    (gone,) = departed(zoom)
    assert gone["moved"] == {"meeting": 3, "recording": 2}


def test_a_retry_after_a_kill_finds_the_user_gone_and_is_unconfirmed(
    zoom: Simulator,
    delete: Delete,
    store: StateStore,
    ti: TaskInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*args: Any) -> bool:
        raise Killed

    ti.max_tries = 2
    context = {"task_state_store": store}
    zoom.fault("cut_after", on="DELETE *")
    with monkeypatch.context() as patched:
        patched.setattr("zoom_provider.provisioning.remove_user.has_happened", die)
        with pytest.raises(Killed):
            delete(transfer=TO_LEAD, context=context)
    assert zoom.person(JANE) is None
    assert JANE not in str(store)
    ti.try_number = 2
    text = refused(delete, ZoomUnconfirmedError, transfer=TO_LEAD, context=context)
    assert "is not known" in text
    ti.try_number = 3
    assert delete(transfer=TO_LEAD, context=context)["outcome"] == "absent"


def test_a_retry_without_a_store_that_finds_the_user_gone_is_unconfirmed(
    zoom: Simulator, delete: Delete, ti: TaskInstance
) -> None:
    ti.try_number = 2
    text = refused(delete, ZoomUnconfirmedError, user="left@example.com", transfer=TO_LEAD)
    assert "is not known" in text
    assert delete(user="left@example.com")["outcome"] == "absent"


def test_an_unanswered_look_is_not_taken_for_absence(zoom: Simulator, delete: Delete) -> None:
    zoom.fault("status", on="GET *", times=1000)
    with pytest.raises(ZoomUnavailableError):
        delete()
    assert deletes(zoom) == 0
    assert zoom.person(JANE) is not None
