"""
An Airflow of its own for each test run, set up before anything imports Airflow.

It stands at the root because pytest loads the outermost ``conftest.py`` first.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


def _isolate() -> Path:
    """Keep a person's own Airflow, its home and its settings, out of the tests."""
    if any(name.partition(".")[0] == "airflow" for name in sys.modules):
        raise RuntimeError("Airflow is imported before its home for the tests is chosen")
    for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "_AIRFLOW_"))]:
        del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="zoom-provider-tests-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS="False",
        # A test that reaches out by mistake must not send the maintainers' usage numbers.
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
        SCARF_ANALYTICS="false",
    )
    return home


AIRFLOW_HOME = _isolate()


@pytest.fixture(scope="session")
def airflow_db() -> Path:
    """Make Airflow's tables, once and only for the tests that ask for them."""
    from airflow.utils.db import initdb

    initdb()
    return AIRFLOW_HOME


class _OneProcessForRealParts(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Keeps the tests that share one Airflow together, and divides all others."""

    def _split_scope(self, nodeid: str) -> str:
        real = "tests/integration/"
        return real if nodeid.startswith(real) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Divide the tests among the processes for ``--dist=loadscope``."""
    return _OneProcessForRealParts(config, log) if config.getoption("dist") == "loadscope" else None
