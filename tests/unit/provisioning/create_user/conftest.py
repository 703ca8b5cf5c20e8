"""The clients and the clock of the tests of the wire."""

from __future__ import annotations

from tests.unit.api.conftest import _direct, client, client_of, clock

__all__ = ["_direct", "client", "client_of", "clock"]
