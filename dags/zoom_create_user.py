"""
### Create one person in Zoom, by hand or by HTTP request

Press *Trigger*, choose how the person joins, fill in `user_info`. Over HTTP, send the same three
names as the run's `conf`. Needs the connection `zoom_default`.

There is no field for a password: Airflow keeps what a run was started with, in clear text. To use
`autoCreate` with a password, write a DAG of your own that takes it from a secrets backend.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, Param

from zoom_provider.assets import ZOOM_USERS
from zoom_provider.operators.users import ZoomCreateUserOperator

ACTIONS = {
    "create": "create: Zoom sends an e-mail with a confirmation link",
    "autoCreate": "autoCreate: for Enterprise customers with a managed domain",
    "custCreate": "custCreate: no password, cannot log in to the portal or client",
    "ssoCreate": "ssoCreate: no password, for Pre-provisioning SSO User",
}

# Zoom's own words for the same.
ACTIONS_MD = """
- **create**: the user receives an e-mail from Zoom with a confirmation link, which they must use
  to activate their account. Until then they are pending.
- **autoCreate**: for Enterprise customers with a managed domain. Creates an e-mail login type.
- **custCreate**: users do not have passwords and cannot log in to the Zoom web portal or the Zoom
  client; they can still host and join meetings. For partners (ISV).
- **ssoCreate**: for accounts with the enabled "Pre-provisioning SSO User" option. The user has no
  password.
"""

USER_INFO: dict[str, Any] = {
    "required": ["email", "type"],
    "additionalProperties": False,
    "properties": {
        "email": {"type": "string", "format": "email", "minLength": 3, "maxLength": 128},
        "type": {
            "description": "1 Basic, 2 Licensed, 4 Unassigned without Meetings Basic",
            "enum": [1, 2, 4, "1", "2", "4"],
        },
        "first_name": {"type": "string", "maxLength": 64},
        "last_name": {"type": "string", "maxLength": 64},
        "display_name": {"type": "string", "maxLength": 128},
        "division_ids": {"type": "array", "items": {"type": "string"}, "maxItems": 1},
        "feature": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "zoom_phone": {"type": "boolean"},
                "zoom_one_type": {"type": "integer"},
            },
        },
        "plan_united_type": {"type": "string"},
        "license_info_list": {"type": "array", "items": {"type": "object"}, "maxItems": 2},
    },
}

with DAG(
    dag_id="zoom_create_user",
    description="Create one person in Zoom, by hand or by HTTP request",
    doc_md=__doc__,
    schedule=None,
    tags=["zoom", "example"],
    params={
        "action": Param(
            "create",
            type="string",
            title="How the person joins",
            description_md=ACTIONS_MD,
            enum=list(ACTIONS),
            values_display=ACTIONS,
        ),
        "user_info": Param(
            {
                "email": "jane.doe@example.com",
                "type": 1,
                "first_name": "Jane",
                "last_name": "Doe",
            },
            type="object",
            title="The person",
            description_md="""
- Required: **email**, and **type**: 1 Basic, 2 Licensed, 4 Unassigned without Meetings Basic.
- Optional: **first_name**, **last_name**, **display_name**, **division_ids**, **feature**,
  **plan_united_type**, **license_info_list**.
- No password: Airflow keeps in clear text what a run is started with.
""",
            **USER_INFO,
        ),
        "if_exists": Param(
            "fail",
            type="string",
            title="If Zoom has the person already",
            enum=["fail", "skip", "update"],
            values_display={
                "fail": "fail: the task fails",
                "skip": "skip: take the existing person as they are",
                "update": "update: write the names and the type given here to the existing person",
            },
        ),
    },
) as dag:
    ZoomCreateUserOperator(
        task_id="create_user",
        action="{{ params.action }}",
        user_info="{{ params.user_info }}",
        if_exists="{{ params.if_exists }}",
        # zoom_onboarded starts when this has an event.
        outlets=[ZOOM_USERS],
    )
