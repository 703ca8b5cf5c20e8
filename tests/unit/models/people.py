"""A person to vary, and short ways to ask what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.user import parse_create_request

JANE = {"email": "jane@example.com", "type": 1}
PASSWORD = "Sesame42!open"
SUBSCRIPTION = {"license_type": "MEETING", "license_option": 2, "subscription_id": "SUBREF-a-1"}


def jane(**fields: object) -> dict[str, Any]:
    return JANE | fields


def refused(action: object, user_info: object) -> ZoomValidationError:
    with pytest.raises(ZoomValidationError) as caught:
        parse_create_request(action, user_info)
    return caught.value


def faults(user_info: object, action: object = "create") -> dict[str, list[str]]:
    return refused(action, user_info).errors


def sent(user_info: object, action: object = "create") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        json.dumps(parse_create_request(action, user_info).body()["user_info"])
    )
    return found


def short(value: object) -> str | None:
    """Name a case: pytest would write a huge value out, and choke on a broken one."""
    if isinstance(value, int) and abs(value) > 10**9:
        return "huge"
    return ascii(value)[:40] if not isinstance(value, dict | list) else None
