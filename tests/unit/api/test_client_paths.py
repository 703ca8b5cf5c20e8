"""No name of a person leads to another call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.api.fakes import ClientOf, Stranger, http
from zoom_provider.api.base_client import build_path
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomNotFoundError,
    ZoomValidationError,
)
from zoom_provider.simulator.server import Simulator

ANN = "ann@example.com"

ODD = [
    "a/b@example.com",
    "../accounts/me@example.com",
    "..%2Faccounts@example.com",
    "a%b@example.com",
    "%2e%2e",
    "a#b@example.com",
    "a?action=delete@example.com",
    "a&b=c@example.com",
    "a;b@example.com",
    "a+b@example.com",
    "a b@example.com",
    "a\\b@example.com",
    "a\x00b@example.com",
    "...",
    "/",
    "//evil.example/v2/users",
    "http://evil.example",
    "金@example.com",
    "\N{PILE OF POO}@example.com",
    "e\N{COMBINING ACUTE ACCENT}@example.com",
    "\N{RIGHT-TO-LEFT OVERRIDE}@example.com",
    "email@example.com",
    "me@example.com",
]


@pytest.mark.parametrize("email", ODD)
def test_odd_addresses_reach_the_person_meant(
    zoom: Simulator, client: ZoomClient, email: str
) -> None:
    zoom.seed({"email": email, "id": "odd"}, {"email": ANN})
    assert client.get_user(email)["id"] == "odd"
    client.update_user(email, {"first_name": "Odd"})
    client.set_user_status(email, "deactivate")
    person = zoom.person("odd")
    assert person is not None
    assert (person["first_name"], person["status"]) == ("Odd", "inactive")
    client.delete_user(email)
    assert [left["email"] for left in zoom.people()] == [ANN]
    for call in zoom.requests("* /v2/*"):
        root, version, users, user, *rest = call["path"].split("/")
        assert (root, version, users) == ("", "v2", "users")
        assert unquote(user) == email.strip()
        assert rest == (["status"] if call["method"] == "PUT" else [])


@pytest.mark.parametrize(
    "user",
    [
        *("", "  ", ".", "..", " ..\t", "\ud800@example.com", None),
        # These have calls of their own, or mean the owner of the token.
        *("me", "ME", "email", "summary", "features", "vanity_name"),
    ],
)
def test_a_reserved_path_segment_is_refused_before_any_call(
    zoom: Simulator, client: ZoomClient, user: Any
) -> None:
    for call in (
        lambda: client.get_user(user),
        lambda: client.update_user(user, {}),
        lambda: client.set_user_status(user, "activate"),
        lambda: client.delete_user(user),
    ):
        with pytest.raises(ZoomValidationError, match="user"):
            call()
    assert zoom.requests() == []


@pytest.fixture(scope="module")
def echo() -> Iterator[Stranger]:
    """Run a server without users that notes the bytes that it was asked with."""
    with Stranger(http('{"code": 1001, "message": "No user."}', "404 Not Found")) as stranger:
        yield stranger


@settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    user=st.text(st.characters(exclude_categories=())) | st.text("./\\%2eEfF?#@ \r\n", max_size=9)
)
@example(user="a\r\nX-Injected: y@example.com")
@example(user="..;/..")
def test_no_text_reaches_another_url(
    zoom: Simulator, client_of: ClientOf, echo: Stranger, user: str
) -> None:
    echo.heard.clear()
    client = client_of(zoom, origin=echo.url)
    with pytest.raises((ZoomValidationError, ZoomNotFoundError)) as caught:
        client.get_user(user)
    if isinstance(caught.value, ZoomValidationError):
        assert echo.heard == []
        return
    (asked,) = echo.heard
    method, path, version = asked.decode("ascii").split("\r\n")[0].split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    assert unquote(path.removeprefix("/v2/users/")) == user.strip()
    assert re.fullmatch(r"/v2/users/[^/?#\\]+", path)
    assert b"X-Injected" not in asked.partition(b"\r\n")[2]


@pytest.mark.parametrize(
    ("template", "params", "path"),
    [
        ("/users", {}, "/users"),
        ("/users/{user}/status", {"user": " a/b@x.com "}, "/users/a%2Fb%40x.com/status"),
        (
            "/groups/{group}/members/{user}",
            {"group": "g#1", "user": "u"},
            "/groups/g%231/members/u",
        ),
    ],
)
def test_each_name_in_a_path_stays_one_segment(
    template: str, params: dict[str, str], path: str
) -> None:
    assert build_path(template, params) == path


@pytest.mark.parametrize("group", ["", " ", ".", "..", "me", None])
def test_a_path_names_the_id_that_is_missing(group: Any) -> None:
    with pytest.raises(ZoomValidationError, match="group must be an id") as caught:
        build_path("/groups/{group}", {"group": group})
    assert list(caught.value.errors) == ["group"]
