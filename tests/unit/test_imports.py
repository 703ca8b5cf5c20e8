"""Importing the operators reaches nothing outside the process, and loads only what they need."""

from __future__ import annotations

import subprocess
import sys

# What a DAG file imports runs again at each parse of it.
PROGRAM = """
import sys

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator


def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "sqlite3.", "urllib.")):
        reached.append(event)


def look_up(*arguments, **named):
    reached.append("a connection")


reached = []
BaseHook.get_connection = look_up
# What Airflow does for its first operator is no concern of ours: on 3.1 it starts a process.
BaseOperator(task_id="first")
sys.addaudithook(watch)

import zoom_provider.operators.users as users

users.ZoomCreateUserOperator(task_id="one", user_info={"email": "a@example.com", "type": 1})
users.ZoomCreateUsersOperator(task_id="many", users=[])

print("reached", *reached)
print("loaded", *sorted(name for name in sys.modules if name.startswith("zoom_provider.")))
"""

LEFT_FOR_THE_RUN = ("zoom_provider.api", "zoom_provider.provisioning", "zoom_provider.hooks.zoom")


def test_operators_reach_nothing_and_leave_the_rest_for_the_run() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    said = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line}
    assert said["reached"] == []
    assert "zoom_provider.operators.users" in said["loaded"]
    assert [name for name in said["loaded"] if name.startswith(LEFT_FOR_THE_RUN)] == []
