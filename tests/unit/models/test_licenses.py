"""Plans, licences and divisions: what Zoom has none of, and that its reference is all known."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.requires import require
from tests.unit.models.people import SUBSCRIPTION, faults, jane
from zoom_provider.models.licenses import (
    LICENSE_OPTIONS,
    PLAN_UNITED_TYPES,
    ZOOM_ONE_TYPES,
    Feature,
)
from zoom_provider.models.rules import UserType
from zoom_provider.models.user import Action, UserInfo
from zoom_provider.models.validation import PATCH_ONLY

NOT_ONE_TYPE = "is not a value of Zoom's zoom_one_type"
UNITED = 'must be one of Zoom\'s values, the powers of two from "1" to "131072"'


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"feature": []}, {"feature": "must be an object"}),
        ({"feature": "zoom_phone"}, {"feature": "must be an object"}),
        ({"feature": {"zoom_phone": 1}}, {"feature.zoom_phone": "must be true or false"}),
        ({"feature": {"zoom_phone": "true"}}, {"feature.zoom_phone": "must be true or false"}),
        ({"feature": {"zoom_one_type": 17}}, {"feature.zoom_one_type": NOT_ONE_TYPE}),
        ({"feature": {"zoom_one_type": 10**5000}}, {"feature.zoom_one_type": NOT_ONE_TYPE}),
        ({"feature": {"zoom_one_type": 2}}, {"feature.zoom_one_type": NOT_ONE_TYPE}),
        ({"feature": {"zoom_one_type": 16.0}}, {"feature.zoom_one_type": "must be a whole number"}),
        ({"feature": {"zoom_one_type": True}}, {"feature.zoom_one_type": "must be a whole number"}),
        ({"feature": {"zoom_one_type": ""}}, {"feature.zoom_one_type": "must be a whole number"}),
        (
            {"feature": {"zoom_one_type": 72057594037927940}},
            {
                "feature.zoom_one_type": "is rounded, as in Zoom's published reference: "
                "write 72057594037927936"
            },
        ),
        (
            {"feature": {"zoom_one_type": 144115188075855870}},
            {
                "feature.zoom_one_type": "is rounded, as in Zoom's published reference: "
                "write 144115188075855872"
            },
        ),
        (
            {"feature": {"zoom_fone": True}},
            {"feature.zoom_fone": "is not a field of Zoom's here: did you mean zoom_phone?"},
        ),
        (
            {"feature": {"webinar": True}},
            {
                "feature.webinar": "is not a field of Zoom's here: "
                "it takes zoom_one_type, zoom_phone"
            },
        ),
        ({"plan_united_type": "3"}, {"plan_united_type": UNITED}),
        ({"plan_united_type": "262144"}, {"plan_united_type": UNITED}),
        ({"plan_united_type": "none"}, {"plan_united_type": UNITED}),
        ({"plan_united_type": True}, {"plan_united_type": UNITED}),
        ({"plan_united_type": ""}, {"plan_united_type": UNITED}),
        ({"division_ids": "d1"}, {"division_ids": "must be a list"}),
        ({"division_ids": {"d1": 1}}, {"division_ids": "must be a list"}),
        ({"division_ids": ["a", "b"]}, {"division_ids": "must not have more than 1 entry"}),
        ({"division_ids": [1]}, {"division_ids[0]": "must be a string"}),
        ({"division_ids": [None]}, {"division_ids[0]": "is required"}),
        ({"division_ids": [" "]}, {"division_ids[0]": "must not be empty"}),
        ({"division_ids": ["a\nb"]}, {"division_ids[0]": "must not hold control characters"}),
        ({"license_info_list": SUBSCRIPTION}, {"license_info_list": "must be a list"}),
        ({"license_info_list": [None]}, {"license_info_list[0]": "must be an object"}),
        (
            {"license_info_list": [SUBSCRIPTION] * 3},
            {"license_info_list": "must not have more than 2 entries"},
        ),
        (
            {"license_info_list": [SUBSCRIPTION, {}]},
            {
                "license_info_list[1].license_type": "is required",
                "license_info_list[1].license_option": "is required",
                "license_info_list[1].subscription_id": "is required",
            },
        ),
        (
            {"license_info_list": [dict.fromkeys(SUBSCRIPTION)]},
            {
                "license_info_list[0].license_type": "is required",
                "license_info_list[0].license_option": "is required",
                "license_info_list[0].subscription_id": "is required",
            },
        ),
        (
            {"license_info_list": [SUBSCRIPTION | {"license_type": "meeting"}]},
            {"license_info_list[0].license_type": "must be MEETING or ZOOM_WORKPLACE_BUNDLE"},
        ),
        (
            {"license_info_list": [SUBSCRIPTION | {"license_option": 16}]},
            {
                "license_info_list[0].license_option": "is not a value of Zoom's license_option "
                "for MEETING"
            },
        ),
        (
            {"license_info_list": [SUBSCRIPTION | {"license_type": "x", "license_option": 3}]},
            {
                "license_info_list[0].license_type": "must be MEETING or ZOOM_WORKPLACE_BUNDLE",
                "license_info_list[0].license_option": "is not a value of Zoom's license_option",
            },
        ),
        (
            {"license_info_list": [SUBSCRIPTION | {"subscription": "x"}]},
            {
                "license_info_list[0].subscription": "is not a field of Zoom's here: "
                "did you mean subscription_id?"
            },
        ),
    ],
)
def test_plans_licences_and_divisions(fields: dict[str, Any], expected: dict[str, str]) -> None:
    assert faults(jane(**fields)) == {f"user_info.{path}": [t] for path, t in expected.items()}


def test_the_fields_are_those_of_zooms_reference() -> None:
    path = os.environ.get("ZOOM_OPENAPI", "")
    require("Zoom's API description", path, "let ZOOM_OPENAPI name a copy of it")
    paths = json.loads(Path(path).read_text())["paths"]

    def properties(of: dict[str, Any]) -> dict[str, Any]:
        schema = of["requestBody"]["content"]["application/json"]["schema"]
        return dict(schema["properties"])

    create = properties(paths["/users"]["post"])
    patch = properties(paths["/users/{userId}"]["patch"])
    user_info = create["user_info"]["properties"]
    license_info = user_info["license_info_list"]["items"]["properties"]

    def exact(values: list[int]) -> set[int]:
        """Undo the rounding of what does not fit into a double."""
        rounded = {
            72057594037927940: 72057594037927936,
            144115188075855870: 144115188075855872,
            576460752303423500: 576460752303423488,
        }
        return {rounded.get(value, value) for value in values}

    assert set(create["action"]["enum"]) == set(Action)
    assert set(user_info) == set(UserInfo.model_fields)
    assert set(user_info["type"]["enum"]) == set(UserType) - {UserType.ON_PREM}
    assert set(user_info["feature"]["properties"]) == set(Feature.model_fields)
    one_types = user_info["feature"]["properties"]["zoom_one_type"]["enum"]
    assert exact(one_types) == ZOOM_ONE_TYPES
    assert set(user_info["plan_united_type"]["enum"]) == PLAN_UNITED_TYPES
    assert set(license_info["license_type"]["enum"]) == set(LICENSE_OPTIONS)
    assert exact(license_info["license_option"]["enum"]) == set().union(*LICENSE_OPTIONS.values())
    assert set(patch) - set(user_info) - {"zoom_one_type"} == PATCH_ONLY
