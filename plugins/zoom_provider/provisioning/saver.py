"""Saves checkpoints: in Airflow's task state store, or in a file where there is none."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomUnavailableError
from zoom_provider.provisioning.checkpoint import Checkpoint, newest_checkpoint
from zoom_provider.provisioning.ports import CheckpointStore, Files, NewerTryError

log = logging.getLogger(__name__)

_LOAD_PAUSES: Final = (1.0, 3.0, 6.0)
"""Seconds between two attempts to read the store, whose server may be restarting."""


class FileCheckpointStore:
    """Keeps a checkpoint in a file, where Airflow keeps no task state (before 3.3)."""

    def __init__(self, path: str, files: Files) -> None:
        self._path = path
        self._files = files

    def load(self) -> dict[str, Any]:
        """Return what was saved last; empty where nothing was, or what cannot be read."""
        # Where the disk fails, so does the report beside this file: its error says more.
        try:
            state = json.loads(self._files.read(self._path) or b"{}")
        except Exception as error:
            log.warning("The checkpoint file cannot be read: %s", summarize_error(error))
            return {}
        return state if isinstance(state, dict) else {}

    def save(self, state: Mapping[str, Any]) -> None:
        """Put it in place at once."""
        self._files.write(self._path, json.dumps(dict(state)).encode())

    def clear(self) -> None:
        """Delete it."""
        self._files.delete(self._path)


class CheckpointSaver:
    """
    Saves checkpoints; a failure is logged, and only the chance to resume from it is lost.

    A try that finds another one's checkpoint where it had saved its own has been superseded: the
    client's stop is set, and nothing more is saved.
    """

    def __init__(self, store: CheckpointStore, client: ZoomClient, run: str) -> None:
        self._store = store
        self._client = client
        self._run = run
        self._owner = uuid4().hex[:12]
        self._saved = self._superseded = False
        self.state: dict[str, Any] = {}

    def load(self) -> dict[str, Any]:
        """
        Return the checkpoint of an earlier try; empty where there was none.

        :raises ZoomUnavailableError: the store cannot be read. Without the checkpoint, users of the
            earlier try would be reported as existing
        """
        for pause in (*_LOAD_PAUSES, None):
            try:
                return self._store.load()
            except Exception as error:
                log.warning("The checkpoint cannot be read: %s", summarize_error(error))
                why = summarize_error(error)
            if pause is not None:
                self._client.pause(pause)
        raise ZoomUnavailableError(
            f"The checkpoint cannot be read, and nothing was sent to Zoom: {why}. "
            "A retry reads it again; if it fails again, see whether Airflow's API server is up."
        )

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint."""
        if self._superseded:
            return
        self.state = replace(checkpoint, owner=self._owner).to_state()
        try:
            if self._saved and self._has_newer_try():
                self.yield_to_newer_try()
                return
            self._store.save(self.state)
            self._saved = True
        except NewerTryError:
            self.yield_to_newer_try()
        except Exception as error:
            log.warning(
                "The checkpoint is not saved, and will be again: %s", summarize_error(error)
            )

    def yield_to_newer_try(self) -> None:
        """Stop because a later try of the task runs; save nothing that it would read."""
        if not self._superseded:
            log.error("Another try of this task has begun: this one stops.")
        self._superseded = True
        self._client.stop.set()

    def _has_newer_try(self) -> bool:
        found = newest_checkpoint([self._store.load()], self._run)
        return found is not None and found.owner != self._owner

    def amend(self, **values: str) -> None:
        """Save the last checkpoint with other values."""
        try:
            self._store.save(self.state | values)
        except Exception as error:
            log.warning("The checkpoint is not saved: %s", summarize_error(error))

    def clear(self) -> None:
        """Delete the checkpoint: the task is done."""
        try:
            self._store.clear()
        except Exception as error:
            log.warning("The checkpoint is not deleted: %s", summarize_error(error))


def summarize_error(error: Exception) -> str:
    """Name an error in a log line."""
    return f"{type(error).__name__}: {error}"[:300]
