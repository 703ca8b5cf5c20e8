"""
### After users were onboarded, start what comes next

It starts when a task with `ZOOM_USERS` among its outlets has succeeded. The event has the number of
users of each outcome. Replace the last task with what follows onboarding at your company: order a
headset, add users to groups, plan a welcome call.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from zoom_provider.assets import ZOOM_USERS

log = logging.getLogger("airflow.task")

with DAG(
    dag_id="zoom_onboarded",
    description="After users were onboarded, start what comes next",
    doc_md=__doc__,
    schedule=[ZOOM_USERS],
    # Airflow 2 requires one with a schedule.
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    tags=["zoom", "example"],
) as dag:

    @task.short_circuit
    def newcomers(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        """Return the runs that created users, with their numbers; end here if there are none."""
        # One run may stand for several events, and a triggered one for none.
        events = [event for found in (triggering_asset_events or {}).values() for event in found]
        counts = [event.extra.get("outcomes", {}) for event in events]
        return [
            {"dag": event.source_dag_id, "run": event.source_run_id, "people": new}
            for event, outcomes in zip(events, counts, strict=True)
            if (new := outcomes.get("invited", 0) + outcomes.get("created", 0))
        ]

    @task
    def announce(sources: list[dict[str, Any]]) -> None:
        """Log the new users, in place of what follows onboarding at your company."""
        for source in sources:
            log.info("%(people)d new in Zoom, by %(dag)s, run %(run)s", source)

    onboarded: Any = newcomers()
    announce(onboarded)
