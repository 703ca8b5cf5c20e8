"""
### Create one person in Zoom, by hand or by HTTP request

Press *Trigger*, choose how the person joins, fill in who it is. Over HTTP, send the same three
names as the run's `conf`. Needs the connection `zoom_default`.

**What became of the person** is one click away from the run's page: open the task `create_user`.
A line of its log says it plainly: the outcome, the status and Zoom's id, or in red what to correct.
*Storage > XCom* has the same as data.

| outcome | |
| --- | --- |
| invited | Zoom has sent the e-mail; the person is pending until they use its link |
| created | the person is there (`autoCreate`, `custCreate`, `ssoCreate`) |
| existing, updated, unchanged | Zoom had the person already |

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

PERSON_MD = """
- **email**; **type**: 1 Basic, 2 Licensed, 4 Unassigned without Meetings Basic. Both are required.
- **first_name**, **last_name**: at most 64 characters, 5 of them Chinese. May stay empty.
- If need be, add **display_name** (at most 128 characters, 10 of them Chinese), **division_ids**
  (a list of one id), **feature** (an object: **zoom_phone**, true or false, and **zoom_one_type**,
  a number), **plan_united_type** or **license_info_list**, as Zoom's reference has them.
- No password: Airflow keeps in clear text what a run is started with.
- **Bad Request** when you press Trigger: something above is not as it says here.
"""

IF_EXISTS_MD = """
An e-mail address is one person. Zoom drops changes to a person who is still pending.
"""

USER_INFO: dict[str, Any] = {
    "required": ["email", "type"],
    "additionalProperties": False,
    "properties": {
        # Empty as the form has it before it is filled in: then the task fails and nothing is sent.
        "email": {"type": "string", "pattern": "^$|@", "maxLength": 128},
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
            # Nobody: a form sent too early, or a slip in a request, must not invite a stranger.
            {"email": "", "type": 1, "first_name": "", "last_name": ""},
            type="object",
            title="The person",
            description_md=PERSON_MD,
            **USER_INFO,
        ),
        "if_exists": Param(
            "fail",
            type="string",
            title="If Zoom has the person already",
            description_md=IF_EXISTS_MD,
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
