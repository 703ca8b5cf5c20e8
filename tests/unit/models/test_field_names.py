"""Fields that Zoom does not take at creation, and what the error says to do instead."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.models.people import JANE, faults, jane, short
from zoom_provider.models.validation import PATCH_ONLY

WITH_PATCH = "is set with PATCH after the person exists (ZoomHook.update_user), not at creation"


@pytest.mark.parametrize("field", sorted(PATCH_ONLY))
def test_profile_fields_come_later(field: str) -> None:
    [said] = faults(jane(**{field: "x"}))[f"user_info.{field}"]
    assert said.startswith(WITH_PATCH)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("department", f"is not a field of Zoom's; dept {WITH_PATCH}"),
        ("Department", f"dept {WITH_PATCH}"),
        ("jobTitle", WITH_PATCH),
        ("Job Title", WITH_PATCH),
        ("title", f"job_title {WITH_PATCH}"),
        ("job_titel", f"job_title {WITH_PATCH}"),
        ("mobile_phone", f"phone_numbers {WITH_PATCH}"),
        ("time_zone", f"timezone {WITH_PATCH}"),
        ("frist_name", "did you mean first_name?"),
        ("firstName", "did you mean first_name?"),
        ("Last Name", "did you mean last_name?"),
        ("surname", "did you mean last_name?"),
        ("e-mail", "did you mean email?"),
        ("work_email", "did you mean email?"),
        ("EMAIL", "did you mean email?"),
        ("Type", "did you mean type?"),
        ("pasword", "did you mean password?"),
        ("zoom_phone", "belongs in feature at creation: feature.zoom_phone"),
        ("zoom_one_type", "belongs in feature at creation: feature.zoom_one_type"),
        ("action", "belongs beside user_info"),
        ("role_id", "a role is assigned once the person exists"),
        ("role", "a role is assigned once the person exists"),
        ("groups", "a group takes its members once they exist"),
        ("id", "is given by Zoom"),
        ("quux", "is not a field of Zoom's: it takes display_name, division_ids, email"),
        ("", "is not a field of Zoom's: it takes"),
    ],
)
def test_unknown_fields_are_refused_with_what_was_meant(field: str, text: str) -> None:
    errors = faults(jane(**{field: "x"}))
    assert list(errors) == [f"user_info.{field}"]
    assert text in errors[f"user_info.{field}"][0]


@pytest.mark.parametrize(
    ("key", "path", "text"),
    [
        ("a\nb\x1b[0m", "user_info.a\\u000ab\\u001b[0m", "is not a field"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}x", "user_info.\\u202ex", "is not a field"),
        ("first_name" * 100_000, f"user_info.{('first_name' * 5)[:48]}…", "is not a field"),
        ("\ud800", "user_info", "holds a field whose name cannot be sent"),
        (5, "user_info", "holds a field whose name is not a string"),
        (None, "user_info", "holds a field whose name is not a string"),
        ((1, 2), "user_info", "holds a field whose name is not a string"),
        (b"email", "user_info", "holds a field whose name is not a string"),
    ],
    ids=short,
)
@pytest.mark.parametrize("nested", [False, True])
def test_odd_field_names(key: Any, path: str, text: str, nested: bool) -> None:
    given: dict[Any, Any] = jane(feature={key: 1}) if nested else {**JANE, key: 1}
    errors = faults(given)
    assert list(errors) == [path.replace("user_info", "user_info.feature") if nested else path]
    assert all(text in said for [said] in errors.values())
