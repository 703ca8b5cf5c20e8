"""
What Zoom checks in a request before it looks at the account.

Each function raises the error that Zoom would answer with. Unknown fields are passed over, as
Zoom does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import pairwise
from typing import Any, TypeGuard

from zoom_provider.simulator.errors import ApiError, invalid

ACTIONS = ("create", "autoCreate", "custCreate", "ssoCreate")
PLAN_UNITED = frozenset(str(1 << n) for n in range(18))
ZOOM_ONE = frozenset(
    {16, 32, 64, 128, 1 << 42, 1 << 54, 1 << 56, 1 << 57, 1 << 59}
    | {1 << n for n in (25, 27, 28, 29, 30, *range(32, 42))}
)
LICENSES = {"MEETING": frozenset({2}), "ZOOM_WORKPLACE_BUNDLE": ZOOM_ONE | {4, 8}}

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NAMES = {"first_name": (64, 5), "last_name": (64, 5), "display_name": (128, 10)}
# Fields that PATCH takes as text, with their greatest length where Zoom names one.
PROFILE_TEXTS: Mapping[str, int | None] = {
    "about_me": 150,
    "cms_user_id": None,
    "company": 255,
    "cost_center": None,
    "dept": None,
    "job_title": 128,
    "language": None,
    "linkedin_url": None,
    "location": 256,
    "manager": None,
    "phone_country": None,
    "phone_number": None,
    "pronouns": None,
    "timezone": None,
    "vanity_name": None,
}
_LINK = re.compile(r"https?://|www\.|<[a-z/]", re.IGNORECASE)
PROFILE_LISTS = {"custom_attributes": 5, "phone_numbers": 3, "division_ids": 1}


def as_object(data: Any) -> dict[str, Any]:
    """Insist on a JSON object."""
    if not isinstance(data, dict):
        raise ApiError("not_an_object")
    return data


def check_create(data: Any, subscriptions: Collection[str]) -> tuple[str, dict[str, Any]]:
    """
    Check the body of POST /users.

    :return: the action and the ``user_info``
    """
    body = as_object(data)
    user = as_object(body.get("user_info", {}))
    action = body.get("action")
    errors = [
        {"field": field, "message": "Missing field."}
        for field, value in (
            ("action", action),
            ("user_info.email", user.get("email")),
            ("user_info.type", user.get("type")),
        )
        if value is None or value == ""
    ]
    if errors:
        raise ApiError("validation", errors=errors)
    if _is_number(user["type"]) and user["type"] == 3:
        raise ApiError("on_prem")
    wrong = [*_wrong_in_create(action, user), *_wrong_names(user)]
    if wrong:
        raise invalid(*(f if f == "action" else f"user_info.{f}" for f in wrong))
    if action == "autoCreate" and "password" in user and not good_password(user["password"]):
        raise ApiError("password")
    check_plan(user, PLAN_UNITED)
    check_licenses(user, subscriptions, "user_info.")
    return str(action), user


def check_update(data: Any, subscriptions: Collection[str]) -> dict[str, Any]:
    """Check the body of PATCH /users/{userId}."""
    body = as_object(data)
    if "type" in body and ("plan_united_type" in body or "zoom_one_type" in body):
        raise ApiError("two_types")
    if body.get("type") == 3 and _is_number(body["type"]):
        raise ApiError("on_prem")
    wrong = [*_wrong_in_update(body), *_wrong_names(body)]
    if wrong:
        raise invalid(*wrong)
    if _LINK.search(body.get("about_me", "")):
        raise ApiError("about_me")
    if body.get("linkedin_url") and "linkedin.com" not in body["linkedin_url"]:
        raise ApiError("linkedin_url")
    check_plan(body, PLAN_UNITED | {"none"})
    check_licenses(body, subscriptions, "")
    return body


def check_plan(fields: Mapping[str, Any], known: Collection[str]) -> None:
    """Check ``plan_united_type``, which is text even though it looks like a number."""
    if "plan_united_type" in fields:
        plan = fields["plan_united_type"]
        if not isinstance(plan, str) or plan not in known:
            raise ApiError("plan_united")


def check_licenses(fields: Mapping[str, Any], subscriptions: Collection[str], where: str) -> None:
    """Check ``license_info_list``."""
    licenses = fields.get("license_info_list", [])
    if not isinstance(licenses, list) or len(licenses) > 2:
        raise invalid(f"{where}license_info_list")
    for number, item in enumerate(licenses):
        if not _is_license(item):
            raise invalid(f"{where}license_info_list[{number}]")
        if item["subscription_id"] not in subscriptions:
            raise ApiError("subscription", subscription=item["subscription_id"])


def good_password(password: Any) -> bool:
    """Return whether a password meets Zoom's basic rules."""
    if not isinstance(password, str) or not 8 <= len(password) <= 32:
        return False
    kinds = (str.isupper, str.islower, str.isdigit)
    varied = all(any(kind(char) for char in password) for kind in kinds)
    return varied and not _has_run(password.lower())


def good_email(email: Any) -> TypeGuard[str]:
    """Return whether this is an e-mail address of the length that Zoom takes."""
    return isinstance(email, str) and len(email) <= 128 and _EMAIL.fullmatch(email) is not None


def _wrong_in_create(action: Any, user: Mapping[str, Any]) -> Iterator[str]:
    if action not in ACTIONS:
        yield "action"
    if not good_email(user["email"]):
        yield "email"
    allowed = (1, 2, 4, 99) if action == "ssoCreate" else (1, 2, 4)
    if not _is_number(user["type"]) or user["type"] not in allowed:
        yield "type"
    if not _is_list_of(user.get("division_ids", []), 1, _ITEMS["division_ids"]):
        yield "division_ids"
    feature = user.get("feature", {})
    if not isinstance(feature, dict):
        yield "feature"
        return
    if not isinstance(feature.get("zoom_phone", False), bool):
        yield "feature.zoom_phone"
    if "zoom_one_type" in feature and not _is_one_of(feature["zoom_one_type"], ZOOM_ONE):
        yield "feature.zoom_one_type"


def _wrong_in_update(body: Mapping[str, Any]) -> Iterator[str]:
    for name, longest in PROFILE_TEXTS.items():
        if name in body and not _is_text(body[name], longest):
            yield name
    for name, most in PROFILE_LISTS.items():
        if name in body and not _is_list_of(body[name], most, _ITEMS[name]):
            yield name
    if "type" in body and not _is_one_of(body["type"], {1, 2, 4, 99}):
        yield "type"
    if "zoom_one_type" in body and not _is_one_of(body["zoom_one_type"], ZOOM_ONE | {0}):
        yield "zoom_one_type"
    yield from _wrong_meeting_fields(body)


def _wrong_meeting_fields(body: Mapping[str, Any]) -> Iterator[str]:
    host_key = body.get("host_key", "000000")
    if not (isinstance(host_key, str) and 6 <= len(host_key) <= 10):
        yield "host_key"
    if not _is_number(pmi := body.get("pmi", 10**9)) or not 10**9 <= pmi < 10**10:
        yield "pmi"
    if not isinstance(body.get("use_pmi", False), bool):
        yield "use_pmi"
    if not _is_one_of(body.get("pronouns_option", 1), {1, 2, 3}):
        yield "pronouns_option"


def _wrong_names(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, (longest, most_han) in _NAMES.items():
        value = fields.get(name, "")
        if not _is_text(value, longest) or len(_HAN.findall(value)) > most_han:
            yield name


def _is_text(value: Any, longest: int | None) -> bool:
    return isinstance(value, str) and (longest is None or len(value) <= longest)


def _is_list_of(value: Any, most: int, good: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and len(value) <= most and all(map(good, value))


def _is_attribute(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("key"), str) and bool(item["key"])


def _is_phone(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and all(isinstance(value, str | bool) for value in item.values())
        and item.get("label", "Mobile") in ("Mobile", "Office", "Home", "Fax")
        and bool(item.get("number"))
    )


_ITEMS: Mapping[str, Callable[[Any], bool]] = {
    "custom_attributes": _is_attribute,
    "phone_numbers": _is_phone,
    "division_ids": lambda item: isinstance(item, str),
}


def _is_number(value: Any) -> bool:
    # True is a number in Python and is not one in JSON.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_one_of(value: Any, known: Collection[int]) -> bool:
    return _is_number(value) and value in known


def _is_license(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("subscription_id"), str)
        and isinstance(item.get("license_type"), str)
        and _is_one_of(item.get("license_option"), LICENSES.get(item["license_type"], ()))
    )


def _has_run(text: str, length: int = 4) -> bool:
    """Look for letters or digits that follow one another, such as 1234 or abcd."""
    run = 1
    for before, char in pairwise(text):
        follows = ord(char) == ord(before) + 1 and char.isalnum() and before.isalnum()
        run = run + 1 if follows else 1
        if run >= length:
            return True
    return False
