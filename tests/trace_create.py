"""
Print the way of one create through the package: ``make trace``.

A reader who follows ``ZoomCreateUserOperator.execute`` opens the files in this order. Python's
profiler notes each call of a function of the package for the second create of a process: modules
are imported, the token is there, and no call has to wait for the pace. Comprehensions are no
calls. A move is a call into another file than the call before it.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from itertools import count, groupby
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import zoom_provider
from tests.support import connection, person
from zoom_provider.simulator.server import Simulator, running
from zoom_provider.simulator.settings import SimulatorSettings

PACKAGE = Path(zoom_provider.__file__).parent

Steps = list[tuple[str, list[str]]]
"""The files entered, in order, each with the functions called there before the next file."""


def trace_create(zoom: Simulator) -> Steps:
    """Create two users; return the way of the second one."""
    from zoom_provider.api.auth import TokenCache
    from zoom_provider.api.client import ZoomClient

    seconds = count(1_000.0)  # one goes by between any two looks at the clock
    client = partial(ZoomClient, clock=lambda: next(seconds), tokens=TokenCache())
    with (
        patch.dict(os.environ, AIRFLOW_CONN_ZOOM_DEFAULT=connection(zoom)),
        patch("zoom_provider.hooks.zoom.ZoomClient", client),
    ):
        _execute(1)
        return _execute(2)


def _execute(number: int) -> Steps:
    from zoom_provider.operators.users import ZoomCreateUserOperator

    ti = {"dag_id": "trace", "run_id": "run", "task_id": "create", "map_index": -1}
    context: Any = {"ti": SimpleNamespace(**ti, try_number=1, max_tries=0), "params": {}}
    task = ZoomCreateUserOperator(task_id="create", user_info=person(number))
    task.render_template_fields(context)
    calls: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, arg: object) -> None:
        code, path = frame.f_code, Path(frame.f_code.co_filename)
        if event == "call" and PACKAGE in path.parents and not code.co_name.startswith("<"):
            name = path.relative_to(PACKAGE).as_posix()
            if not name.startswith("simulator/"):
                calls.append((name, code.co_qualname))

    sys.setprofile(note)
    try:
        task.execute(context)
    finally:
        sys.setprofile(None)
    return [
        (name, [function for _, function in group])
        for name, group in groupby(calls, key=lambda call: call[0])
    ]


def main() -> None:
    """Print each file entered and the functions called there, then the two numbers."""
    with running(SimulatorSettings(plan="business", limits_enforced=False)) as zoom:
        steps = trace_create(zoom)
    for name, functions in steps:
        print(f"{name:30} {', '.join(functions)}")
    print(f"{len({name for name, _ in steps})} files, {len(steps) - 1} moves")


if __name__ == "__main__":
    main()
