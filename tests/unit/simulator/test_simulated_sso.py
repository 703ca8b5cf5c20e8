"""Log-ins by single sign-on, which overwrite what the API wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

JANE = {"email": "jane@corp.com", "id": "jane-id", "first_name": "Jane", "last_name": "Doe"}


def log_in(call: Caller, email: str = "jane@corp.com", **assertion: Any) -> int:
    return call.control("POST", "sso-login", json={"email": email, **assertion}).status_code


def test_each_log_in_overwrites_the_mapped_fields_alone(call: Caller, zoom: Simulator) -> None:
    zoom.seed(JANE)
    asserted = {"dept": "From IdP", "timezone": "Europe/Riga"}
    assert log_in(call, profile=asserted) == 200
    call.change("jane-id", dept="From API", timezone="Asia/Tokyo")

    assert log_in(call, profile=asserted) == 200

    shown = call.user("jane-id")
    assert (shown["dept"], shown["timezone"]) == ("From IdP", "Asia/Tokyo")
    assert shown["login_types"] == [101]


@pytest.mark.parametrize(("switch", "name"), [("first", "Janet"), ("always", "Jana")])
def test_names_are_overwritten_at_the_first_log_in_or_at_all(
    call: Caller, zoom: Simulator, switch: str, name: str
) -> None:
    zoom.configure(sso_names=switch)
    zoom.seed(JANE)

    log_in(call, first_name="Janet", last_name="Doe")
    log_in(call, first_name="Jana", last_name="Doe")

    assert call.user("jane-id")["first_name"] == name


@pytest.mark.parametrize(("mapped", "groups"), [(True, ["Ops"]), (False, ["Sales"])])
def test_mapped_groups_are_those_of_the_assertion_and_no_others(
    call: Caller, zoom: Simulator, mapped: bool, groups: list[str]
) -> None:
    zoom.configure(sso_groups=mapped)
    zoom.seed({**JANE, "groups": ["Sales"]})

    log_in(call, groups=["Ops"])

    names = {g["id"]: g["name"] for g in call("GET", "/v2/groups").json()["groups"]}
    assert [names[group] for group in call.user("jane-id")["group_ids"]] == groups


@pytest.mark.parametrize(("mapped", "type_"), [(True, 1), (False, 2)])
def test_a_mapped_type_takes_the_licence_and_its_add_ons(
    call: Caller, zoom: Simulator, mapped: bool, type_: int
) -> None:
    zoom.configure(sso_types=mapped)
    zoom.seed({**JANE, "type": 2, "features": {"webinar": True}})

    log_in(call, type=1)

    assert call.user("jane-id")["type"] == type_
    assert zoom.people()[0]["features"] == ({} if mapped else {"webinar": True})


def test_a_known_employee_id_renames_at_the_next_log_in(call: Caller, zoom: Simulator) -> None:
    zoom.configure(sso_unique_id=True, sso="on")
    zoom.seed(JANE)
    log_in(call, employee_unique_id="E1")

    log_in(call, "jane.roe@corp.com", employee_unique_id="E1")

    shown = call.user("jane-id")
    assert (shown["email"], shown["employee_unique_id"]) == ("jane.roe@corp.com", "E1")
    found = call("GET", "/v2/users/E1", params={"search_by_unique_id": "true"})
    assert found.json()["id"] == "jane-id"
    missing = call("GET", "/v2/users/E2", params={"search_by_unique_id": "true"})
    assert call.verdict(missing) == (404, 1001)


def test_a_log_in_does_not_take_the_address_of_another_person(
    call: Caller, zoom: Simulator
) -> None:
    zoom.configure(sso_unique_id=True)
    zoom.seed({**JANE, "employee_unique_id": "E1"}, "ann@corp.com")
    before = zoom.people()

    assert log_in(call, "ann@corp.com", employee_unique_id="E1") == 409
    assert zoom.people() == before


def test_without_an_employee_id_a_new_address_makes_a_second_account(
    call: Caller, zoom: Simulator
) -> None:
    zoom.seed({**JANE, "employee_unique_id": "E1"})

    log_in(call, "jane.roe@corp.com", employee_unique_id="E1")

    assert [person["email"] for person in zoom.people()] == ["jane@corp.com", "jane.roe@corp.com"]


@pytest.mark.parametrize(
    ("sso", "login_type", "shown"), [("on", 101, True), ("off", 101, False), ("on", 100, False)]
)
def test_the_employee_id_is_shown_with_sso_alone(
    call: Caller, zoom: Simulator, sso: str, login_type: int, shown: bool
) -> None:
    zoom.configure(sso=sso)
    zoom.seed({**JANE, "employee_unique_id": "E1", "login_type": login_type})

    assert ("employee_unique_id" in call.user("jane-id")) == shown
    assert ("employee_unique_id" in call.listed()[0]) == shown


def test_a_deleted_person_comes_back_at_the_next_log_in(call: Caller, zoom: Simulator) -> None:
    zoom.seed(JANE)
    call.delete("jane-id", action="delete")

    assert log_in(call, first_name="Jane") == 200

    shown = call.user("jane@corp.com")
    assert (shown["status"], shown["type"], shown["first_name"]) == ("active", 2, "Jane")
    assert shown["id"] != "jane-id"


@pytest.mark.parametrize(
    ("switches", "person", "status"),
    [
        ({"sso_jit": False}, None, 409),
        ({"sso_default_type": 1}, None, 200),
        ({}, {"status": "inactive"}, 409),
        ({}, {"status": "pending"}, 409),
        ({"managed_domains": ["corp.com"]}, {"status": "pending"}, 200),
    ],
)
def test_who_may_log_in(
    call: Caller,
    zoom: Simulator,
    switches: dict[str, Any],
    person: dict[str, Any] | None,
    status: int,
) -> None:
    zoom.configure(**switches)
    if person:
        zoom.seed({**JANE, **person})
    before = zoom.people()

    assert log_in(call) == status

    if status == 200:
        assert call.user("jane@corp.com")["status"] == "active"
    else:
        assert zoom.people() == before


def test_a_log_in_of_another_form(call: Caller) -> None:
    assert call.control("POST", "sso-login", json={"mail": "x"}).status_code == 422
