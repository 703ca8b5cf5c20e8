"""
### Create one user in Zoom, by form or by HTTP request

Press *Trigger*, fill in the form, choose how the person joins. Over HTTP, send the same names as
the run's `conf`, or Zoom's own `user_info` instead of the plain fields, as an object or as a JSON
text. Needs the connection `zoom_default`.

**For the result**, open the task `create_user` on the run's page. One line of its log has the
outcome, the status and Zoom's id, or in red what to correct. *Storage > XCom* has the same as data.

| outcome | |
| --- | --- |
| invited | Zoom has sent the e-mail; the user is pending until they use its link |
| created | the user exists (`autoCreate`, `custCreate`, `ssoCreate`) |
| existing, updated, unchanged | Zoom had the user already |

There is no field for a password, because Airflow keeps a run's parameters in clear text. To use
`autoCreate` with a password, write a DAG of your own that reads it from a secrets backend.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param, task

from zoom_provider.assets import ZOOM_USERS
from zoom_provider.operators.users import ZoomCreateUserOperator

ACTIONS = {
    "create": "create: Zoom sends an e-mail with a confirmation link",
    "autoCreate": "autoCreate: for Enterprise customers with a managed domain",
    "custCreate": "custCreate: no password, cannot log in to the portal or client",
    "ssoCreate": "ssoCreate: no password, for Pre-provisioning SSO User",
}

# The same in Zoom's own words.
ACTIONS_MD = """
- **create**: the user receives an e-mail from Zoom with a confirmation link, which they must use
  to activate their account. Until then they are pending.
- **autoCreate**: for Enterprise customers with a managed domain. Creates an e-mail login type.
- **custCreate**: users do not have passwords and cannot log in to the Zoom web portal or the Zoom
  client; they can still host and join meetings. For partners (ISV).
- **ssoCreate**: for accounts with the enabled "Pre-provisioning SSO User" option. The user has no
  password.
"""

BASIC = 1
LICENSES = {"1": "Basic", "2": "Licensed", "4": "Unassigned without Meetings Basic"}

EMAIL: dict[str, Any] = {"format": "email", "pattern": r"^\s*\S+@\S+\.\S+\s*$", "maxLength": 128}
EMAIL_MD = """
One address, such as `jane@example.com`.
If Airflow answers **Bad Request**, the top of this form says which field to correct.
"""

NAME_MD = "At most 64 characters, 5 of them Chinese. May stay empty."
DISPLAY_NAME_MD = "At most 128 characters, 10 of them Chinese. May stay empty."
LICENSE_MD = "*Licensed* takes one of the seats that the account has bought."

USER_INFO_MD = """
Zoom's **user_info** as JSON, for fields that the form lacks. It replaces the fields above: leave
them empty and the license at *Basic*, or the run fails and names what is filled in.

```
{"email": "jane@example.com", "type": 2, "division_ids": ["d1"]}
```

- **email** and **type** (1 Basic, 2 Licensed, 4 Unassigned without Meetings Basic) are required.
- **first_name**, **last_name**, **display_name**, **division_ids** (a list of one id), **feature**
  (an object: **zoom_phone**, true or false, and **zoom_one_type**, a number),
  **plan_united_type** and **license_info_list** are as in Zoom's reference.
- No password: Airflow keeps a run's parameters in clear text.

**Do not type into _Configuration JSON_** under *Advanced Options*: Airflow 3.3 takes the small
letter g there for a shortcut and drops it. *lang* becomes *lan*, and a stranger is invited. The
fields of this form, this one too, take every letter.
"""

IF_EXISTS_MD = """
An e-mail address is one user. Zoom drops changes to a user who is still pending.
"""

# The rules for an object, then the rule for a JSON text; the task checks its fields.
USER_INFO: dict[str, Any] = {
    "required": ["email", "type"],
    "additionalProperties": False,
    "properties": {
        "email": {"type": "string", **EMAIL},
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
    "pattern": r"""^\s*\{(?![\s\S]*password["']\s*:)[\s\S]*\}\s*$""",
}


def text_field(title: str, rule: str, **schema: Any) -> Param:
    """Return a one-line field that may stay empty."""
    return Param(None, type=["string", "null"], title=title, description_md=rule, **schema)


with DAG(
    dag_id="zoom_create_user",
    description="Create one person in Zoom, by hand or by HTTP request",
    doc_md=__doc__,
    schedule=None,
    tags=["zoom", "example"],
    params={
        "email": text_field("E-mail address", EMAIL_MD, **EMAIL),
        "first_name": text_field("First name", NAME_MD, maxLength=64),
        "last_name": text_field("Last name", NAME_MD, maxLength=64),
        "display_name": text_field("Display name", DISPLAY_NAME_MD, maxLength=128),
        "type": Param(
            BASIC,
            type="integer",
            title="License",
            description_md=LICENSE_MD,
            enum=[1, 2, 4],
            values_display=LICENSES,
        ),
        "action": Param(
            "create",
            type="string",
            title="How the person joins",
            description_md=ACTIONS_MD,
            enum=list(ACTIONS),
            values_display=ACTIONS,
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
        "user_info": Param(
            None,
            # With the string first, the form has a field of several lines and not a JSON editor.
            type=["string", "object", "null"],
            format="multiline",
            title="user_info",
            section="For experts",
            description_md=USER_INFO_MD,
            **USER_INFO,
        ),
    },
) as dag:

    @task(show_return_value_in_logs=False)  # names stay out of the log
    def person(params: Any = None) -> Any:
        """Return the user from the plain fields, or from user_info if only that is given."""
        names = ("email", "first_name", "last_name", "display_name", "type")
        plain = {name: params[name] for name in names if params[name]}
        if not params["user_info"]:
            return plain
        filled_in = [name for name, value in plain.items() if (name, value) != ("type", BASIC)]
        if filled_in:
            raise AirflowFailException(
                f"Nothing was sent to Zoom: user_info is given, and so is {', '.join(filled_in)}. "
                "Trigger again with user_info alone, or without it."
            )
        return params["user_info"]

    user_info: Any = person()
    ZoomCreateUserOperator(
        task_id="create_user",
        action="{{ params.action }}",
        user_info=user_info,
        if_exists="{{ params.if_exists }}",
        # Its event starts zoom_onboarded.
        outlets=[ZOOM_USERS],
    )
