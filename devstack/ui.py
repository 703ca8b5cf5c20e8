"""
Open everything in the browser, until Ctrl-C: Airflow with the example DAGs and what they work with.

Beside the local Zoom there are a folder with an HR export, an HR table in PostgreSQL (where that is
installed), a stand-in for BambooHR and a mailbox, each with the connection that the examples name.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from functools import partial

from devstack import postgres
from devstack.demo import DAG, FIRST_DAY, RUN, onboard
from devstack.processes import PROJECT, free_port, run_script, say
from devstack.rest import USER
from devstack.stack import Stack, running

# What the stand-in takes in place of a real key.
BAMBOOHR_KEY = "bamboohr-stand-in-key"
SEED = PROJECT / "dags" / "data" / "hr_seed.sql"
# As soon as one of them is unpaused its schedule makes a run, so that is left to the person.
SCHEDULED = ("zoom_onboarding_csv", "zoom_onboarding_postgres", "zoom_onboarding_bamboohr")


def prepare(stack: Stack, server: postgres.Server | None) -> None:
    """Start what is beside the local Zoom, and connect it."""
    if server:
        server.create_database("hr")
        server.run_sql("hr", SEED.read_text(encoding="utf-8"))
        stack.connect("hr_postgres", **server.connection("hr"))
    hr = stack.start_server("bamboohr", "tests.stand_ins.bamboohr")
    stack.connect("bamboohr", "http", host=hr, login="api-key", password=BAMBOOHR_KEY)
    port = free_port(0)
    stack.start_server("mailbox", "tests.stand_ins.mailbox", f"--port={port}")
    unsafe = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"}
    stack.connect("smtp_default", "smtp", host="127.0.0.1", port=port, extra=unsafe)


def directions(stack: Stack, server: postgres.Server | None) -> str:
    """Say where everything is, and what to do there."""
    table = "" if server else " (not here: install PostgreSQL, Debian's package postgresql)"
    return f"""
Airflow          {stack.airflow.url}
  user           {USER}
  password       {stack.airflow.password}
  the run        {stack.airflow.url}/dags/{DAG}/runs/{RUN}
The local Zoom   {stack.urls["zoom"]}
The mailbox      {stack.urls["mailbox"]}
The HR folder    {stack.inbox.relative_to(PROJECT)}/

Trigger in Airflow:
  zoom_create_user            one person, by a form
  zoom_onboarding_mapped      three people, a task each
  zoom_onboarding_csv         with both dates {FIRST_DAY}: nobody is created twice
  zoom_onboarding_postgres    from 2025-10-08 to 2025-11-06, an HR table{table}
  zoom_onboarding_bamboohr    without dates: who starts tomorrow
  zoom_onboarded              starts by itself when people were onboarded

The three with a schedule are paused, since unpausing them (which Trigger offers) starts a run of
their own. Who could not be created is in the mailbox. All connections are made.

Stop with Ctrl-C."""


def main() -> int:
    """Start everything, say where it is, and wait to be stopped."""
    with ExitStack() as ended:
        server = None
        if postgres.program("initdb"):
            server = ended.enter_context(postgres.running())
        stack = ended.enter_context(
            running(
                ".ui", prepare=partial(prepare, server=server), zoom_port=8123, airflow_port=8080
            )
        )
        say(f"Running {DAG} for the people who start on {FIRST_DAY} ...")
        onboard(stack.airflow)
        for dag_id in SCHEDULED:
            stack.airflow.pause(dag_id)
        # From here on the event of that run starts zoom_onboarded.
        stack.follow_schedules()
        say(directions(stack, server))
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    run_script(main)
