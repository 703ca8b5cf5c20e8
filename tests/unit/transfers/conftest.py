"""The fixtures of the operators' tests: a transfer is an operator."""

from __future__ import annotations

from tests.unit.operators.conftest import (  # noqa: F401 - fixtures
    break_off,
    one_by_one,
    path,
    perform,
    store,
    ti,
)
