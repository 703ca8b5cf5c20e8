"""Everything that can go wrong on demand: what the client sees, and what Zoom was left with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import requests
from pydantic import ValidationError

from zoom_provider.simulator.faults import KINDS
from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller


class Case(NamedTuple):
    """A fault, what the client sees of it, and whether Zoom acted."""

    kind: str
    parameters: dict[str, Any]
    seen: Any
    acted: bool


JANE = {"action": "create", "user_info": {"email": "jane@example.com", "type": 1}}
CUT = requests.ConnectionError
SHORT = requests.exceptions.ChunkedEncodingError
CASES = [
    Case("status", {}, (503, "application/json"), False),
    Case("status", {"status": 500, "acted": True}, (500, "application/json"), True),
    Case("status", {"status": 502, "body": "html"}, (502, "text/html"), False),
    Case("error", {"code": 2016}, (400, "application/json"), False),
    Case("error", {"code": 4130}, (404, "application/json"), False),
    Case("cut_before", {}, CUT, False),
    Case("cut_after", {}, CUT, True),
    Case("slow", {"seconds": 0.01}, (201, "application/json"), True),
    Case("slow", {"seconds": 0.01, "acted": False}, (504, "text/html"), False),
    Case("late", {"seconds": 0.01}, (201, "application/json"), True),
    Case("html", {}, (200, "text/html"), False),
    Case("html", {"acted": True}, (200, "text/html"), True),
    Case("not_json", {}, (200, "application/json"), False),
    Case("not_json", {"acted": True}, (200, "application/json"), True),
    Case("429", {}, (429, "application/json"), False),
    Case("429", {"limit": "daily"}, (429, "application/json"), False),
    Case("429", {"limit": "creates"}, (429, "application/json"), False),
    Case("429", {"limit": "concurrency"}, (429, "application/json"), False),
    Case("revoke_token", {}, (401, "application/json"), False),
    Case("move", {"user": "unknown"}, (201, "application/json"), True),
    Case("redirect", {"url": "https://login.example.com/"}, (302, None), False),
    Case("truncated", {}, SHORT, True),
    Case("truncated", {"acted": False}, SHORT, False),
]


def test_every_kind_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(KINDS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.parameters}")
def test_a_fault_strikes_once(call: Caller, zoom: Simulator, case: Case) -> None:
    zoom.fault(case.kind, on="POST /v2/users", **case.parameters)

    if isinstance(case.seen, tuple):
        reply = call.create()
        content_type = reply.headers.get("content-type")
        seen = content_type.partition(";")[0] if content_type else None
        assert (reply.status_code, seen) == case.seen
    else:
        with pytest.raises(case.seen):
            call.create()

    assert len(zoom.people()) == case.acted
    assert [fault["struck"] for fault in zoom.faults()] == [1]
    assert zoom.requests()[0]["fault"] == case.kind
    call.renew()
    assert call.verdict(call.create()) == ((409, 1005) if case.acted else (201, None))


@pytest.mark.parametrize(
    ("limit", "headers", "names"),
    [
        ("qps", True, {"x-ratelimit-category", "x-ratelimit-type"}),
        ("qps", False, set()),
        (
            "daily",
            True,
            {
                "x-ratelimit-category",
                "x-ratelimit-type",
                "x-ratelimit-limit",
                "x-ratelimit-remaining",
                "retry-after",
            },
        ),
        ("daily", False, set()),
        ("concurrency", True, set()),
    ],
)
def test_429_with_and_without_headers(
    call: Caller, zoom: Simulator, limit: str, headers: bool, names: set[str]
) -> None:
    zoom.fault("429", limit=limit, headers=headers)

    reply = call("GET", "/v2/users")

    assert call.verdict(reply) == (429, 429)
    assert {k for k in reply.headers if "ratelimit" in k or k == "retry-after"} == names


def test_a_body_that_only_looks_like_json(call: Caller, zoom: Simulator) -> None:
    zoom.fault("not_json")

    reply = call("GET", "/v2/users")

    assert reply.headers["content-type"].startswith("application/json")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        reply.json()


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        ({"on": "*"}, ["POST /v2/users"]),
        ({"on": "GET *"}, ["GET /v2/users"]),
        ({"on": "* /v2/users/*"}, ["GET /v2/users/a@b.com"]),
        ({"on": "/v2/users/*"}, ["GET /v2/users/a@b.com"]),
        ({"on": "PATCH /v2/users/*"}, ["PATCH /v2/users/a-id"]),
        ({"email": "A@b.com", "times": None}, ["POST", "GET /v2/users/a@b.com", "PATCH"]),
        ({"email": "other@b.com"}, []),
        ({"skip": 2}, ["GET /v2/users/a@b.com"]),
        ({"skip": 1, "times": 2}, ["GET /v2/users", "GET /v2/users/a@b.com"]),
    ],
)
def test_which_calls_are_struck(
    call: Caller, zoom: Simulator, fault: dict[str, Any], struck: list[str]
) -> None:
    zoom.seed({"email": "a@b.com", "id": "a-id"})
    zoom.fault("status", **fault)

    call.create("a@b.com")
    call("GET", "/v2/users")
    call("GET", "/v2/users/a@b.com")
    call("PATCH", "/v2/users/a-id", json={})

    hit = [f"{e['method']} {e['path']}" for e in zoom.requests() if e["status"] == 503]
    assert len(hit) == len(struck)
    assert all(full.startswith(short) for full, short in zip(hit, struck, strict=True))


def test_faults_queue_up(call: Caller, zoom: Simulator) -> None:
    zoom.fault("status", status=500)
    zoom.fault("status", status=502, times=2)

    seen = [call("GET", "/v2/users").status_code for _ in range(4)]

    assert seen == [500, 502, 502, 200]


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "status", "html", "truncated"])
def test_faults_of_the_token_endpoint(zoom: Simulator, kind: str) -> None:
    zoom.fault(kind, on="POST /oauth/token")
    form = {"grant_type": "account_credentials", "account_id": zoom.settings.account_id}
    auth = (zoom.settings.client_id, zoom.settings.client_secret)

    def ask() -> requests.Response:
        return requests.post(f"{zoom.url}/oauth/token", data=form, auth=auth, timeout=10)

    if kind in ("status", "html"):
        assert ask().status_code == (503 if kind == "status" else 200)
    else:
        with pytest.raises(requests.RequestException):
            ask()

    assert zoom.state()["tokens_issued"] == (kind in ("cut_after", "truncated"))
    assert ask().json()["token_type"] == "bearer"


def test_zoom_may_act_after_the_client_has_gone(call: Caller, zoom: Simulator) -> None:
    zoom.fault("late", on="POST /v2/users", seconds=0.3)

    with pytest.raises(requests.ReadTimeout):
        call("POST", "/v2/users", json=JANE, timeout=0.1)

    # The second call waits behind the first, on the same clock, and finds its work done.
    zoom.fault("late", on="GET /v2/users/*", seconds=0.4)
    assert call("GET", "/v2/users/jane@example.com").status_code == 200


@pytest.mark.parametrize("path", ["/v2/users", "/oauth/token"])
def test_a_reset_ends_calls_under_way(call: Caller, zoom: Simulator, path: str) -> None:
    zoom.fault("late", on=f"POST {path}", seconds=0.2)
    form = {"grant_type": "account_credentials", "account_id": zoom.settings.account_id}
    auth = (zoom.settings.client_id, zoom.settings.client_secret)
    options = {"json": JANE} if path == "/v2/users" else {"data": form, "auth": auth}
    with pytest.raises(requests.ReadTimeout):
        call("POST", path, timeout=0.1, **options)

    zoom.reset()
    call.renew()
    zoom.fault("slow", on="GET /v2/users", seconds=0.4)
    call("GET", "/v2/users")

    assert zoom.people() == []
    state = zoom.state()
    assert (state["calls"], state["tokens_issued"]) == ({"200": 1}, 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "explode"},
        {"kind": "error", "code": 1},
        {"kind": "status", "status": 200},
        {"kind": "status", "tiems": 2},
        {"kind": "status", "times": 0},
    ],
)
def test_faults_that_do_not_exist(zoom: Simulator, fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        zoom.fault(**fault)

    assert zoom.faults() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "users/jane-id"),
        ("PUT", "users/jane-id/email"),
        ("PUT", "users/jane-id/status"),
        ("DELETE", "users/jane@example.com"),
        ("DELETE", "groups/sales/members/jane-id"),
        ("DELETE", "roles/1/members/jane-id"),
    ],
)
@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_a_lost_reply_to_a_change_leaves_it_done_or_not(
    call: Caller, zoom: Simulator, kind: str, method: str, path: str
) -> None:
    role = "1" if path.startswith("roles") else "2"
    jane = {"email": "jane@example.com", "id": "jane-id", "role_id": role}
    zoom.seed(jane, {"email": "owner@example.com", "role_id": "0"})
    zoom.group("Sales", "jane-id", group_id="sales")
    zoom.configure(managed_domains=["example.org"])
    zoom.fault(kind, email="jane@example.com")
    before = zoom.people()
    body = {"dept": "Research", "email": "jane@example.org", "action": "deactivate"}

    call("GET", "/v2/users/owner@example.com")  # concerns another person
    with pytest.raises(CUT):
        call(method, f"/v2/{path}", json=body)

    assert (zoom.people() != before) == (kind == "cut_after")
    assert [fault["struck"] for fault in zoom.faults()] == [1]
