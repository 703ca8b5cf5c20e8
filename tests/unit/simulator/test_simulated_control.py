"""The control endpoints and the page, as a person or another process uses them."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
import requests

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

Control = Callable[..., requests.Response]


@pytest.fixture
def control(zoom: Simulator) -> Control:
    def send(method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, f"{zoom.url}/control/{path}", timeout=10, **options)

    return send


def test_settings_are_taken_in_part(call: Caller, zoom: Simulator, control: Control) -> None:
    zoom.configure(seats={"licensed": 7})

    reply = control("PATCH", "settings", json={"seats": {"basic": 0}, "sso": "on"})

    assert reply.status_code == 200
    assert zoom.settings.seats.model_dump(exclude_none=True) == {"basic": 0, "licensed": 7}
    assert zoom.settings.sso == reply.json()["sso"] == "on"
    assert "client_secret" not in reply.json()
    assert call.verdict(call.create()) == (400, 3412)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"plam": "pro"}', "plam"),
        (b'{"plan": "gold"}', "plan"),
        (b'{"sso": "on", "token_life": 0}', "token_life"),
        (b'{"seats": {"baisc": 1}}', "baisc"),
        (b'{"seats": {"basic": -1}}', "basic"),
        (b'{"foreign_accounts": {"a@b.com": "rich"}}', "foreign_accounts"),
        (b"[]", "object"),
        (b"{", ""),
    ],
)
def test_wrong_settings_change_nothing(
    zoom: Simulator, control: Control, body: bytes, word: str
) -> None:
    before = zoom.settings

    reply = control("PATCH", "settings", data=body)

    assert reply.status_code == 422
    assert word in reply.json()["why"]
    assert zoom.settings == before


def test_faults_by_http(call: Caller, zoom: Simulator, control: Control) -> None:
    fault = {"kind": "status", "on": "GET /v2/users", "times": None}

    assert control("POST", "faults", json=fault).status_code == 201
    assert call("GET", "/v2/users").status_code == 503
    assert control("POST", "faults", json={"kind": "explode"}).status_code == 422
    assert control("DELETE", "faults").status_code == 200
    assert call("GET", "/v2/users").status_code == 200


def test_people_by_http(call: Caller, zoom: Simulator, control: Control) -> None:
    jane = {"email": "jane@example.com", "type": 2, "status": "pending"}

    assert control("POST", "people", json=jane).status_code == 201
    assert control("POST", "people", json=[{"email": "joe@example.com"}]).status_code == 201
    assert control("POST", "people", json={"mail": "x"}).status_code == 422
    assert control("POST", "people/JANE@example.com/confirm").status_code == 200
    assert control("POST", "people/joe@example.com/confirm").status_code == 404
    assert [(p["email"], p["status"]) for p in zoom.people()] == [
        ("jane@example.com", "active"),
        ("joe@example.com", "active"),
    ]


def test_a_person_is_changed_and_removed_past_every_rule(
    call: Caller, zoom: Simulator, control: Control
) -> None:
    jane = {"email": "jane@example.com", "role_id": "0", "profile": {"dept": "A", "company": "C"}}
    zoom.seed(jane)
    changes = {"status": "inactive", "profile": {"dept": "B"}, "groups": ["Sales"], "type": 4}

    changed = control("PATCH", "people/JANE@example.com", json=changes)

    assert changed.status_code == 200
    assert (changed.json()["status"], changed.json()["type"]) == ("inactive", 4)
    shown = call.user("jane@example.com")
    assert (shown["dept"], shown["company"], len(shown["group_ids"])) == ("B", "C", 1)
    assert control("PATCH", "people/jane@example.com", json={"dept": "B"}).status_code == 422
    assert control("PATCH", "people/jane@example.com", json=[]).status_code == 422
    assert control("PATCH", "people/x@example.com", json={}).status_code == 404
    zoom.seed("ann@example.com")
    taken = {"email": "ANN@example.com"}
    assert control("PATCH", "people/jane@example.com", json=taken).status_code == 422
    assert control("DELETE", "people/ann@example.com").status_code == 200
    assert control("DELETE", "people/jane@example.com").status_code == 200
    assert control("DELETE", "people/jane@example.com").status_code == 404
    assert zoom.people() == []


def test_events_are_those_of_a_webhook(call: Caller, zoom: Simulator, control: Control) -> None:
    zoom.configure(managed_domains=["example.com"])
    call.create("jane@example.com", first_name="Jane", type=2)
    zoom.confirm("jane@example.com")
    call.change("jane@example.com", dept="Research")
    call.set_email("jane@example.com", "j@example.com")
    call.set_status("j@example.com", "deactivate")
    call.set_status("j@example.com", "activate")
    call.delete("j@example.com", action="delete")

    events = control("GET", "events").json()

    assert [event["event"].removeprefix("user.") for event in events] == [
        *("created", "invitation_accepted", "updated", "updated"),
        *("deactivated", "activated", "deleted"),
    ]
    assert events[0]["creation_type"] == "create"
    assert events[3]["old"] == {"email": "jane@example.com"}
    assert {event["object"]["first_name"] for event in events} == {"Jane"}


def test_error_texts_are_in_another_language_by_a_switch(call: Caller, zoom: Simulator) -> None:
    english = call("GET", "/v2/users/unknown").json()
    zoom.configure(language="ja")

    for method, path, code in (("GET", "users/unknown", 1001), ("DELETE", "groups/x", 4130)):
        body = call(method, f"/v2/{path}").json()
        assert body["code"] == code
        assert not body["message"].isascii()
    assert english["message"].isascii()


def test_tokens_and_time_by_http(call: Caller, zoom: Simulator, control: Control) -> None:
    control("POST", "revoke-tokens")
    assert call("GET", "/v2/users").status_code == 401
    call.renew()
    before = zoom.world.now()
    assert control("POST", "clock", json={"forward": 3601}).json()["now"] >= before + 3601
    assert call("GET", "/v2/users").json()["message"] == "Access token is expired."
    assert control("POST", "clock", json={"back": 1}).status_code == 422


def test_state_counts_and_reset_forgets(call: Caller, zoom: Simulator, control: Control) -> None:
    call.create("jane@example.com", first_name="\ud800")
    call.create("jane@example.com")

    state = control("GET", "state").json()

    assert state["counts"]["people"] == 1
    assert state["counts"]["by_status"] == {"pending": 1}
    assert state["counts"]["seats"] == {"basic": 1}
    assert (state["calls"], state["rate_limited"]) == ({"201": 1, "409": 1}, 0)
    assert state["people"][0]["email"] == "jane@example.com"
    assert [entry["code"] for entry in control("GET", "requests").json()] == [None, 1005]
    control("POST", "reset")
    state = control("GET", "state").json()
    assert (state["people"], state["calls"], state["tokens_issued"]) == ([], {}, 0)


def test_control_is_neither_limited_nor_noted(zoom: Simulator, control: Control) -> None:
    zoom.configure(plan="free", limits_enforced=True, latency_ms=60_000)

    assert {control("GET", "state").status_code for _ in range(10)} == {200}
    assert zoom.requests() == []


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_shows_people_and_counts(call: Caller, zoom: Simulator) -> None:
    name = "<script>alert(1)</script>\"'&\ud800"
    call.create("<b>@example.com")
    call.create("jane@example.com", first_name=name, last_name="Doe", type=2)

    reply = requests.get(f"{zoom.url}/", timeout=10)
    page = _Text()
    page.feed(reply.text)

    assert "script" not in page.tags
    assert "b" not in page.tags
    assert f"{name} Doe".replace("\ud800", "?") in page.words
    for words in (["jane@example.com"], ["pending"], ["Licensed"], ["Calls", "2"], ["429s", "0"]):
        at = page.words.index(words[0])
        assert page.words[at : at + len(words)] == words
    assert zoom.people()[0]["id"] in page.words
    assert "script-src" not in reply.headers["content-security-policy"]


def test_the_page_stays_short(zoom: Simulator) -> None:
    zoom.seed(*(f"p{number}@example.com" for number in range(300)))

    text = requests.get(f"{zoom.url}/", timeout=10).text

    assert "p299@example.com" in text
    assert "p99@example.com" not in text
    assert "100 more are there" in text
