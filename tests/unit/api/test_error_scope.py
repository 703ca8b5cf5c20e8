"""Which errors stop a run for all, and which are one user's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.api.documented import documented_refusals
from zoom_provider.api.errors import (
    ACCOUNT_LEVEL_ERRORS,
    AMBIGUOUS_ERRORS,
    ErrorScope,
    InvalidClientError,
    build_error,
    error_scope,
)
from zoom_provider.api.response import Reply
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomNotFoundError,
    ZoomPermissionError,
    ZoomProtocolError,
    ZoomRateLimitError,
    ZoomStoppedError,
    ZoomUnavailableError,
    ZoomUserExistsError,
    ZoomValidationError,
)

NOW = datetime(2026, 3, 10, 13, 30, tzinfo=UTC)

OF_A_CREATE: dict[tuple[int, int], ErrorScope] = {
    (200, 104): "account",
    (400, 4700): "account",
    (400, 4711): "account",
    (403, 4711): "account",
    (400, 124): "account",
    (401, 124): "account",
    (400, 2002): "account",
    (400, 2032): "account",
    (400, 2035): "account",
    (400, 2300): "account",
    (400, 200): "ambiguous",
    (400, 2016): "ambiguous",
    (403, 403): "ambiguous",
    (403, 987654): "ambiguous",
    (500, 500): "ambiguous",
    (429, 429): "ambiguous",
    (400, 300): "person",
    (400, 1000): "person",
    (409, 1005): "person",
    (400, 1009): "person",
    (400, 1107): "person",
    (400, 1108): "person",
    (400, 1116): "person",
    (404, 1102): "person",
    (404, 4130): "person",
    (400, 11321): "person",
    # Seats that are full: another user may want another kind of seat, or be there already.
    (400, 2033): "person",
    (400, 2034): "person",
    (400, 2038): "person",
    (400, 3412): "person",
    (400, 2036): "person",
    (400, 2037): "person",
    (404, 1001): "person",
    (400, 987654): "person",
}


def refused(status: int, code: int) -> ZoomError:
    reply = Reply(status, {}, {"code": code, "message": "Zoom's words."})
    return build_error(reply, call="POST /v2/users", scope="user:write:user:admin", now=NOW)


@pytest.mark.parametrize(("refusal", "scope"), OF_A_CREATE.items())
def test_a_refused_create_concerns_the_user_or_the_account(
    refusal: tuple[int, int], scope: ErrorScope
) -> None:
    assert error_scope(refused(*refusal)) == scope


def test_every_documented_refusal_of_a_create_is_in_the_table() -> None:
    documented = {
        (each.status, each.code) for each in documented_refusals("/users") if each.method == "POST"
    }
    assert len(documented) >= 20
    assert documented - OF_A_CREATE.keys() == set()


@pytest.mark.parametrize(
    ("error", "scope"),
    [
        # No reply of Zoom's API, or none at all.
        (ZoomAuthError("the grant is dead"), "account"),
        (InvalidClientError("wrong secret"), "account"),
        (ZoomDailyLimitError("used up", reset_at=NOW), "account"),
        (ZoomStoppedError("stopped"), "account"),
        (ZoomPermissionError("denied"), "ambiguous"),
        (ZoomProtocolError("a proxy's page"), "ambiguous"),
        (ZoomUnavailableError("no answer"), "ambiguous"),
        (ZoomUnavailableError("no trust", remedy="fail"), "ambiguous"),
        (ZoomRateLimitError("too many"), "ambiguous"),
        # Found by ourselves.
        (ZoomValidationError("bad"), "person"),
        (ZoomUserExistsError("there"), "person"),
        (ZoomForeignAccountError("elsewhere"), "person"),
        (ZoomLicenseError("full"), "person"),
        (ZoomNotFoundError("absent"), "person"),
        (ZoomError("odd"), "person"),
    ],
)
def test_an_error_without_a_code_concerns_the_user_or_the_account(
    error: ZoomError, scope: ErrorScope
) -> None:
    assert error_scope(error) == scope


def test_no_code_is_in_both_tables() -> None:
    assert not ACCOUNT_LEVEL_ERRORS & AMBIGUOUS_ERRORS
