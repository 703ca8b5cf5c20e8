"""The hook against a local Zoom, and what the Test button of the connection form says."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Connection

from tests.support import JANE, Clock, connection, emails, person
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomForeignAccountError,
    ZoomNotAppliedError,
    ZoomNotFoundError,
    ZoomPendingError,
    ZoomUnconfirmedError,
    ZoomUserExistsError,
    ZoomValidationError,
)
from zoom_provider.hooks import zoom as hook_module
from zoom_provider.hooks.zoom import ZoomHook, settings_from_connection
from zoom_provider.simulator.server import Simulator, running
from zoom_provider.simulator.settings import SimulatorSettings


@pytest.fixture
def hook(connected: Simulator) -> Iterator[ZoomHook]:
    made = ZoomHook()
    yield made
    made.get_conn().close()


def test_a_persons_life(hook: ZoomHook, connected: Simulator) -> None:
    made = hook.create_user("create", JANE)
    assert made == {name: made[name] for name in ("id", "email", "type", "first_name", "last_name")}
    assert hook.get_user("jane@example.com")["status"] == "pending"
    assert [user["email"] for user in hook.list_users("pending")] == ["jane@example.com"]
    connected.confirm("jane@example.com")
    hook.update_user(made["id"], {"last_name": "Roe", "dept": "Law"})
    assert hook.get_user(made["id"])["last_name"] == "Roe"
    hook.set_user_status("jane@example.com", "deactivate")
    assert [user["id"] for user in hook.list_users("inactive")] == [made["id"]]
    hook.set_user_status("jane@example.com", "activate")
    assert [user["id"] for user in hook.list_users()] == [made["id"]]
    connected.seed("heir@example.com")
    hook.delete_user(made["id"], transfer_email="heir@example.com", transfer_meeting=True)
    assert emails(connected) == ["heir@example.com"]
    (deletion,) = connected.requests("DELETE *")
    assert deletion["query"] == {
        "action": "disassociate",
        "transfer_email": "heir@example.com",
        "transfer_meeting": "true",
    }
    with pytest.raises(ZoomNotFoundError):
        hook.get_user("jane@example.com")


def test_a_users_address_groups_role_and_sessions(hook: ZoomHook, connected: Simulator) -> None:
    connected.configure(managed_domains=["example.com"])
    connected.seed({"email": "jane@example.com", "id": "jane-id", "signed_in": True})
    law, coach = connected.group("Law"), connected.role("Coach")

    def jane() -> dict[str, Any]:
        found = connected.person("jane-id")
        assert found is not None
        return found

    hook.change_email("jane@example.com", "roe@example.com")
    assert jane()["email"] == "roe@example.com"
    hook.add_to_group("Law", ["roe@example.com", "jane-id"])
    assert list(jane()["group_ids"]) == [law]
    hook.add_to_group(law, ["jane-id"])
    assert [group["name"] for group in hook.list_groups()] == ["Law"]
    hook.remove_from_group("Law", "roe@example.com")
    hook.remove_from_group("Law", "roe@example.com")
    assert list(jane()["group_ids"]) == []
    hook.assign_role("Coach", "roe@example.com")
    assert jane()["role_id"] == coach
    assert {role["name"] for role in hook.list_roles()} == {"Owner", "Admin", "Member", "Coach"}
    hook.unassign_role("Admin", "roe@example.com")
    assert jane()["role_id"] == coach
    hook.unassign_role("Coach", "roe@example.com")
    assert jane()["role_id"] == "2"
    hook.sign_out("roe@example.com")
    assert jane()["signed_in"] is False


def test_many_users_join_a_group_thirty_a_call_and_those_left_out_are_named(
    hook: ZoomHook, connected: Simulator
) -> None:
    people = [f"p{number}@example.com" for number in range(70)]
    connected.seed(*people)
    connected.group("Law")
    hook.add_to_group("Law", people)
    assert len(connected.requests("POST /v2/groups/*")) == 3
    assert all(person["group_ids"] for person in connected.people())
    connected.seed({"email": "new@example.com", "status": "pending"})
    with pytest.raises(ZoomNotAppliedError, match=r"new@example\.com .*1 of 2") as caught:
        hook.add_to_group("Law", ["p1@example.com", "new@example.com"])
    assert set(caught.value.fields) == {"new@example.com"}


def test_a_pending_users_address_is_not_changed(hook: ZoomHook, connected: Simulator) -> None:
    connected.seed({"email": "new@example.com", "status": "pending"})
    with pytest.raises(ZoomPendingError):
        hook.change_email("new@example.com", "n@example.com")


def test_plan_usage_says_what_is_bought_used_and_held(hook: ZoomHook, connected: Simulator) -> None:
    connected.configure(seats={"licensed": 5})
    connected.seed(
        {"email": "a@example.com", "type": 2},
        {"email": "b@example.com", "type": 2, "status": "pending"},
    )
    base = hook.get_plan_usage()["plan_base"]
    assert (base["hosts"], base["usage"], base["pending"]) == (5, 1, 1)


@pytest.mark.parametrize("transfer", [{}, {"transfer_email": "heir@example.com"}])
def test_a_lost_reply_to_a_removal_is_settled_by_looking(
    hook: ZoomHook, connected: Simulator, transfer: dict[str, str]
) -> None:
    connected.seed("jane@example.com", "heir@example.com")
    connected.fault("cut_after", on="DELETE *")
    if transfer:
        with pytest.raises(ZoomUnconfirmedError):
            hook.delete_user("jane@example.com", "delete", **transfer)
    else:
        hook.delete_user("jane@example.com", "delete")
    assert emails(connected) == ["heir@example.com"]
    assert len(connected.requests("DELETE *")) == 1


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_a_lost_reply_to_a_status_is_settled_by_looking(
    hook: ZoomHook, connected: Simulator, kind: str
) -> None:
    connected.seed("jane@example.com")
    connected.fault(kind, on="PUT *")
    hook.set_user_status("jane@example.com", "deactivate")
    assert [user["email"] for user in hook.list_users("inactive")] == ["jane@example.com"]


def test_people_of_many_pages_come_once(hook: ZoomHook, connected: Simulator) -> None:
    connected.seed(*(f"p{number}@example.com" for number in range(700)))
    found = [user["email"] for user in hook.list_users()]
    assert found == emails(connected)
    assert len(connected.requests("GET /v2/users")) == 3


def test_a_second_creation_returns_the_existing_user(hook: ZoomHook, connected: Simulator) -> None:
    made = hook.create_user("create", JANE)
    with pytest.raises(ZoomUserExistsError) as raised:
        hook.create_user("create", JANE)
    assert raised.value.user is not None
    assert (raised.value.user["id"], raised.value.user["status"]) == (made["id"], "pending")
    connected.configure(foreign_accounts={"p1@example.com": "free"})
    with pytest.raises(ZoomForeignAccountError):
        hook.create_user("create", person(1))


def test_a_person_outside_the_allowed_domains_is_refused_before_any_call(
    connected: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = connection(connected, extra={"allowed_domains": "corp.example, example.org"})
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", limited)
    with pytest.raises(ZoomValidationError, match="allowed_domains"):
        ZoomHook().create_user("create", JANE)
    assert connected.requests() == []


def test_one_client_and_one_token_for_all_calls(hook: ZoomHook, connected: Simulator) -> None:
    assert hook.get_conn() is hook.get_conn()
    for number in range(3):
        hook.create_user("create", person(number))
    assert len(connected.requests("POST /oauth/token")) == 1


def test_making_a_hook_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_NOWHERE", raising=False)
    assert ZoomHook("nowhere").zoom_conn_id == "nowhere"


def test_secrets_are_masked_when_they_arrive(
    connected: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A copied secret often has a line break behind it, which Airflow's own mask then needs too.
    stored = f" {connected.settings.client_secret}\n"
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(connected, password=stored))
    masked: list[str] = []
    monkeypatch.setattr(hook_module, "mask_secret", masked.append)
    ZoomHook().create_user("create", JANE)
    secret, token = masked
    assert secret == connected.settings.client_secret
    assert token.startswith("eyJ")


def test_a_connections_fields_become_settings() -> None:
    stored = Connection(
        conn_id="x",
        conn_type="zoom",
        login="an-id",
        password="a-secret",
        host="api.zoomgov.com",
        extra=json.dumps({"account_id": "an-account", "rate_share": "0.5"}),
    )
    settings = settings_from_connection(stored)
    assert (settings.client_id, settings.client_secret) == ("an-id", "a-secret")
    assert (settings.account_id, settings.rate_share) == ("an-account", 0.5)
    assert settings.origin == "https://api.zoomgov.com"
    assert settings.token_url == "https://zoomgov.com/oauth/token"
    assert "a-secret" not in repr(settings)


# ---- the Test button


def dead_port() -> int:
    """Name a port of this machine on which no program listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


SECRET = "wr0ng-client-secret"
GRANT = {"grant_type": "access_token", "access_token": "eyJ-an-expired-access-token"}

# What is wrong with the connection or with Zoom; words of the text; token requests; reads.
CAUSES: list[Any] = [
    pytest.param({}, {"connection": {"password": SECRET}}, ["Client Secret"], 1, 0, id="secret"),
    pytest.param({}, {"connection": {"login": "other"}}, ["Client ID"], 1, 0, id="client id"),
    pytest.param(
        {}, {"connection": {"extra": {"account_id": "other"}}}, ["Account ID"], 1, 0, id="account"
    ),
    pytest.param({"app_active": False}, {}, ["activated"], 1, 0, id="app not activated"),
    pytest.param(
        {"scopes": ["user:write:user:admin"]},
        {},
        ["user:read:list_users:admin", "scope", "tracking id"],
        1,
        1,
        id="scope",
    ),
    pytest.param({"missing_permissions": ["User:Read"]}, {}, ["role", "Users"], 1, 1, id="role"),
    pytest.param({}, {"fault": {"kind": "error", "code": 403}}, ["denies"], 1, 1, id="403"),
    pytest.param(
        {}, {"connection": {"host": "dead"}}, ["no connection", "host"], 0, 0, id="network"
    ),
    pytest.param({}, {"fault": {"kind": "cut_before"}}, ["cut"], 1, 1, id="cut"),
    pytest.param({}, {"fault": {"kind": "status"}}, ["503"], 1, 1, id="zoom is down"),
    pytest.param(
        {}, {"fault": {"kind": "html"}}, ["text/html", "HTTPS_PROXY"], 1, 1, id="proxy page"
    ),
    pytest.param(
        {},
        {"fault": {"kind": "html", "on": "POST /oauth/token"}},
        ["text/html", "HTTPS_PROXY"],
        1,
        0,
        id="proxy page for a token",
    ),
    pytest.param({}, {"fault": {"kind": "redirect"}}, ["redirect"], 1, 1, id="redirect"),
    pytest.param({}, {"fault": {"kind": "429"}}, ["too many calls"], 1, 1, id="per second"),
    pytest.param(
        {}, {"fault": {"kind": "429", "limit": "daily"}}, ["daily", "renewed at"], 1, 1, id="daily"
    ),
    pytest.param({}, {"fault": {"kind": "revoke_token"}}, ["token"], 1, 1, id="token revoked"),
    pytest.param(
        {}, {"connection": {"extra": GRANT}}, ["access token", "fresh"], 0, 1, id="token expired"
    ),
    pytest.param(
        {},
        {"connection": {"extra": {"grant_type": "refresh_token", "refresh_token": "r-e-f-r"}}},
        ["refresh token", "task"],
        0,
        0,
        id="refresh token is not spent",
    ),
    pytest.param(
        {},
        {"connection": {"extra": {"account_id": "", "plan": "huge", "timeout": "x"}}},
        ["Account ID", "plan", "timeout"],
        0,
        0,
        id="fields",
    ),
    pytest.param(
        {},
        {"connection": {"extra": {"token_url": "https://evil.example/token"}}},
        ["token_url", "goes nowhere else"],
        0,
        0,
        id="token url elsewhere",
    ),
    pytest.param({}, {"connection": {"host": "http://zoom.example"}}, ["https"], 0, 0, id="http"),
]


@pytest.mark.parametrize(("configure", "wrong", "words", "tokens", "reads"), CAUSES)
def test_the_test_button_names_the_cause(
    configure: dict[str, Any],
    wrong: dict[str, Any],
    words: list[str],
    tokens: int,
    reads: int,
    connected: Simulator,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AIRFLOW_CTX_TASK_ID", raising=False)
    changes = dict(wrong.get("connection", {}))
    if changes.get("host") == "dead":
        changes["host"] = f"http://127.0.0.1:{dead_port()}"
    text = connection(connected, **changes)
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", text)
    connected.configure(**configure)
    if "fault" in wrong:
        connected.fault(**{"on": "GET /v2/users", "times": None, **wrong["fault"]})
    works, said = ZoomHook().test_connection()
    assert works is False
    for word in words:
        assert word in said
    for secret in (json.loads(text)["password"], GRANT["access_token"], "r-e-f-r", "eyJ"):
        assert secret not in said
    assert len(connected.requests("POST /oauth/token")) == tokens
    assert len(connected.requests("* /v2/*")) == reads
    assert len(connected.requests()) == tokens + reads
    assert clock.slept == []


def test_the_test_button_says_what_works(
    connected: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.seed(
        "a@example.com", "b@example.com", {"email": "c@example.com", "status": "pending"}
    )
    assert ZoomHook().test_connection() == (True, "Connected to Zoom: 2 active users.")
    connected.configure(scopes=["user:read:list_users:admin"])
    works, said = ZoomHook().test_connection()
    assert works is True
    assert "user:write:user:admin" in said
    assert "user:read:user:admin" in said
    # A secret that has changed since must show, however good the token of before still is.
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(connected, password="changed"))
    assert ZoomHook().test_connection()[0] is False


def test_the_test_button_on_an_untrusted_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(SimulatorSettings(), tls_dir=tmp_path) as zoom:
        trusted = json.loads(connection(zoom))
        monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", json.dumps(trusted))
        assert ZoomHook().test_connection() == (True, "Connected to Zoom: 0 active users.")
        del trusted["extra"]["ca_bundle"]
        monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", json.dumps(trusted))
        works, said = ZoomHook().test_connection()
        assert works is False
        assert "certificate" in said
        assert "ca_bundle" in said
        trusted["extra"]["ca_bundle"] = str(tmp_path / "typo.pem")
        monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", json.dumps(trusted))
        works, said = ZoomHook().test_connection()
        assert works is False
        assert "ca_bundle" in said
        assert len(zoom.requests()) == 2


@pytest.mark.parametrize("stored", [None, "not a connection", "{broken", '{"extra": 5}'])
def test_the_test_button_never_raises(stored: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_NOWHERE", raising=False)
    if stored is not None:
        monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", stored)
    works, said = ZoomHook("nowhere").test_connection()
    assert works is False
    assert said


def test_with_a_bad_token_a_call_fails_as_it_should(
    connected: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(connected, extra=GRANT))
    with pytest.raises(ZoomAuthError, match="fresh") as raised:
        ZoomHook().create_user("create", JANE)
    assert GRANT["access_token"] not in str(raised.value)
    assert len(connected.requests()) == 1
