"""
Airflow on this folder as its plugins folder, which scans each file in it.

Left to itself it would import every module of ours a second time, as a top-level module named
after its file: ``settings``, ``client``, ``auth``. ``plugins/.airflowignore`` keeps it from that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
Airflow = Callable[..., Any]

# What the command line does not show: errors of the scan, and what it has put into memory.
SCAN = """
import json, sys
from airflow import plugins_manager

plugins_manager.ensure_plugins_loaded()
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
print(json.dumps({
    "errors": plugins_manager.get_import_errors(),
    "plugins": [plugin["name"] for plugin in plugins_manager.get_plugin_info(["name", "source"])],
    "doubles": sorted(
        name
        for name, file in files.items()
        if file.startswith(sys.argv[1]) and name.partition(".")[0] != "zoom_provider"
    ),
}))
"""


@pytest.fixture
def airflow(tmp_path: Path) -> Airflow:
    """Run a program with an Airflow that is new and has one setting: its plugins folder."""

    def run(*command: str, plugins: Path = PLUGINS) -> Any:
        done = subprocess.run(
            [sys.executable, *command],
            env=os.environ
            | {
                "AIRFLOW_HOME": str(tmp_path / "home"),
                "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
                "PYTHONPATH": str(plugins),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_the_scan_finds_nothing_to_import(airflow: Airflow) -> None:
    assert airflow("-c", SCAN, str(PLUGINS)) == {"errors": {}, "plugins": [], "doubles": []}


def test_without_the_ignore_file_it_would(airflow: Airflow, tmp_path: Path) -> None:
    """Shows that the test above can fail, and that Airflow still needs the file."""
    bare = tmp_path / "plugins"
    # Without the simulator: the scan would even start its __main__.py, and end with it.
    left_out = shutil.ignore_patterns(".airflowignore", "__pycache__", "simulator")
    shutil.copytree(PLUGINS, bare, ignore=left_out)
    found = airflow("-c", SCAN, str(bare), plugins=bare)
    assert "get_provider_info" in found["doubles"]


def test_airflow_knows_the_provider_and_its_connection(airflow: Airflow) -> None:
    providers = airflow("-m", "airflow", "providers", "list", "--output", "json")
    assert [p["package_name"] for p in providers if "zoom" in p["package_name"]] == [
        "airflow-provider-zoom"
    ]
    hooks = airflow("-m", "airflow", "providers", "hooks", "--output", "json")
    assert [hook for hook in hooks if hook["connection_type"] == "zoom"] == [
        {
            "connection_type": "zoom",
            "class": "zoom_provider.hooks.zoom.ZoomHook",
            "conn_id_attribute_name": "zoom_conn_id",
            "package_name": "airflow-provider-zoom",
            "hook_name": "Zoom",
        }
    ]
