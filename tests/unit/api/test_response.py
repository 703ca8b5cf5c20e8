"""A reply is read once: whether it is Zoom's, which code it has, and what may be shown of it."""

from __future__ import annotations

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from zoom_provider.api.response import Reply
from zoom_provider.models.validation import sanitize_for_log

# As seen live: the quotes inside the text are not escaped.
BROKEN = (
    b'{"code":104,"message":"Invalid access token, does not contain scopes:'
    b'["user:write:user:admin","user:write:admin"]"}'
)


def reply(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
    response = requests.Response()
    response.status_code = status
    response._content = body
    response.headers = CaseInsensitiveDict(headers or {})
    return Reply.from_response(response)


@pytest.mark.parametrize(
    ("status", "body", "is_zoom", "ok", "code"),
    [
        (200, b'{"id": "a"}', True, True, None),
        (201, b'{"id": "a"}', True, True, None),
        (204, b"", True, True, None),
        (200, b"", True, True, None),
        # A person may have a field of that name; an error has both.
        (200, b'{"code": 7}', True, True, None),
        (200, b'{"code": 200, "message": "No permission."}', True, False, 200),
        (200, BROKEN, True, False, 104),
        (400, b'{"code": 300, "message": ""}', True, False, 300),
        (400, b'{"code": true, "message": ""}', True, False, None),
        (400, b'{"code": "300", "message": ""}', True, False, None),
        (400, b"{}", True, False, None),
        (429, b'{"code": 429, "message": "Later."}', True, False, 429),
        (500, b'{"code": 500, "message": "Oh."}', True, False, 500),
        # From something in between.
        (200, b"<html></html>", False, False, None),
        (200, b'"OK"', False, False, None),
        (200, b"[]", False, False, None),
        (200, b"null", False, False, None),
        (200, b"\xff\xfe\x00", False, False, None),
        (200, b"[" * 100_000, False, False, None),
        (200, b'{"id": ' + b"9" * 10_000 + b"}", False, False, None),
        (202, b"", False, False, None),
        (302, b"", False, False, None),
        (302, b"{}", False, False, None),
        (304, b"", False, False, None),
        (404, b"", False, False, None),
        (404, b"Not Found", False, False, None),
        (503, b"", False, False, None),
        (503, b"<html></html>", False, False, None),
    ],
)
def test_what_a_reply_is(
    status: int, body: bytes, is_zoom: bool, ok: bool, code: int | None
) -> None:
    got = reply(status, body)
    assert (got.is_zoom, got.ok, got.code) == (is_zoom, ok, code)


def test_a_code_is_saved_out_of_broken_json_with_its_words() -> None:
    assert "user:write:user:admin" in reply(200, BROKEN).payload["message"]


@pytest.mark.parametrize(
    ("status", "body", "refuses"),
    [
        (401, b'{"code":124,"message":"Invalid access token."}', True),
        (400, b'{"code":124,"message":"Invalid access token"}', True),
        (401, b"", True),
        (400, b'{"code":4711,"message":"no scope"}', False),
        (200, b"", False),
    ],
)
def test_who_does_not_know_the_token(status: int, body: bytes, refuses: bool) -> None:
    assert reply(status, body).rejects_token is refuses


@pytest.mark.parametrize("name", ["x-zm-trackingid", "X-Zm-Trackingid"])
def test_the_tracking_id_is_found_in_any_case_and_fit_for_a_line(name: str) -> None:
    assert reply(200, b"", {name: "v=2.0;rid=WEB_1"}).tracking_id == "v=2.0;rid=WEB_1"
    assert reply(200, b"", {name: "a\r\nb" + "c" * 500}).tracking_id == "a  b" + "c" * 116 + "…"
    assert reply(200).tracking_id is None


def test_a_reply_does_not_show_its_body() -> None:
    assert "private" not in repr(reply(200, b'{"first_name": "private"}'))


@settings(derandomize=True, deadline=None)
@given(st.binary(), st.integers(100, 599))
def test_no_body_is_an_error_of_ours(body: bytes, status: int) -> None:
    got = reply(status, body)
    assert not (got.ok and body and not got.payload and body.strip() != b"{}")


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters(exclude_categories=())), st.integers(1, 50))
def test_foreign_text_stays_on_its_line(text: str, most: int) -> None:
    line = sanitize_for_log(text, most)
    assert len(line) <= most + 1
    assert line.isprintable()
