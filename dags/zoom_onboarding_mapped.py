"""
### Create a handful of new hires in Zoom, one mapped task each

The simplest form of onboarding: a task returns the new hires, and `expand` makes one task for each.
Each user has a task of their own in the grid, with its own log and retries. For more than a few
dozen users use one task for all: see `zoom_onboarding_csv`.

For rows from elsewhere use `expand`, not `expand_kwargs`: that would run a template that is written
into a name.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, task

from zoom_provider.operators.users import ZoomCreateUserOperator

# More than a handful is probably a list of all staff.
MAX_CREATES = 50

with DAG(
    dag_id="zoom_onboarding_mapped",
    description="Create a handful of new hires in Zoom, one mapped task each",
    doc_md=__doc__,
    schedule=None,
    tags=["zoom", "example"],
) as dag:
    # Names stay out of the log.
    @task(show_return_value_in_logs=False)
    def new_hires() -> list[dict[str, Any]]:
        """Return one ``user_info`` per hire, in place of a call to your HR system."""
        people = [
            {
                "email": "ada.nwosu@example.com",
                "type": 2,
                "first_name": "Ada",
                "last_name": "Nwosu",
            },
            {
                "email": "bjorn.akerman@example.com",
                "type": 1,
                "first_name": "Björn",
                "last_name": "Åkerman",
            },
            {
                "email": "minseo.park@example.com",
                "type": 1,
                "first_name": "민서",
                "last_name": "박",
            },
        ]
        if len(people) > MAX_CREATES:
            raise AirflowFailException(
                f"{len(people)} people are more than MAX_CREATES={MAX_CREATES} allows; none was "
                "created"
            )
        return people

    ZoomCreateUserOperator.partial(
        task_id="create_user",
        action="create",
        if_exists="skip",
        map_index_template="{{ task.user_info.email }}",
    ).expand(user_info=new_hires())
