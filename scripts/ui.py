"""Open the demo in the browser: Airflow with its run, and the local Zoom, until Ctrl-C."""

from __future__ import annotations

import threading

from child_processes import run_script, say
from demo import DAG, FIRST_DAY, RUN
from local_stack import USER, running


def main() -> int:
    """Start everything, say where it is, and wait to be stopped."""
    with running(".ui", zoom_port=8123, airflow_port=8080) as stack:
        say(f"Running {DAG} for the people who start on {FIRST_DAY} ...")
        stack.run_dag(DAG, RUN, {"from": FIRST_DAY, "to": FIRST_DAY})
        say(f"""
Airflow          {stack.airflow_url}
  user           {USER}
  password       {stack.password}
  the run        {stack.airflow_url}/dags/{DAG}/runs/{RUN}
The local Zoom   {stack.zoom_url}

The connection zoom_default leads to the local Zoom. Trigger zoom_create_user to fill in its form,
or zoom_onboarding_csv with both dates {FIRST_DAY} to see that nobody is created twice.

Stop with Ctrl-C.""")
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    run_script(main)
