"""A retry of a single creation recognises the user that an earlier try created."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.api.newcomer import GET, NEW, POST, there
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomDailyLimitError,
    ZoomError,
    ZoomUnavailableError,
    ZoomUserExistsError,
)
from zoom_provider.provisioning.create_user import BY_EARLIER_TRY, CreateResult, create_once
from zoom_provider.provisioning.decide import IfExists
from zoom_provider.simulator.server import Simulator


class Note:
    """Remembers attempts over tries, and what was known of Zoom when each was noted."""

    def __init__(self, zoom: Simulator | None = None, *, kept: bool = True) -> None:
        self.kept = kept
        self.noted: str | None = None
        self.posts_when_noted: list[int] = []
        self._zoom = zoom

    def load(self, email: str) -> bool:
        assert self.kept
        return self.noted == email.lower()

    def save(self, email: str) -> None:
        assert self.kept
        self.noted = email.lower()
        if self._zoom is not None:
            self.posts_when_noted.append(len(self._zoom.requests(POST)))

    def clear(self) -> None:
        assert self.kept
        self.noted = None


def create(
    client: ZoomClient,
    note: Note,
    if_exists: IfExists = "fail",
    since: datetime | None = None,
    action: str = "create",
    **fields: Any,
) -> CreateResult:
    request = client.validate_user(action, {"email": NEW, "type": 1, **fields})
    return create_once(client, request, if_exists, note, since)


class Killed(BaseException):
    """What no task can catch."""


def kill_after_the_post(client: ZoomClient, patch: pytest.MonkeyPatch) -> None:
    post = client.post_user

    def die(request: Any) -> Any:
        post(request)
        raise Killed

    patch.setattr(client, "post_user", die)


@pytest.mark.parametrize("if_exists", ["fail", "skip", "update"])
@pytest.mark.parametrize(("action", "outcome"), [("create", "invited"), ("autoCreate", "created")])
def test_a_retry_after_a_kill_reports_the_user_as_created(
    action: str,
    outcome: str,
    if_exists: IfExists,
    zoom: Simulator,
    client: ZoomClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note = Note(zoom)
    with monkeypatch.context() as patch:
        kill_after_the_post(client, patch)
        with pytest.raises(Killed):
            create(client, note, if_exists, action=action)
    # It was noted before the post.
    assert note.posts_when_noted == [0]
    found = create(client, note, if_exists, action=action)
    assert (found.outcome, found.reason) == (outcome, BY_EARLIER_TRY)
    assert found.user["email"] == NEW
    assert len(zoom.requests(POST)) == 1
    assert there(zoom) == [NEW]
    assert note.noted is None


def test_a_user_who_was_there_before_the_first_try_is_never_taken_for_ours(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.seed(NEW)
    note = Note(zoom)
    for _ in range(2):
        with pytest.raises(ZoomUserExistsError):
            create(client, note)
    assert note.posts_when_noted == []
    assert zoom.requests(POST) == []


def test_a_user_created_meanwhile_by_another_run_is_existing(
    zoom: Simulator, client: ZoomClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look-up finds no one, then an administrator is faster than our post."""
    post = client.post_user

    def too_late(request: Any) -> Any:
        zoom.seed(NEW)
        return post(request)

    monkeypatch.setattr(client, "post_user", too_late)
    with pytest.raises(ZoomUserExistsError):
        create(client, Note(zoom))


def test_a_note_counts_only_for_its_own_address(zoom: Simulator, client: ZoomClient) -> None:
    zoom.seed(NEW)
    note = Note(zoom)
    note.save("other@example.com")
    with pytest.raises(ZoomUserExistsError):
        create(client, note)


def test_a_note_survives_a_failure_and_ends_with_a_success(
    zoom: Simulator, client: ZoomClient
) -> None:
    note = Note(zoom)
    zoom.fault("cut_before", on=POST, times=None)
    with pytest.raises(ZoomUnavailableError):
        create(client, note)
    assert note.noted == NEW
    zoom.world.faults.clear()
    assert create(client, note).outcome == "invited"
    assert note.noted is None


def test_without_another_try_nothing_is_noted_and_no_look_up_is_made(
    zoom: Simulator, client: ZoomClient
) -> None:
    assert create(client, Note(kept=False)).outcome == "invited"
    assert (len(zoom.requests(POST)), len(zoom.requests(GET))) == (1, 0)


@pytest.mark.parametrize("action", ["autoCreate", "custCreate"])
@pytest.mark.parametrize(("age", "ours"), [(-60, True), (60, False)])
def test_where_no_notes_are_kept_zooms_creation_time_says_whose_user_it_is(
    age: int, ours: bool, action: str, zoom: Simulator, client: ZoomClient
) -> None:
    began = datetime.now(UTC)
    created = int((began - timedelta(seconds=age)).timestamp())
    zoom.seed({"email": NEW, "status": "active", "created": created})
    if ours:
        found = create(client, Note(kept=False), since=began, action=action)
        assert (found.outcome, found.reason) == ("created", BY_EARLIER_TRY)
    else:
        with pytest.raises(ZoomUserExistsError):
            create(client, Note(kept=False), since=began, action=action)
    with pytest.raises(ZoomUserExistsError):
        create(client, Note(kept=False), action=action)


def test_a_pending_users_time_proves_nothing(zoom: Simulator, client: ZoomClient) -> None:
    zoom.seed({"email": NEW, "status": "pending"})
    began = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(ZoomUserExistsError):
        create(client, Note(kept=False), since=began)


def test_an_update_of_an_inactive_user_is_an_error_that_names_them(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.seed({"email": NEW, "status": "inactive"})
    with pytest.raises(ZoomError, match=f"{NEW}: the user is inactive") as raised:
        create(client, Note(kept=False), "update", first_name="New")
    assert raised.value.remedy == "human"
    assert zoom.requests("PATCH *") == []
    # To skip an inactive user is no error.
    assert create(client, Note(kept=False), "skip").outcome == "existing"


def test_a_user_found_after_a_refusal_is_not_reported_as_created(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.configure(limits_enforced=True, create_cap=0)
    note = Note(zoom)
    with pytest.raises(ZoomDailyLimitError):
        create(client, note)
    zoom.configure(limits_enforced=False)
    client.post_user(client.validate_user("create", {"email": NEW, "type": 1}))  # by another app
    with pytest.raises(ZoomUserExistsError):
        create(client, note)
