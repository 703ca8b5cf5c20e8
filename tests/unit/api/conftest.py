"""Clients of the local Zoom that wait without waiting."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Clock
from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.transport import StopSignal
from zoom_provider.simulator.server import Simulator


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the proxies and authorities of the machine out of the tests."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client_of(clock: Clock) -> Iterator[ClientOf]:
    """Give a maker of clients, with the settings of a Zoom and changes to them."""
    made: list[ZoomClient] = []
    everybodys = clock

    def make(
        zoom: Simulator,
        *,
        tokens: TokenCache | None = None,
        retry: bool = True,
        on_secret: Callable[[str], None] = lambda secret: None,
        clock: Clock | None = None,
        stop: StopSignal | None = None,
        **settings: Any,
    ) -> ZoomClient:
        usual: dict[str, Any] = {
            "client_id": zoom.settings.client_id,
            "client_secret": zoom.settings.client_secret,
            "account_id": zoom.settings.account_id,
            "origin": zoom.url,
            "token_url": f"{zoom.url}/oauth/token",
            "plan": "business",
            "ca_bundle": zoom.ca,
        }
        client = ZoomClient(
            ZoomSettings(**(usual | settings)),
            tokens=TokenCache() if tokens is None else tokens,
            retry=retry,
            on_secret=on_secret,
            clock=clock or everybodys,
            stop=stop,
            sleep=(clock or everybodys).sleep,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(zoom: Simulator, client_of: ClientOf) -> ZoomClient:
    """Give a client that is set up as it should be."""
    return client_of(zoom)
