"""
People whose password is a canary: created, refused, retried, put off, cut short.

The passwords come from Variables, since Airflow itself stores what stands in a DAG's file. The
Variables' names do not say that they hold passwords: nothing is masked for that reason alone.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from zoom_provider.operators.users import ZoomCreateUserOperator, ZoomCreateUsersOperator
from zoom_provider.policies import ZoomRetryPolicy

STARTER = "{{ var.value.starter }}"
AUTO: dict[str, Any] = {"action": "autoCreate", "retries": 0}


def hire(name: str, password: str = STARTER, **fields: Any) -> dict[str, Any]:
    """Write a person as an object."""
    named = {"email": f"{name}@example.com", "type": 1, "first_name": "Ann"}
    return {**named, "password": password, **fields}


def text(name: str, **fields: Any) -> str:
    """Write a person as a text, with the Variable's value quoted as JSON wants it."""
    person = json.dumps(hire(name, "PASSWORD", **fields))
    return person.replace('"PASSWORD"', "{{ var.value.starter | tojson }}")


def one(task_id: str, user_info: Any = None, **options: Any) -> None:
    ZoomCreateUserOperator(
        task_id=task_id, user_info=user_info or hire(task_id), **{**AUTO, **options}
    )


def many(task_id: str, users: Any, **options: Any) -> None:
    ZoomCreateUsersOperator(task_id=task_id, users=users, **{**AUTO, **options})


LATER: dict[str, Any] = {"deferrable": True, "priority_weight": 10}
AGAIN: dict[str, Any] = {"retries": 1, "retry_delay": timedelta(seconds=1)}

with DAG("canaries", schedule=None):
    # What waits for tomorrow, begun first since the wait is the longest.
    one("put_off", **LATER)
    many("bulk_put_off", [hire("bulk_put_off0"), text("bulk_put_off1")], **LATER)

    # What goes well.
    one("made")
    one("made_text", text("made_text"))
    one("made_quoted_twice", "{{ var.value.whole_person | tojson }}")
    one("refreshing", zoom_conn_id="zoom_refreshing")
    ZoomCreateUserOperator.partial(task_id="mapped", **AUTO).expand(
        user_info=[hire("mapped0"), text("mapped1"), hire("mapped2", type=9)]
    )
    many("bulk", [hire("bulk0"), text("bulk1")])
    many("bulk_text", f"[{text('bulk_text0')}, {text('bulk_text1')}]")
    many("bulk_large", [hire(f"large{number}", display_name="x" * 90) for number in range(120)])
    ZoomCreateUsersOperator.partial(task_id="bulk_mapped", **AUTO).expand(
        users=[[hire("bm0")], [text("bm1")]]
    )

    # What is refused before a call.
    one("other_action", action="create")
    one("weak", hire("weak", "{{ var.value.weak }}"))
    one("wrong_type", hire("wrong_type", type="{{ var.value.starter }}"))
    one("misspelt", {"email": "misspelt@example.com", "type": 1, "pasword": STARTER})
    one("in_a_list", hire("in_a_list", [STARTER]))  # type: ignore[arg-type]
    one("broken", text("broken")[:-1])
    one("bare", STARTER)
    many("bulk_refused", [hire("weak", "{{ var.value.weak }}"), text("odd", type=9)])
    many("bulk_broken", [text("broken")[:-1], STARTER])

    # What Zoom refuses.
    one("foreign")
    one("refused")
    one("redirected")
    many("bulk_at_zoom", [hire("foreign"), text("refused")])
    one("wrong_secret", zoom_conn_id="zoom_wrong")
    one("old_token", zoom_conn_id="zoom_token")

    # What is tried again or takes too long.
    one("again", zoom_conn_id="zoom_impatient", **AGAIN)
    one("again_in_vain", zoom_conn_id="zoom_impatient", **AGAIN)
    one(
        "policy",
        zoom_conn_id="zoom_impatient",
        retry_policy=ZoomRetryPolicy(timedelta(seconds=1)),
        **AGAIN,
    )
    one("slow", execution_timeout=timedelta(seconds=2))
    many("bulk_slow", [text("slow")], execution_timeout=timedelta(seconds=2))

with DAG("waiting", schedule=None):
    one("still_put_off", **LATER)
    many("bulk_still_put_off", [text("still0"), hire("still1")], **LATER)
