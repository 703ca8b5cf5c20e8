"""An error about a user names the user; one about the account names none."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Stranger, http
from tests.unit.api.newcomer import NEW, create
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomPermissionError,
    ZoomStoppedError,
    ZoomUnavailableError,
    ZoomValidationError,
)
from zoom_provider.models.user import CreateRequest
from zoom_provider.simulator.server import Simulator

Call = Callable[[ZoomClient], object]

CALLS: dict[str, Call] = {
    "POST": lambda client: client.post_user(_request(client)),
    "GET": lambda client: client.get_user(NEW),
    "PATCH": lambda client: client.update_user(NEW, {"first_name": "N"}),
    "PUT": lambda client: client.set_user_status(NEW, "activate"),
    "DELETE": lambda client: client.delete_user(NEW),
}


def _request(client: ZoomClient) -> CreateRequest:
    return client.validate_user("create", {"email": NEW, "type": 1})


def error_of(call: Call, client: ZoomClient) -> ZoomError:
    with pytest.raises(ZoomError) as caught:
        call(client)
    return caught.value


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error", "code": 300},
        {"kind": "error", "code": 200},
        {"kind": "error", "code": 1107},
        {"kind": "error", "code": 3412},
        {"kind": "status", "status": 503},
        {"kind": "cut_before"},
        {"kind": "html"},
    ],
    ids=lambda fault: str(fault.get("code") or fault["kind"]),
)
def test_an_error_about_a_user_begins_with_the_address(
    zoom: Simulator, client: ZoomClient, method: str, fault: dict[str, Any]
) -> None:
    zoom.seed(NEW)
    zoom.fault(**fault, on=f"{method} /v2/*", times=None)
    error = error_of(CALLS[method], client)
    assert error.email == NEW
    assert str(error).startswith(f"{NEW}: ")
    # A report, which has the address beside it, takes the text alone.
    assert NEW not in str(error.args[0]) or "says" in str(error.args[0])
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert str(twin) == str(error)


def test_an_error_about_a_user_known_by_id_names_the_id(client: ZoomClient) -> None:
    error = error_of(lambda client: client.get_user("KDcuGIm1QgePTO8WbOqwIQ"), client)
    assert str(error).startswith("KDcuGIm1QgePTO8WbOqwIQ: This Zoom account has no such user")


def test_a_refused_reply_without_a_user_names_the_one_asked_for(
    zoom: Simulator, client_of: ClientOf
) -> None:
    with Stranger(http("{}")) as stranger:
        client = client_of(zoom, origin=stranger.url)
        for method in ("GET", "POST"):
            assert str(error_of(CALLS[method], client)).startswith(f"{NEW}: ")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "error", "code": 4711, "on": "POST /v2/*"}, ZoomPermissionError),
        ({"kind": "error", "code": 2002, "on": "POST /v2/*"}, ZoomError),
        ({"kind": "error", "code": 124, "on": "POST /v2/*", "times": None}, ZoomAuthError),
        ({"kind": "429", "limit": "creates", "on": "POST /v2/*"}, ZoomDailyLimitError),
        (
            {"kind": "status", "status": 503, "on": "* /oauth/*", "times": None},
            ZoomUnavailableError,
        ),
    ],
)
def test_an_error_about_the_account_names_no_user(
    zoom: Simulator, client: ZoomClient, fault: dict[str, Any], kind: type[ZoomError]
) -> None:
    zoom.fault(**fault)
    error = error_of(CALLS["POST"], client)
    assert isinstance(error, kind)
    assert error.email is None
    assert NEW not in str(error)


def test_a_stop_names_no_user(client: ZoomClient) -> None:
    client.stop.set()
    error = error_of(create, client)
    assert isinstance(error, ZoomStoppedError)
    assert error.email is None


@pytest.mark.parametrize(
    ("user_info", "email"),
    [
        ({"email": "jane@example.com", "type": 9}, "jane@example.com"),
        ({"email": "jane@example.com", "typ": 1}, "jane@example.com"),
        ({"email": "jane at\nexample.com", "type": 1}, "jane at example.com"),
        ({"email": "j" * 500 + "@example.com", "type": 1}, "j" * 128 + "…"),
        ({"email": "", "type": 1}, None),
        ({"email": None, "type": 1}, None),
        ({"type": 1}, None),
        ("no object", None),
        ([{"email": "jane@example.com"}], None),
    ],
)
def test_a_fault_found_before_the_call_names_the_user_as_far_as_known(
    client: ZoomClient, user_info: object, email: str | None
) -> None:
    error = error_of(lambda client: client.validate_user("create", user_info), client)
    assert isinstance(error, ZoomValidationError)
    assert (error.email or None) == email
    assert str(error).startswith(f"{email}: ") is (email is not None)


def test_a_domain_that_is_not_allowed_names_the_user(zoom: Simulator, client_of: ClientOf) -> None:
    client = client_of(zoom, allowed_domains=frozenset({"example.org"}))
    assert str(error_of(create, client)).startswith(f"{NEW}: user_info.email is outside")


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (CALLS["GET"], "GET /v2/users/{user}"),
        (CALLS["PUT"], "PUT /v2/users/{user}/status"),
        (lambda client: client.count_users(), "GET /v2/users/summary"),
        (lambda client: next(client.list_users()), "GET /v2/users"),
    ],
)
def test_an_error_says_what_was_being_done(
    zoom: Simulator, client: ZoomClient, call: Call, name: str
) -> None:
    zoom.fault("error", code=200, on="* /v2/*")
    assert f"Zoom does not permit {name}. Zoom says:" in str(error_of(call, client))
