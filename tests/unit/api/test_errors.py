"""Zoom's codes, and the exceptions that say what to do about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.api.documented import documented_refusals
from zoom_provider.api.errors import InvalidClientError, build_error, build_token_error
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
    ZoomUnavailableError,
    ZoomUserExistsError,
    ZoomValidationError,
)
from zoom_provider.simulator.errors import API_ERRORS

NOW = datetime(2026, 3, 10, 13, 30, tzinfo=UTC)
SCOPE = "user:write:user:admin"


def error(
    status: int,
    code: int | None = None,
    message: str = "Zoom's words",
    *,
    sent: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    is_zoom: bool = True,
    **payload: Any,
) -> ZoomError:
    if code is not None:
        payload |= {"code": code, "message": message}
    reply = Reply(status, {"x-zm-trackingid": "rid=1"} | (headers or {}), payload, is_zoom)
    return build_error(reply, call="POST /v2/users", scope=SCOPE, now=NOW, sent=sent)


@pytest.mark.parametrize(
    ("status", "code", "kind", "remedy", "text"),
    [
        (409, 1005, ZoomUserExistsError, "skip", "in use already"),
        (400, 1009, ZoomForeignAccountError, "human", "account elsewhere"),
        (400, 2033, ZoomLicenseError, "human", "No seat for another basic user"),
        (400, 2034, ZoomLicenseError, "human", "No licensed seat"),
        (400, 2038, ZoomLicenseError, "human", "No Zoom Workplace (Zoom One) licence"),
        (404, 1102, ZoomLicenseError, "human", "No Zoom Phone licence"),
        (400, 3412, ZoomLicenseError, "human", "seat is free"),
        (400, 4711, ZoomPermissionError, "human", SCOPE),
        (403, 4711, ZoomPermissionError, "human", SCOPE),
        (400, 4700, ZoomPermissionError, "human", SCOPE),
        (200, 104, ZoomPermissionError, "human", SCOPE),
        (400, 200, ZoomPermissionError, "human", "does not permit POST /v2/users"),
        (403, 403, ZoomPermissionError, "human", "denies this account the use of its API"),
        (401, 124, ZoomAuthError, "fail", "does not accept the access token"),
        (400, 124, ZoomAuthError, "fail", "does not accept the access token"),
        (400, 300, ZoomValidationError, "fail", "refused a field"),
        (404, 4130, ZoomValidationError, "fail", "group does not exist"),
        (404, 1001, ZoomNotFoundError, "fail", "no such user"),
        (400, 1010, ZoomNotFoundError, "fail", "no such user"),
        (400, 1120, ZoomNotFoundError, "human", "invitation has expired"),
        (400, 1107, ZoomError, "human", "domain is blocked or managed"),
        (400, 11321, ZoomError, "human", "Trust & Safety"),
        (400, 1116, ZoomError, "human", "not among those that this Zoom account allows"),
        (400, 1108, ZoomError, "human", "change of the user's type"),
        (400, 2002, ZoomError, "human", "single sign-on, which is not enabled"),
        (400, 2032, ZoomError, "human", "Prior to Sign-In"),
        (400, 2016, ZoomError, "human", "its support can tell why"),
        (400, 2035, ZoomError, "human", "cannot add users"),
        (400, 2036, ZoomError, "human", "cannot be invited"),
        (400, 2037, ZoomError, "human", "allow this person to be invited"),
        (400, 2300, ZoomProtocolError, "fail", "does not know this endpoint"),
        # An unknown code goes by its status.
        (400, 987654, ZoomError, "fail", "refused POST /v2/users"),
        (404, 987654, ZoomNotFoundError, "fail", "found nothing"),
        (500, 500, ZoomUnavailableError, "retry", "failed at POST /v2/users"),
        (503, None, ZoomUnavailableError, "retry", "failed at POST /v2/users"),
        (429, 429, ZoomRateLimitError, "retry", "longer than max_wait"),
        # "Not found" is Zoom's to say.
        (404, None, ZoomProtocolError, "fail", "no code of Zoom's"),
    ],
)
def test_which_error_a_code_becomes(
    status: int, code: int | None, kind: type[ZoomError], remedy: str, text: str
) -> None:
    found = error(status, code)
    assert type(found) is kind
    assert found.remedy == remedy
    assert text in str(found)
    assert (found.status, found.code, found.tracking_id) == (status, code, "rid=1")
    assert str(found).endswith("tracking id rid=1]")


@pytest.mark.parametrize("cause", sorted(API_ERRORS))
def test_every_documented_refusal_has_its_code_in_the_error(cause: str) -> None:
    status, code, message = API_ERRORS[cause]
    found = error(status, code, message)
    assert isinstance(found, ZoomError)
    assert f"code {code}" in str(found)
    assert not isinstance(found, ZoomUnavailableError)


@pytest.mark.parametrize(
    ("code", "sent", "seat"),
    [
        (2033, {"type": 1}, "basic"),
        (2034, {"type": 2}, "licensed"),
        (2038, {"type": 2}, "zoom_one"),
        (1102, {"type": 2}, "zoom_phone"),
        (3412, {"type": 1}, "basic"),
        (3412, {"type": 2}, "licensed"),
        (3412, {"type": 4}, None),
        (3412, {"action": "activate"}, None),
        (3412, {"type": [2]}, None),
        (3412, None, None),
    ],
)
def test_full_seats_are_named(code: int, sent: dict[str, Any] | None, seat: str | None) -> None:
    found = error(400, code, sent=sent)
    assert isinstance(found, ZoomLicenseError)
    assert found.seat == seat
    if seat in ("basic", "licensed"):
        assert seat in str(found)
    assert "Zoom's words" in str(found)


@pytest.mark.parametrize(
    ("message", "scope"),
    [
        (
            "Invalid access token, does not contain scopes:[user:write:user:admin].",
            "user:write:user:admin",
        ),
        (
            "Invalid access token, does not contain scopes:"
            "[user:read:list_users:admin, user:read:admin].",
            "user:read:list_users:admin, user:read:admin",
        ),
        (
            'Invalid access token, does not contain scopes:["user:write:admin","user:write"]',
            "user:write:admin, user:write",
        ),
        # What Zoom does not name is what the call wants.
        ("Invalid access token, does not contain role:read:admin scope.", SCOPE),
        ("scopes:[ ,,, ]", SCOPE),
        ("Der Token ist nicht berechtigt.", SCOPE),
    ],
)
def test_the_missing_scope_is_named(message: str, scope: str) -> None:
    found = error(400, 4711, message)
    assert isinstance(found, ZoomPermissionError)
    assert found.scope == scope
    assert f"Add {scope} to the app" in str(found)


def test_a_refusal_without_a_clear_cause_says_what_was_done_then_zooms_words_then_a_guess() -> None:
    message = "Invalid access token. Does not contain permissions [User:Edit]."
    text = str(error(400, 200, message))
    done, words, guess = (
        text.index(part) for part in ("POST /v2/users", "[User:Edit]", "role of the Zoom app's")
    )
    assert done < words < guess
    assert "User Management > Users > Edit" in text
    assert "may lack" in text


@pytest.mark.parametrize(
    ("call", "code", "says", "not_said"),
    [
        ("DELETE /v2/users/{user}", 1120, "there is nothing to remove", "create the user"),
        ("GET /v2/users/{user}", 1120, "create the user again, which invites", "nothing to remove"),
        ("DELETE /v2/users/{user}", 1001, "transfer_email", "invitation"),
        ("GET /v2/users/{user}", 1001, "no such user.", "transfer_email"),
        ("PATCH /v2/users/{user}", 1010, "no such user.", "transfer_email"),
    ],
)
def test_a_user_who_is_not_found_is_explained_by_the_call(
    call: str, code: int, says: str, not_said: str
) -> None:
    payload = {"code": code, "message": "Who is heir@example.com?"}
    found = build_error(Reply(400, {}, payload), call=call, scope=SCOPE, now=NOW)
    assert type(found) is ZoomNotFoundError
    assert says in str(found)
    assert not_said not in str(found)
    assert "heir@example.com" in str(found)


def test_every_documented_refusal_keeps_zooms_words() -> None:
    refusals = documented_refusals("/users", "/users/{userId}", "/users/{userId}/status")
    assert len(refusals) > 80
    for each in refusals:
        reply = Reply(each.status, {}, {"code": each.code, "message": each.text})
        call = f"{each.method} /v2{each.path.replace('userId', 'user')}"
        text = str(build_error(reply, call=call, scope=SCOPE, now=NOW))
        assert each.text in text, each
        assert text.index(each.text) > 0, "ours come first"


@pytest.mark.parametrize("cause", sorted(API_ERRORS))
def test_every_refusal_of_the_local_zoom_keeps_zooms_words(cause: str) -> None:
    status, code, message = API_ERRORS[cause]
    assert message in str(error(status, code, message))


def test_refused_fields_are_named() -> None:
    found = error(
        400,
        300,
        "Validation Failed.",
        errors=[
            {"field": "user_info.email", "message": "Invalid field."},
            {"field": "user_info.email", "message": "Too odd."},
            {"field": "user_info.type\n", "message": "\x1b[31mNo."},
            {},
            "nonsense",
        ],
    )
    assert isinstance(found, ZoomValidationError)
    assert found.errors == {
        "user_info.email": ["Invalid field.", "Too odd."],
        "user_info.type ": [" [31mNo."],
        "?": ["refused"],
    }
    assert "user_info.email: Invalid field. Too odd." in str(found)
    assert str(found).isprintable()


@pytest.mark.parametrize("errors", [None, 7, {"a": 1}, [[]]])
def test_odd_lists_of_fields_are_borne(errors: object) -> None:
    found = error(400, 300, errors=errors)
    assert isinstance(found, ZoomValidationError)
    assert found.errors == {}


def test_zooms_words_are_shortened_and_cannot_forge_a_line() -> None:
    found = str(error(400, 987654, "No.\r\n2026-01-01 ERROR forged" + "x" * 5_000))
    assert found.isprintable()
    assert len(found) < 700


def test_a_password_that_zoom_quotes_is_not_passed_on() -> None:
    found = error(
        400,
        300,
        "The password Sesame42!open is weak.",
        errors=[{"field": "user_info.password", "message": "Sesame42!open is weak"}],
        sent={"password": "Sesame42!open"},
    )
    assert "Sesame42" not in str(found)
    assert isinstance(found, ZoomValidationError)
    assert "Sesame42" not in str(found.errors)


def test_limits_tell_when_to_come_back() -> None:
    soon = error(429, 429, headers={"X-RateLimit-Type": "QPS", "Retry-After": "7"})
    assert isinstance(soon, ZoomRateLimitError)
    assert soon.retry_at == datetime(2026, 3, 10, 13, 30, 7, tzinfo=UTC)
    assert "plan and rate_share" in str(soon)
    tomorrow = error(
        429, 429, headers={"X-RateLimit-Type": "Daily-limit", "Retry-After": "2026-03-11T00:00:00Z"}
    )
    assert isinstance(tomorrow, ZoomDailyLimitError)
    assert tomorrow.reset_at == datetime(2026, 3, 11, tzinfo=UTC)
    assert "2026-03-11T00:00:00+00:00" in str(tomorrow)
    assert tomorrow.remedy == "fail"


@pytest.mark.parametrize(
    ("status", "headers", "kind", "text"),
    [
        (200, {"Content-Type": "text/html; charset=utf-8"}, ZoomProtocolError, "with text/html"),
        (200, {}, ZoomProtocolError, "with a reply without a content type"),
        (403, {"Content-Type": "text/html"}, ZoomProtocolError, "HTTPS_PROXY and NO_PROXY"),
        (407, {"Content-Type": "text/\nhtml" + "x" * 99}, ZoomProtocolError, "log-in page"),
        (302, {"Location": "https://evil.example"}, ZoomProtocolError, "redirects are not follow"),
        (502, {"Content-Type": "text/html"}, ZoomUnavailableError, "by an error page"),
        (429, {"Content-Type": "text/html"}, ZoomRateLimitError, "longer than max_wait"),
    ],
)
def test_what_is_not_zooms(
    status: int, headers: dict[str, str], kind: type[ZoomError], text: str
) -> None:
    found = error(status, headers=headers, is_zoom=False)
    assert type(found) is kind
    assert text in str(found)
    assert str(found).isprintable()
    assert "evil.example" not in str(found)


@pytest.mark.parametrize(
    ("status", "payload", "is_zoom", "kind", "text"),
    [
        (400, {"error": "invalid_client"}, True, InvalidClientError, "Client Secret is wrong"),
        (401, {"error": "invalid_client"}, True, InvalidClientError, "Client Secret is wrong"),
        (400, {"error": "invalid_request"}, True, ZoomAuthError, "Account ID is wrong"),
        (400, {"error": "unsupported_grant_type"}, True, ZoomAuthError, "it is not activated"),
        (400, {"error": "invalid_grant"}, True, ZoomAuthError, "authorise the app again"),
        (400, {"error": "new", "reason": "Oh\nno"}, True, ZoomAuthError, 'Zoom says: "Oh no"'),
        (400, {"error": ["odd"]}, True, ZoomAuthError, "gives no access token"),
        (400, {"code": 4717, "message": "disabled"}, True, ZoomAuthError, 'says: "disabled"'),
        (429, {"code": 429, "message": "Later."}, True, ZoomRateLimitError, "too many calls"),
        (429, {}, False, ZoomRateLimitError, "too many calls"),
        (500, {}, True, ZoomUnavailableError, "failed at the request for an access token"),
        (502, {}, False, ZoomUnavailableError, "error page"),
        (200, {}, False, ZoomProtocolError, "not Zoom's"),
        (302, {}, False, ZoomProtocolError, "redirected"),
        (200, {"token_type": "bearer"}, True, ZoomProtocolError, "without an access token"),
    ],
)
def test_why_there_is_no_token(
    status: int, payload: dict[str, Any], is_zoom: bool, kind: type[ZoomError], text: str
) -> None:
    found = build_token_error(Reply(status, {}, payload, is_zoom), now=NOW)
    assert type(found) is kind
    assert text in str(found)
