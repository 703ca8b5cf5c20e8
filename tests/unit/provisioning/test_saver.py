"""Checkpoints are saved as well as may be: a failing store ends no run, a later try does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import Clock
from tests.unit.provisioning.conftest import BEGIN, RUN, MemoryStore
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomStoppedError, ZoomUnavailableError
from zoom_provider.hooks.files import AirflowFiles
from zoom_provider.provisioning.checkpoint import Checkpoint, Rows
from zoom_provider.provisioning.ports import NewerTryError
from zoom_provider.provisioning.report import Outcome
from zoom_provider.provisioning.saver import CheckpointSaver, FileCheckpointStore
from zoom_provider.simulator.server import Simulator


class Failing(MemoryStore):
    """A store whose server restarts, for as many calls as are named."""

    def __init__(self, **failures: int) -> None:
        super().__init__()
        self.failures = failures

    def _fail(self, name: str) -> None:
        if self.failures.get(name, 0) > 0:
            self.failures[name] -= 1
            raise ConnectionError(f"{name}: the API server is away")

    def load(self) -> dict[str, Any]:
        self._fail("load")
        return super().load()

    def save(self, state: Mapping[str, Any]) -> None:
        self._fail("save")
        super().save(state)

    def clear(self) -> None:
        self._fail("clear")
        super().clear()


def numbered(sequence: int, **more: Any) -> Checkpoint:
    return replace(BEGIN, sequence=sequence, **more)


def test_what_is_saved_is_what_the_next_try_loads(client: ZoomClient) -> None:
    store = MemoryStore()
    saver = CheckpointSaver(store, client, RUN)
    assert saver.load() == {}
    saver.save(numbered(1, done={Outcome.INVITED: Rows([1, 2])}))
    found = Checkpoint.from_state(CheckpointSaver(store, client, RUN).load())
    assert found is not None
    assert (found.sequence, list(found.done[Outcome.INVITED])) == (1, [1, 2])
    assert found.owner
    assert store.state == saver.state


def test_a_save_that_fails_is_logged_and_the_next_one_is_tried(
    client: ZoomClient, caplog: pytest.LogCaptureFixture
) -> None:
    store = Failing(save=2)
    saver = CheckpointSaver(store, client, RUN)
    for sequence in (1, 2, 3):
        saver.save(numbered(sequence))
    assert store.state["sequence"] == 3
    assert caplog.text.count("is not saved") == 2
    assert "the API server is away" in caplog.text
    assert not client.stop.is_set()


@pytest.mark.parametrize("sequence", [2, 3])
def test_a_check_for_another_try_that_fails_ends_nothing(
    sequence: int, client: ZoomClient, caplog: pytest.LogCaptureFixture
) -> None:
    store = Failing()
    saver = CheckpointSaver(store, client, RUN)
    saver.save(numbered(1))
    store.failures = {"load": sequence - 1}
    for number in range(2, sequence + 2):
        saver.save(numbered(number))
    assert store.state["sequence"] == sequence + 1
    assert not client.stop.is_set()


def test_a_failure_to_clear_is_logged(client: ZoomClient, caplog: pytest.LogCaptureFixture) -> None:
    CheckpointSaver(Failing(clear=1), client, RUN).clear()
    assert "is not deleted" in caplog.text


def test_a_store_that_fails_for_a_moment_is_read_again(client: ZoomClient, clock: Clock) -> None:
    store = Failing(load=3)
    store.state = numbered(7).to_state()
    assert CheckpointSaver(store, client, RUN).load()["sequence"] == 7
    assert 5 <= sum(clock.slept) <= 15


def test_a_store_that_stays_away_ends_the_try_with_an_error_that_is_retried(
    client: ZoomClient, zoom: Simulator
) -> None:
    with pytest.raises(ZoomUnavailableError, match="API server is away") as raised:
        CheckpointSaver(Failing(load=99), client, RUN).load()
    assert raised.value.remedy == "retry"
    assert zoom.requests() == []


def test_a_stop_ends_the_wait_for_the_store(client: ZoomClient) -> None:
    client.stop.set()
    with pytest.raises(ZoomStoppedError):
        CheckpointSaver(Failing(load=99), client, RUN).load()


def test_a_try_that_its_store_no_longer_knows_stops(
    client: ZoomClient, caplog: pytest.LogCaptureFixture
) -> None:
    class Gone(MemoryStore):
        saves = 0

        def save(self, state: Mapping[str, Any]) -> None:
            self.saves += 1
            raise NewerTryError

    store = Gone()
    saver = CheckpointSaver(store, client, RUN)
    for sequence in (1, 2, 3):
        saver.save(numbered(sequence))
    assert client.stop.is_set()
    assert store.saves == 1
    assert "Another try of this task has begun" in caplog.text


def test_a_try_that_was_superseded_stops_and_saves_nothing_more(
    client: ZoomClient, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    old, new = CheckpointSaver(store, client, RUN), CheckpointSaver(store, client, RUN)
    old.save(numbered(1))
    new.save(numbered(2))
    state = dict(store.state)
    old.save(numbered(9))
    old.save(numbered(10))
    assert store.state == state
    assert client.stop.is_set()
    assert "Another try of this task has begun" in caplog.text
    # The later one goes on.
    new.save(numbered(3))
    assert store.state["sequence"] == 3


def test_the_first_save_of_a_try_takes_the_place_of_an_earlier_trys(client: ZoomClient) -> None:
    store = MemoryStore(numbered(7, owner="an earlier try").to_state())
    CheckpointSaver(store, client, RUN).save(numbered(8))
    assert store.state["sequence"] == 8
    assert not client.stop.is_set()


def test_another_runs_checkpoint_supersedes_nothing(client: ZoomClient) -> None:
    store = MemoryStore()
    saver = CheckpointSaver(store, client, RUN)
    saver.save(numbered(1))
    store.state = numbered(99, run="ba9876543210", owner="other").to_state()
    saver.save(numbered(2))
    assert store.state["sequence"] == 2
    assert not client.stop.is_set()


def test_the_last_checkpoint_can_be_amended(client: ZoomClient) -> None:
    store = MemoryStore()
    saver = CheckpointSaver(store, client, RUN)
    saver.save(numbered(4, departed=Rows([3]), done={Outcome.INVITED: Rows([1])}))
    saver.amend(departed="")
    found = Checkpoint.from_state(store.state)
    assert found is not None
    assert (found.sequence, list(found.departed)) == (4, [])
    assert list(found.done[Outcome.INVITED]) == [1]


# ---- the file in place of a store


def test_a_file_keeps_the_checkpoint_until_it_is_cleared(
    client: ZoomClient, tmp_path: Path
) -> None:
    path = tmp_path / "r.state.json"
    store = FileCheckpointStore(str(path), AirflowFiles())
    assert store.load() == {}
    CheckpointSaver(store, client, RUN).save(numbered(1))
    assert FileCheckpointStore(str(path), AirflowFiles()).load()["sequence"] == 1
    store.clear()
    store.clear()
    assert store.load() == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"{", b'{"run": ', b"[]", b"7", b"null", b"\xff", b"\0" * 9])
def test_a_torn_checkpoint_file_is_ignored(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "r.state.json"
    path.write_bytes(data)
    assert FileCheckpointStore(str(path), AirflowFiles()).load() == {}


def test_a_full_disk_leaves_the_last_checkpoint_whole(
    client: ZoomClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.state.json"
    saver = CheckpointSaver(FileCheckpointStore(str(path), AirflowFiles()), client, RUN)
    saver.save(numbered(1))
    with monkeypatch.context() as patch:

        def full(self: Any, data: bytes) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("zoom_provider.hooks.files.LocalOutput.write", full)
        saver.save(numbered(2))
    assert FileCheckpointStore(str(path), AirflowFiles()).load()["sequence"] == 1
    saver.save(numbered(3))
    assert FileCheckpointStore(str(path), AirflowFiles()).load()["sequence"] == 3
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
