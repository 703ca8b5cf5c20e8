"""What the tests of real parts share."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Make it possible to leave out what takes half a minute: ``-m "not slow"``."""
    config.addinivalue_line("markers", "slow: starts a whole Airflow, half a minute each")
