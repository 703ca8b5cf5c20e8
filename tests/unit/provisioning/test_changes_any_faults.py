"""After any faults a user is as wanted, or the error says exactly what is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.fakes import Clock
from tests.unit.provisioning.create_user.test_any_faults import TROUBLE
from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.exceptions import ZoomError, ZoomUnconfirmedError
from zoom_provider.models.transfer import Transfer
from zoom_provider.models.user_update import validate_changes
from zoom_provider.provisioning.remove_user import remove_user
from zoom_provider.provisioning.report import Outcome
from zoom_provider.provisioning.set_status import StatusAction, set_status
from zoom_provider.provisioning.update_user import UpdateResult, update_user
from zoom_provider.simulator.server import Simulator

JANE, LEAD = "jane@example.com", "lead@example.com"
ANY_FAULTS = settings(
    max_examples=80,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
REFUSALS = ("429", "revoke_token", "error", "redirect")
FAULTS = st.lists(TROUBLE, max_size=3)


class Note:
    """Remembers as Airflow's store does, past the end of a try."""

    kept = True

    def __init__(self) -> None:
        self.noted: str | None = None

    def load(self, email: str) -> bool:
        return self.noted == email

    def save(self, email: str) -> None:
        self.noted = email

    def clear(self) -> None:
        self.noted = None


@contextmanager
def client_of(zoom: Simulator) -> Iterator[ZoomClient]:
    clock = Clock()
    client = ZoomClient(
        ZoomSettings(
            client_id=zoom.settings.client_id,
            client_secret=zoom.settings.client_secret,
            account_id=zoom.settings.account_id,
            origin=zoom.url,
            token_url=f"{zoom.url}/oauth/token",
            plan="business",
        ),
        tokens=TokenCache(),
        clock=clock,
        sleep=clock.sleep,
    )
    try:
        yield client
    finally:
        client.close()


def begin(zoom: Simulator, **attributes: Any) -> None:
    zoom.reset()
    zoom.configure(managed_domains=["example.com"])
    zoom.seed({"email": JANE, "id": "jane-id", "type": 2, **attributes})
    zoom.seed({"email": LEAD, "id": "lead-id", "type": 2})


def strike(zoom: Simulator, faults: dict[str, list[dict[str, Any]]]) -> None:
    for on, listed in faults.items():
        for fault in listed:
            zoom.fault(**fault, on=on)


def attempt(zoom: Simulator, run: Callable[[ZoomClient], Any]) -> Any:
    """Return what a try came to: its result or its error."""
    with client_of(zoom) as client:
        try:
            return run(client)
        except ZoomError as error:
            return error


def assert_never_repeated_blindly(zoom: Simulator) -> None:
    """After a call that may have acted, Zoom was asked before the same call was made again."""
    unclear: set[tuple[str, str]] = set()
    for entry in zoom.requests("* /v2/*"):
        call = (entry["method"], entry["path"])
        if entry["method"] == "GET":
            unclear.clear()
            continue
        loses_data = entry["method"] == "PUT" or "/roles/" in entry["path"]
        loses_data |= entry["method"] == "DELETE" and entry["path"].count("/") == 3
        if loses_data:
            assert call not in unclear
            if entry["fault"] not in (None, *REFUSALS):
                unclear.add(call)


@ANY_FAULTS
@given(
    on_patch=FAULTS,
    on_put=FAULTS,
    on_join=FAULTS,
    on_leave=FAULTS,
    on_role=FAULTS,
    on_get=st.lists(TROUBLE, max_size=5),
)
def test_an_update_ends_as_wanted_or_says_exactly_what_is_not(
    zoom_server: Simulator,
    on_patch: list[dict[str, Any]],
    on_put: list[dict[str, Any]],
    on_join: list[dict[str, Any]],
    on_leave: list[dict[str, Any]],
    on_role: list[dict[str, Any]],
    on_get: list[dict[str, Any]],
) -> None:
    zoom = zoom_server
    begin(zoom, profile={"dept": "Sales"})
    law, sales, coach = zoom.group("Law"), zoom.group("Sales", JANE), zoom.role("Coach")
    new = "jane.roe@example.com"
    wanted = validate_changes(
        {
            "dept": "Law",
            "email": new,
            "groups": {"add": [law], "remove": [sales]},
            "role": coach,
        }
    ).given()
    strike(
        zoom,
        {
            "PATCH *": on_patch,
            "PUT *": on_put,
            "POST /v2/groups/*": on_join,
            "DELETE /v2/groups/*": on_leave,
            "POST /v2/roles/*": on_role,
            "GET /v2/users/*": on_get,
        },
    )

    def missing() -> set[str]:
        user = zoom.person("jane-id")
        assert user is not None
        found = {
            "dept": user["profile"]["dept"] == "Law",
            "email": user["email"] == new,
            "groups": list(user["group_ids"]) == [law],
            "role": user["role_id"] == coach,
        }
        return {name for name, right in found.items() if not right}

    first = attempt(zoom, lambda client: update_user(client, "jane-id", wanted))
    if isinstance(first, ZoomError):
        said = re.search(r"Not applied: ([a-z, ]+)\.", str(first))
        if said:
            assert {*said[1].split(", ")} - {"nothing"} == missing()
        zoom.world.faults.clear()
        last = attempt(zoom, lambda client: update_user(client, "jane-id", wanted))
    else:
        last = first
    assert isinstance(last, UpdateResult)
    assert missing() == set()
    user = zoom.person("jane-id")
    assert user is not None
    assert len(user["email_changes"]) == 1  # Zoom allows three a day
    assert_never_repeated_blindly(zoom)


@ANY_FAULTS
@given(
    action=st.sampled_from(["activate", "deactivate"]),
    on_put=st.lists(TROUBLE, max_size=4),
    on_token=FAULTS,
    on_patch=FAULTS,
    on_get=st.lists(TROUBLE, max_size=5),
)
def test_a_status_ends_as_wanted_and_is_set_once(
    zoom_server: Simulator,
    action: StatusAction,
    on_put: list[dict[str, Any]],
    on_token: list[dict[str, Any]],
    on_patch: list[dict[str, Any]],
    on_get: list[dict[str, Any]],
) -> None:
    zoom = zoom_server
    begin(zoom, status="active" if action == "deactivate" else "inactive", signed_in=True)
    zoom.change(JANE, type=2 if action == "deactivate" else 1)
    strike(
        zoom,
        {
            "PUT *": on_put,
            "DELETE /v2/users/*/token": on_token,
            "PATCH *": on_patch,
            "GET /v2/users/*": on_get,
        },
    )

    def run(client: ZoomClient) -> Any:
        return set_status(client, JANE, action, license_fields={"type": 2})

    result = attempt(zoom, run)
    if isinstance(result, ZoomError):
        zoom.world.faults.clear()
        result = attempt(zoom, run)
    assert not isinstance(result, ZoomError)
    user = zoom.person(JANE)
    assert user is not None
    expected = {"activate": ("active", 2), "deactivate": ("inactive", 1)}[action]
    assert (user["status"], user["type"]) == expected
    assert user["signed_in"] is (action == "activate")
    assert [event["event"] for event in zoom.events()].count(f"user.{action}d") == 1
    assert_never_repeated_blindly(zoom)


@ANY_FAULTS
@given(
    transfers=st.booleans(),
    on_delete=st.lists(TROUBLE, max_size=4),
    on_get=st.lists(TROUBLE, max_size=6),
)
def test_a_removal_loses_nothing_in_silence(
    zoom_server: Simulator,
    transfers: bool,
    on_delete: list[dict[str, Any]],
    on_get: list[dict[str, Any]],
) -> None:
    zoom = zoom_server
    begin(zoom, assets={"meeting": 3})
    strike(zoom, {"DELETE *": on_delete, "GET /v2/users/*": on_get})
    transfer = Transfer(to=LEAD, what=("meeting",)) if transfers else None
    note = Note()

    def run(client: ZoomClient) -> Any:
        return remove_user(client, JANE, "delete", transfer, note)

    first = attempt(zoom, run)
    gone_before = zoom.person(JANE) is None
    if isinstance(first, ZoomError):
        if isinstance(first, ZoomUnconfirmedError):
            assert transfers
            assert gone_before
        elif not gone_before:
            assert zoom.state()["departed"] == []
        zoom.world.faults.clear()
        last = attempt(zoom, run)
        # Gone with transfers, and no reply: no later try may call that done.
        if transfers and gone_before and not isinstance(first, ZoomUnconfirmedError):
            assert isinstance(last, ZoomUnconfirmedError)
        else:
            assert last.outcome is (Outcome.ABSENT if gone_before else Outcome.DELETED)
    else:
        assert first.outcome is Outcome.DELETED
    assert zoom.person(JANE) is None
    (departed,) = zoom.state()["departed"]
    assert departed["moved"] == ({"meeting": 3} if transfers else {})
    assert zoom.person(LEAD) is not None
    assert_never_repeated_blindly(zoom)
