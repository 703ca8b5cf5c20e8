"""How a lost reply is settled: the waits between look-ups, and what Zoom's stamps prove."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, cast

import pytest

from tests.unit.api.newcomer import NEW
from zoom_provider.api.client import LostReplyError, ZoomClient
from zoom_provider.api.response import Reply
from zoom_provider.exceptions import (
    ZoomError,
    ZoomNotFoundError,
    ZoomPermissionError,
    ZoomUserExistsError,
    ZoomValidationError,
)
from zoom_provider.models.user import CreateRequest, parse_create_request
from zoom_provider.provisioning.create_user import post_user


class Script:
    """Calls whose first POST is lost, and whose look-ups go as written."""

    def __init__(self, *looks: Reply | ZoomError, took: float = 0.0) -> None:
        self._looks = iter(looks)
        self._took = took
        self.time = 0.0
        self.posts = 0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def post_user(self, request: CreateRequest) -> dict[str, Any]:
        self.posts += 1
        self.time += self._took
        if self.posts == 1:
            raise LostReplyError("Lost.")
        return {"id": "second"}

    def get_user_reply(self, user: str, *, retry: bool) -> Reply:
        assert user == NEW
        found = next(self._looks)
        if isinstance(found, ZoomError):
            raise found
        return found


REQUEST = parse_create_request("create", {"email": NEW, "type": 1})
NOW = datetime(2026, 3, 10, 13, 30, tzinfo=UTC)


def found(
    stamp: object, *, date: datetime | None = NOW, name: str = "user_created_at", **more: Any
) -> Reply:
    headers = {} if date is None else {"Date": format_datetime(date, usegmt=True)}
    return Reply(200, headers, {"id": "first", "email": NEW, name: stamp, **more})


def post(script: Script) -> dict[str, Any]:
    return post_user(cast(ZoomClient, script), REQUEST)


def test_the_user_is_looked_up_three_times_before_a_second_post() -> None:
    absent = ZoomNotFoundError("No such user.", code=1001)
    script = Script(absent, absent, absent)
    assert post(script) == {"id": "second"}
    assert script.pauses == [1.0, 2.0, 5.0]
    assert script.posts == 2


def test_the_callback_runs_before_the_first_wait() -> None:
    script = Script(found("2026-03-10T13:29:59Z"))
    heard: list[list[float]] = []
    post_user(cast(ZoomClient, script), REQUEST, lambda: heard.append(script.pauses.copy()))
    assert heard == [[]]


@pytest.mark.parametrize(
    ("look", "took", "before"),
    [
        (found("2026-03-10T13:29:59Z"), 0.0, False),
        (found("2026-03-10T13:29:55Z"), 0.0, False),
        (found("2026-03-10T13:29:54Z"), 0.0, True),
        (found("2026-03-10T13:29:53Z"), 30.0, False),
        (found("2026-03-10T13:29:20Z"), 30.0, True),
        (found("2026-03-10T13:00:00Z"), 0.0, True),
        (found("2026-03-10T13:00:00"), 0.0, True),
        (found("2026-03-10T14:00:00+01:00"), 0.0, True),
        (found("2026-03-10T13:00:00Z", name="created_at"), 0.0, True),
        # Nothing can be found out.
        (found("2026-03-10T13:00:00Z", status="pending"), 0.0, False),
        (found(None), 0.0, False),
        (found(""), 0.0, False),
        (found("yesterday"), 0.0, False),
        (found(1_700_000_000), 0.0, False),
        # Without Zoom's clock there is ours.
        (found("2020-01-01T00:00:00Z", date=None), 0.0, True),
        (found("2999-01-01T00:00:00Z", date=None), 0.0, False),
    ],
)
def test_only_a_clearly_older_stamp_says_that_the_user_was_there_before(
    look: Reply, took: float, before: bool
) -> None:
    script = Script(look, took=took)
    if before:
        with pytest.raises(ZoomUserExistsError) as caught:
            post(script)
        assert caught.value.user == look.payload
    else:
        assert post(script) == look.payload
    assert script.posts == 1


@pytest.mark.parametrize(
    "error", [ZoomPermissionError("No scope."), ZoomValidationError("Odd."), ZoomError("No.")]
)
def test_a_refused_look_up_is_raised_and_nothing_is_posted_again(error: ZoomError) -> None:
    script = Script(error)
    with pytest.raises(type(error)):
        post(script)
    assert script.posts == 1
