"""A reply or a failure in, a decision and a delay out: the whole table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoom_provider.api.network_errors import ErrorKind
from zoom_provider.api.response import Reply
from zoom_provider.api.retry import (
    MAX_TRIES,
    Decision,
    backoff,
    decide_retry,
    ignored_retry_after,
    may_have_acted,
    parse_daily_reset,
    parse_retry_after,
)

NOW = datetime(2026, 3, 10, 13, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)
QPS = {"X-RateLimit-Category": "Light", "X-RateLimit-Type": "QPS"}
DAILY = {"X-RateLimit-Type": "Daily-limit", "X-RateLimit-Remaining": "0"}


def zoom(status: int, code: int | None = None, **headers: str) -> Reply:
    payload = {} if code is None else {"code": code, "message": "No."}
    return Reply(status, {k.replace("_", "-"): v for k, v in headers.items()}, payload)


def page(status: int) -> Reply:
    return Reply(status, {"Content-Type": "text/html"}, {}, is_zoom=False)


def decided(result: Reply | ErrorKind, **situation: Any) -> Decision:
    usual: dict[str, Any] = {
        "idempotent": True,
        "tries": 1,
        "waited": 0.0,
        "max_wait": 300.0,
        "token_renewed": False,
        "now": NOW,
        "jitter": 0.0,
    }
    return decide_retry(result, **(usual | situation))


@pytest.mark.parametrize(
    ("result", "idempotent", "once_only"),
    [
        # Done.
        (zoom(200), "return", "return"),
        (zoom(201), "return", "return"),
        (zoom(204), "return", "return"),
        # Refused: the same again would be refused again.
        (zoom(200, 104), "raise", "raise"),
        (zoom(400), "raise", "raise"),
        (zoom(400, 300), "raise", "raise"),
        (zoom(400, 200), "raise", "raise"),
        (zoom(400, 1009), "raise", "raise"),
        (zoom(400, 1107), "raise", "raise"),
        (zoom(400, 1116), "raise", "raise"),
        (zoom(400, 2002), "raise", "raise"),
        (zoom(400, 2032), "raise", "raise"),
        (zoom(400, 2033), "raise", "raise"),
        (zoom(400, 3412), "raise", "raise"),
        (zoom(400, 4711), "raise", "raise"),
        (zoom(403, 403), "raise", "raise"),
        (zoom(404, 1001), "raise", "raise"),
        (zoom(404, 1102), "raise", "raise"),
        (zoom(409, 1005), "raise", "raise"),
        # The token, wherever Zoom says so.
        (zoom(401, 124), "renew", "renew"),
        (zoom(400, 124), "renew", "renew"),
        (zoom(401), "renew", "renew"),
        # Zoom is in trouble: it may have acted.
        (zoom(500), "retry", "settle"),
        (zoom(500, 500), "retry", "settle"),
        (zoom(502), "retry", "settle"),
        (zoom(503, 503), "retry", "settle"),
        (zoom(504), "retry", "settle"),
        (page(500), "retry", "settle"),
        (page(503), "retry", "settle"),
        # Another server answers: after a success of theirs, Zoom may have acted all the same.
        (page(200), "raise", "settle"),
        (page(201), "raise", "settle"),
        (page(302), "raise", "raise"),
        (page(307), "raise", "raise"),
        (page(403), "raise", "raise"),
        (page(404), "raise", "raise"),
        (page(407), "raise", "raise"),
        # There is no answer.
        (ErrorKind.NOT_SENT, "retry", "retry"),
        (ErrorKind.NO_REPLY, "retry", "settle"),
        (ErrorKind.UNTRUSTED, "raise", "raise"),
        (ErrorKind.INVALID, "raise", "raise"),
    ],
)
def test_what_to_do_next(result: Reply | ErrorKind, idempotent: str, once_only: str) -> None:
    assert decided(result).action == idempotent
    assert decided(result, idempotent=False).action == once_only


@pytest.mark.parametrize("result", [zoom(401, 124), zoom(400, 124), page(401)])
def test_a_token_is_renewed_once(result: Reply) -> None:
    assert decided(result).action == "renew"
    assert decided(result, token_renewed=True).action == "raise"


@pytest.mark.parametrize(
    ("tries", "jitter", "delay"),
    [
        (1, 0.0, 0.5),
        (1, 1.0, 1.0),
        (2, 0.0, 1.0),
        (3, 0.5, 3.0),
        (4, 0.0, 4.0),
        (5, 0.0, 8.0),
        (6, 0.0, 15.0),
        (9, 1.0, 30.0),
        (5_000, 1.0, 30.0),
    ],
)
def test_waits_double_and_end_at_half_a_minute(tries: int, jitter: float, delay: float) -> None:
    assert backoff(tries, jitter) == pytest.approx(delay)


@pytest.mark.parametrize("result", [zoom(503), ErrorKind.NOT_SENT, ErrorKind.NO_REPLY])
def test_trouble_is_borne_five_times_and_within_max_wait(result: Reply | ErrorKind) -> None:
    assert [decided(result, tries=tries).action for tries in range(1, 7)] == [
        *(["retry"] * (MAX_TRIES - 1)),
        *("raise", "raise"),
    ]
    assert decided(result, waited=299.5).action == "retry"
    assert decided(result, waited=299.6).action == "raise"
    assert decided(result, max_wait=0.0).action == "raise"


@pytest.mark.parametrize(
    ("headers", "tries", "delay", "concurrency_limited"),
    [
        # A second's limit is over after a second.
        (QPS, 1, 1.0, False),
        (QPS, 3, 1.0, False),
        (QPS, 4, 2.0, False),
        (QPS, 9, 15.0, False),
        # Without a word about a limit it may be one on calls at once.
        ({}, 1, 1.0, True),
        ({"x-ratelimit-category": "Light"}, 1, 1.0, False),
        # Zoom knows better.
        (QPS | {"Retry-After": "7"}, 1, 7.0, False),
        ({"Retry-After": "7"}, 1, 7.0, True),
        ({"Retry-After": "0"}, 1, 1.0, True),
        (QPS | {"Retry-After": "Tue, 10 Mar 2026 13:30:20 GMT"}, 1, 20.0, False),
        (QPS | {"Retry-After": "2026-03-10T13:29:00Z"}, 1, 1.0, False),
        # Left of a day's quota: it is not that.
        ({"X-RateLimit-Limit": "6000", "X-RateLimit-Remaining": "5893"}, 1, 1.0, False),
    ],
)
def test_too_many_calls_a_second_are_waited_for(
    headers: dict[str, str], tries: int, delay: float, concurrency_limited: bool
) -> None:
    for idempotent in (True, False):
        decision = decided(Reply(429, headers), tries=tries, idempotent=idempotent)
        assert decision == Decision(
            "retry", delay, throttled=True, concurrency_limited=concurrency_limited
        )


def test_too_many_calls_are_waited_for_within_max_wait_however_often() -> None:
    reply = Reply(429, QPS)
    assert decided(reply, tries=50, waited=285.0).action == "retry"
    assert decided(reply, tries=50, waited=285.1).action == "raise"
    assert decided(Reply(429, QPS | {"Retry-After": "301"})).action == "raise"


def test_a_page_that_says_429_counts_as_too_many_calls() -> None:
    assert decided(page(429)) == Decision("retry", 1.0, throttled=True, concurrency_limited=True)


@pytest.mark.parametrize(
    ("headers", "reset"),
    [
        ({}, None),
        (QPS, None),
        (QPS | {"Retry-After": "2026-03-11T00:00:00Z", "X-RateLimit-Remaining": "0"}, None),
        (DAILY, MIDNIGHT),
        (DAILY | {"Retry-After": "2026-03-10T18:00:00Z"}, NOW.replace(hour=18, minute=0)),
        (DAILY | {"Retry-After": "2026-03-11T02:00:00+02:00"}, MIDNIGHT),
        (DAILY | {"Retry-After": "2026-03-11T00:00:00"}, MIDNIGHT),
        (DAILY | {"Retry-After": "Wed, 11 Mar 2026 00:00:00 GMT"}, MIDNIGHT),
        (DAILY | {"Retry-After": "37800"}, MIDNIGHT),
        # What is over means now: the day that has just begun is not to be lost.
        (DAILY | {"Retry-After": "2026-03-10T00:00:00Z"}, None),
        (DAILY | {"Retry-After": "2026-03-10T13:30:00Z"}, None),
        (DAILY | {"Retry-After": "0"}, None),
        # No time at all, seconds since 1970, or a time that no limit lasts, says nothing.
        (DAILY | {"Retry-After": "1773187200"}, MIDNIGHT),
        (DAILY | {"Retry-After": "1773187200000"}, MIDNIGHT),
        (DAILY | {"Retry-After": "2082-01-01T00:00:00Z"}, MIDNIGHT),
        (DAILY | {"Retry-After": "2026-03-12T13:30:00Z"}, NOW + timedelta(days=2)),
        (DAILY | {"Retry-After": "2026-03-12T13:30:01Z"}, MIDNIGHT),
        ({"Retry-After": "1773187200"}, None),
        ({"Retry-After": "2082-01-01T00:00:00Z"}, None),
        (DAILY | {"Retry-After": "tomorrow"}, MIDNIGHT),
        (DAILY | {"Retry-After": "9" * 30}, MIDNIGHT),
        # Even where it names no kind.
        ({"Retry-After": "2026-03-11T00:00:00Z"}, MIDNIGHT),
        ({"Retry-After": "120"}, None),
        ({"Retry-After": "121"}, NOW + timedelta(seconds=121)),
        ({"X-RateLimit-Remaining": "0"}, MIDNIGHT),
        ({"X-RateLimit-Remaining": "1"}, None),
    ],
)
def test_a_daily_limit_is_not_waited_for(headers: dict[str, str], reset: datetime | None) -> None:
    reply = Reply(429, headers)
    assert parse_daily_reset(reply, NOW) == reset
    if reset is not None:
        assert decided(reply).action == "raise"


@pytest.mark.parametrize("at", ["2026-03-10T13:29:59Z", "2026-03-09T00:00:00Z", "0"])
def test_a_daily_limit_whose_time_is_over_is_tried_again_now(at: str) -> None:
    assert decided(Reply(429, DAILY | {"Retry-After": at})) == Decision(
        "retry", 1.0, throttled=True
    )


def test_a_refusal_may_be_taken_for_a_daily_one() -> None:
    reply = Reply(429, assumed_daily_limit=True)
    assert parse_daily_reset(reply, NOW) == MIDNIGHT
    assert decided(reply).action == "raise"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", None),
        ("60", None),
        ("2026-03-10T00:00:00Z", None),
        ("1773187200", "1773187200"),
        ("tomorrow\n", "tomorrow"),
        ("2082-01-01T00:00:00Z", "2082-01-01T00:00:00Z"),
    ],
)
def test_a_time_that_is_not_believed_can_be_logged(text: str, shown: str | None) -> None:
    assert ignored_retry_after({"Retry-After": text}, NOW) == shown


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", None),
        ("  ", None),
        ("60", NOW + timedelta(minutes=1)),
        (" 60 ", NOW + timedelta(minutes=1)),
        ("-60", None),
        ("²", None),
        ("2026-03-11T00:00:00Z", MIDNIGHT),
        ("2026-03-11T00:00:00.000Z", MIDNIGHT),
        ("2026-03-10T20:00:00-04:00", MIDNIGHT),
        ("2026-03-11 00:00:00", MIDNIGHT),
        ("2026-03-11", MIDNIGHT),
        ("Wed, 11 Mar 2026 00:00:00 GMT", MIDNIGHT),
        ("Wed, 11 Mar 2026 00:00:00 -0000", MIDNIGHT),
        ("Wed, 99 Mar 2026 00:00:00 GMT", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9" * 5_000, None),
    ],
)
def test_when_to_come_back_in_every_form(text: str, at: datetime | None) -> None:
    found = parse_retry_after({"Retry-After": text}, NOW)
    assert found == at
    assert found is None or found.tzinfo is UTC


@settings(derandomize=True, deadline=None)
@given(st.text() | st.from_regex(r"[0-9]{1,4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]*", fullmatch=True))
def test_when_to_come_back_may_be_any_text(text: str) -> None:
    found = parse_retry_after({"Retry-After": text}, NOW)
    assert found is None or found.tzinfo is UTC


@settings(derandomize=True, deadline=None)
@given(
    result=st.one_of(
        st.sampled_from(ErrorKind),
        st.builds(
            Reply,
            st.integers(100, 599),
            st.just({}),
            st.sampled_from([{}, {"code": 124, "message": "No."}, {"code": 300, "message": "No."}]),
            st.booleans(),
        ),
    ),
    tries=st.integers(1, 40),
    waited=st.floats(0, 1_000),
    max_wait=st.floats(0, 1_000),
    token_renewed=st.booleans(),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_what_zoom_may_have_acted_on_is_never_posted_again_blindly(
    result: Reply | ErrorKind, **situation: Any
) -> None:
    decision = decided(result, idempotent=False, **situation)
    if decision.action == "retry":
        assert not may_have_acted(result)
        assert situation["waited"] + decision.delay <= situation["max_wait"]
    if decision.action == "settle":
        assert may_have_acted(result)
