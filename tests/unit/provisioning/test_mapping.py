"""A mapping that means nothing is refused before a row is read, and the error names the field."""

from __future__ import annotations

from typing import Any

import pytest

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning.mapping import check_mapping

FULL: dict[str, Any] = {
    "email": "Work Email",
    "type": {"column": "Department", "map": {"Sales": 2}, "default": 1},
}


@pytest.mark.parametrize(
    "mapping",
    [
        None,
        {},
        {"email": "Work Email", "type": 1},
        FULL,
        FULL | {"first_name": {"column": "First", "optional": True}},
        FULL | {"last_name": {"value": "text"}},
        FULL | {"type": {"column": "a", "map": {"x": 1, " X": 1, "": 2}}},
        FULL | {"division_ids": ["a"], "feature": {"value": {"zoom_phone": True}}},
        {"email": {"column": "Mail"}, "type": {"value": 2}},
    ],
)
def test_what_can_make_people_is_taken(mapping: Any) -> None:
    check_mapping(mapping)


@pytest.mark.parametrize(
    ("mapping", "field", "says"),
    [
        ("email", "mapping", "object"),
        (["email"], "mapping", "object"),
        (5, "mapping", "object"),
        ({"type": 1}, "mapping.email", "missing"),
        ({"email": "Mail"}, "mapping.type", "missing"),
        (FULL | {"first_nam": "First"}, "mapping.first_nam", "did you mean first_name?"),
        (FULL | {"dept": "Department"}, "mapping.dept", ""),
        (FULL | {1: "Department"}, "mapping.1", ""),
        (FULL | {"\n": "Department"}, r"mapping.\u000a", ""),
        (FULL | {"email": None}, "mapping.email", "no source"),
        (FULL | {"email": ""}, "mapping.email", "no source"),
        (FULL | {"type": {}}, "mapping.type", '"column" or "value"'),
        (FULL | {"type": {"map": {"a": 1}}}, "mapping.type", '"column" or "value"'),
        (FULL | {"type": {"column": "a", "value": 1}}, "mapping.type", '"column" or "value"'),
        (FULL | {"type": {"value": 1, "default": 2}}, "mapping.type", "stands alone"),
        (FULL | {"type": {"colum": "a"}}, "mapping.type", "'colum'"),
        (FULL | {"type": {"column": "a", "map": [1]}}, "mapping.type", '"map"'),
        (FULL | {"type": {"column": "a", "map": "x"}}, "mapping.type", '"map"'),
        (FULL | {"type": {"column": "a", "map": None}}, "mapping.type", '"map"'),
        (FULL | {"type": {"column": "a", "map": {"x": 1, " X": 2}}}, "mapping.type", "' X' stands"),
        (FULL | {"type": {"column": "a", "map": {1: 1, "1": 2}}}, "mapping.type", "'1' stands"),
        (FULL | {"type": {"column": ["a"]}}, "mapping.type", '"column"'),
        (FULL | {"type": {"column": ""}}, "mapping.type", '"column"'),
        (FULL | {"type": {"column": 1}}, "mapping.type", '"column"'),
        (FULL | {"type": {"column": "a", "optional": "no"}}, "mapping.type", '"optional"'),
    ],
)
def test_nonsense_is_refused_by_field(mapping: Any, field: str, says: str) -> None:
    with pytest.raises(ZoomValidationError) as raised:
        check_mapping(mapping)
    assert list(raised.value.errors) == [field]
    assert field in str(raised.value)
    assert says in str(raised.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ZoomValidationError) as raised:
        check_mapping({"email": None, "dept": 1})
    assert list(raised.value.errors) == ["mapping.type", "mapping.email", "mapping.dept"]
