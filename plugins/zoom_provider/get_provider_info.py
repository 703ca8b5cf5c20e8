"""
What Airflow learns of this provider: the connection form, and where things are.

Airflow calls :func:`get_provider_info` in each of its components at every start, so nothing is
imported here that costs anything. The form is described once, in ``FORM_FIELDS`` and
``STANDARD_FIELDS``. Airflow 3.2 and newer read it from the provider info; for 2.11 and 3.1
``zoom_provider.hooks.connection_form`` makes widgets of the same structure.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from zoom_provider import __version__

CONN_TYPE: Final = "zoom"
HOOK_NAME: Final = "Zoom"
HOOK_CLASS: Final = "zoom_provider.hooks.zoom.ZoomHook"
_API_REFERENCE: Final = "https://developers.zoom.us/docs/api/users/"


class FormField(NamedTuple):
    """
    One extra of a Zoom connection, as the form shows it.

    :param name: the key in the connection's extras
    :param label: what people read beside the field
    :param description: one or two sentences: what it is for, and where its value is found
    :param default: what an empty field means, where it means a fixed value
    :param choices: the only values there are; shown as a drop-down
    :param secret: masked in the form. Airflow redacts a stored extra by its *name*, so the name
        of a secret holds one of the words that it looks for (``token``, ``secret``, ...)
    :param bounds: JSON schema keywords that limit a number
    :param placeholder: an example, for a field without a default
    """

    name: str
    label: str
    description: str
    default: str | float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    bounds: dict[str, float] | None = None
    placeholder: str = ""


class StandardField(NamedTuple):
    """One of the fields that every connection has; with an empty label it is not shown."""

    name: str
    label: str = ""
    placeholder: str = ""


STANDARD_FIELDS: Final = (
    StandardField("login", "Client ID", "From your Zoom app, page App Credentials"),
    StandardField("password", "Client Secret", "From your Zoom app, page App Credentials"),
    StandardField("host", "API address", "https://api.zoom.us"),
    # Airflow 3.3.1 and 3.3.2 refuse to test a saved connection without one.
    StandardField("port", "Port", "443 (Airflow's Test may need it filled in)"),
    StandardField("schema"),
    StandardField("extra"),
)

FORM_FIELDS: Final = (
    FormField(
        "account_id",
        "Account ID",
        "Zoom App Marketplace, Manage, your Server-to-Server OAuth app, page App Credentials.",
        placeholder="From your Zoom app, page App Credentials",
    ),
    FormField(
        "plan",
        "Plan",
        "The plan of the Zoom account, which decides how fast Zoom may be called (Zoom's web "
        "portal, Plans and Billing). Education and Enterprise count as business.",
        default="pro",
        choices=("free", "pro", "business"),
    ),
    FormField(
        "rate_share",
        "Share of the rate limits",
        "The share of the account's rate limits that this connection may use, above 0 and at most "
        "1. All apps of a Zoom account share its limits: leave some to the others.",
        default=1,
        bounds={"exclusiveMinimum": 0, "maximum": 1},
    ),
    FormField(
        "allowed_domains",
        "Allowed e-mail domains",
        "Only addresses in these domains are created, so that a wrong export writes to no "
        "stranger. Separated by commas, as in: example.com, example.org; empty means any.",
        placeholder="example.com, example.org",
    ),
    FormField(
        "grant_type",
        "Grant type",
        "How access is granted: account_credentials for a Server-to-Server OAuth app (the usual "
        "one), refresh_token for a General app, access_token for a token that you have already.",
        default="account_credentials",
        choices=("account_credentials", "refresh_token", "access_token"),
    ),
    FormField(
        "refresh_token",
        "Refresh token",
        "Only for the grant type refresh_token: from the authorization of a General app.",
        secret=True,
    ),
    FormField(
        "access_token",
        "Access token",
        "Only for the grant type access_token: a ready bearer token, valid for an hour.",
        secret=True,
    ),
    FormField(
        "token_url",
        "Token URL",
        "Only where it differs from the default, https://zoom.us/oauth/token (on Zoom for "
        "Government https://zoomgov.com/oauth/token).",
        placeholder="https://zoom.us/oauth/token",
    ),
    FormField(
        "connect_timeout",
        "Connect time-out",
        "Seconds to wait for a connection to Zoom.",
        default=5,
        bounds={"exclusiveMinimum": 0},
    ),
    FormField(
        "timeout",
        "Reply time-out",
        "Seconds to wait for a reply of Zoom's.",
        default=30,
        bounds={"exclusiveMinimum": 0},
    ),
    FormField(
        "max_wait",
        "Longest wait",
        "Seconds that all retries of one call may take together.",
        default=300,
        bounds={"exclusiveMinimum": 0},
    ),
    FormField(
        "ca_bundle",
        "CA file",
        "A file of certificate authorities on the workers, such as /etc/ssl/certs/company.pem, for "
        "a proxy with a certificate of its own; empty means those of the system.",
        placeholder="/etc/ssl/certs/company.pem",
    ),
)


def get_provider_info() -> dict[str, Any]:
    """
    Describe this provider to Airflow.

    The last three keys say nothing to a running Airflow; the stricter of its two schemas, the one
    for ``provider.yaml`` files, asks for them.
    """
    integration = "Zoom"
    return {
        "package-name": "airflow-provider-zoom",
        "name": "Zoom",
        "description": f"`Zoom <{_API_REFERENCE}>`__: create people in it and look after them.",
        "integrations": [
            {
                "integration-name": integration,
                "external-doc-url": _API_REFERENCE,
                "tags": ["service"],
            }
        ],
        "operators": [
            {
                "integration-name": integration,
                "python-modules": [
                    "zoom_provider.operators.lifecycle",
                    "zoom_provider.operators.users",
                    "zoom_provider.transfers.sql",
                ],
            }
        ],
        "triggers": [
            {"integration-name": integration, "python-modules": ["zoom_provider.triggers.users"]}
        ],
        "hooks": [
            {"integration-name": integration, "python-modules": ["zoom_provider.hooks.zoom"]}
        ],
        "task-decorators": [
            {
                "name": "zoom_create_users",
                "class-name": "zoom_provider.decorators.users.zoom_create_users_task",
            }
        ],
        "connection-types": [
            {
                "connection-type": CONN_TYPE,
                "hook-class-name": HOOK_CLASS,
                "hook-name": HOOK_NAME,
                "ui-field-behaviour": {
                    key.replace("_", "-"): value for key, value in ui_field_behaviour().items()
                },
                "conn-fields": {field.name: _conn_field(field) for field in FORM_FIELDS},
            }
        ],
        "versions": [__version__],
        "state": "ready",
        "source-date-epoch": 0,
    }


def ui_field_behaviour() -> dict[str, Any]:
    """Say which standard fields are hidden and what the others are called, as hooks say it."""
    return {
        "hidden_fields": [field.name for field in STANDARD_FIELDS if not field.label],
        "relabeling": {field.name: field.label for field in STANDARD_FIELDS if field.label},
        "placeholders": {
            **{field.name: field.placeholder for field in STANDARD_FIELDS if field.placeholder},
            **{field.name: text for field in FORM_FIELDS if (text := placeholder(field))},
        },
    }


def placeholder(field: FormField) -> str:
    """Give the grey text of an empty field: its default, or else an example."""
    return field.placeholder if field.default is None else str(field.default)


def _conn_field(field: FormField) -> dict[str, Any]:
    # Each may be left empty, and the form then sends null.
    schema: dict[str, Any] = {
        "type": ["number" if field.bounds else "string", "null"],
        **(field.bounds or {}),
    }
    if field.default is not None:
        schema["default"] = field.default
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.secret:
        schema["format"] = "password"
    return {"label": field.label, "description": field.description, "schema": schema}
