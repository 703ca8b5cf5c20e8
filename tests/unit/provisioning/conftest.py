"""A client of the local Zoom that waits on the test's clock, and a report in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

import pytest

from tests.support import Clock, connection
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import settings_from_fields
from zoom_provider.api.token_cache import TokenCache
from zoom_provider.provisioning.outcomes import Report
from zoom_provider.provisioning.roster import Row, from_list, read
from zoom_provider.simulator.server import Simulator


def make_client(zoom: Simulator, clock: Clock) -> ZoomClient:
    fields = json.loads(connection(zoom))
    settings = settings_from_fields(
        login=fields["login"],
        password=fields["password"],
        host=fields["host"],
        port=None,
        extra=fields["extra"],
    )
    return ZoomClient(settings, clock=clock, sleep=clock.sleep, tokens=TokenCache())


@pytest.fixture
def client(zoom: Simulator, clock: Clock) -> Iterator[ZoomClient]:
    made = make_client(zoom, clock)
    yield made
    made.close()


class Forgetful:
    """A checkpoint that keeps nothing, and a meter that tells nobody."""

    def load(self) -> dict[str, Any]:
        return {}

    def save(self, state: Mapping[str, Any]) -> None:
        pass

    def clear(self) -> None:
        pass

    def count(self, name: str, number: int = 1) -> None:
        pass

    def timing(self, name: str, seconds: float) -> None:
        pass


def open_text(path: str, mode: str) -> TextIO:
    return cast(TextIO, Path(path).open(mode, encoding="utf-8", newline=""))


@pytest.fixture
def report(tmp_path: Path) -> Iterator[Report]:
    with Report(str(tmp_path / "report.jsonl"), open_text) as made:
        yield made


def rows_of(client: ZoomClient, people: list[Any], action: str = "create") -> Iterator[Row]:
    """Make rows of people, as the operator does."""
    return read(from_list(people), lambda user_info: client.checked(action, user_info))


def written(report: Report) -> list[dict[str, Any]]:
    """Read what a report says so far, line by line."""
    return [json.loads(line) for line in Path(report.path).read_text("utf-8").splitlines()]


Told = Callable[[Report], list[tuple[int, str]]]


def told(report: Report) -> list[tuple[int, str]]:
    """Give row and outcome of each line of a report."""
    return [(line["row"], line["outcome"]) for line in written(report)]
