"""What Airflow learns of the provider: valid by its schemas, and naming things that exist."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.providers.common.compat.sdk import redact

from zoom_provider.get_provider_info import CONN_TYPE, FORM_FIELDS, get_provider_info

AIRFLOW_3 = airflow.__version__ >= "3"
# Airflow 2's schema demands this key, Airflow 3's refuses it: in Airflow 2 a release's
# dependencies stood in the file that the schema is for. It is packaging data, not ours to give.
ONLY_IN_AIRFLOW_2: dict[str, Any] = {} if AIRFLOW_3 else {"dependencies": []}


def schema_of(name: str) -> Any:
    return json.loads((Path(airflow.__file__).parent / name).read_text(encoding="utf-8"))


@pytest.fixture
def conn_fields() -> dict[str, Any]:
    (connection_type,) = get_provider_info()["connection-types"]
    assert connection_type["connection-type"] == CONN_TYPE
    fields: dict[str, Any] = connection_type["conn-fields"]
    return fields


def test_provider_info_is_valid_at_run_time() -> None:
    jsonschema.validate(get_provider_info(), schema_of("provider_info.schema.json"))


def test_provider_info_is_valid_as_a_provider_file() -> None:
    jsonschema.validate(
        get_provider_info() | ONLY_IN_AIRFLOW_2, schema_of("provider.yaml.schema.json")
    )


def test_provider_info_names_only_existing_modules() -> None:
    info = get_provider_info()
    entries = [*info["operators"], *info["hooks"]]
    modules = [module for entry in entries for module in entry["python-modules"]]
    assert modules
    for module in modules:
        importlib.import_module(module)
    for connection_type in info["connection-types"]:
        module, _, name = connection_type["hook-class-name"].rpartition(".")
        hook = getattr(importlib.import_module(module), name)
        assert hook.conn_type == connection_type["connection-type"]
        assert hook.hook_name == connection_type["hook-name"]


def test_integrations_are_those_that_are_declared() -> None:
    info = get_provider_info()
    declared = {entry["integration-name"] for entry in info["integrations"]}
    used = {entry["integration-name"] for entry in (*info["operators"], *info["hooks"])}
    assert used == declared


def test_provider_info_imports_nothing_heavy() -> None:
    """Every Airflow component calls this at its start, whether it has to do with Zoom or not."""
    program = (
        "import sys; before = set(sys.modules);"
        "from zoom_provider.get_provider_info import get_provider_info; get_provider_info();"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    ours = {"zoom_provider", "zoom_provider.get_provider_info"}
    light = {"__future__", "typing", "collections", "functools", "re", "operator", "contextlib"}
    loaded = {name for name in done.stdout.split() if name.split(".")[0].lstrip("_") not in light}
    assert ours <= loaded
    heavy = {name.split(".")[0] for name in loaded - ours} - set(sys.stdlib_module_names)
    assert heavy == set()


@pytest.mark.skipif(not AIRFLOW_3, reason="Airflow 2 takes the form from the hook")
def test_airflow_offers_the_form(conn_fields: dict[str, Any]) -> None:
    """Each default is a value that the field's own schema allows, in Airflow's own check."""
    from airflow.sdk import Param

    for name, field in conn_fields.items():
        schema = dict(field["schema"])
        default = schema.pop("default", None)
        assert Param(default, **schema).resolve() == default, name


@pytest.mark.parametrize(
    ("name", "values", "accepted"),
    [
        ("plan", ("free", "pro", "business"), True),
        ("plan", ("enterprise", "PRO", 1), False),
        ("grant_type", ("account_credentials", "refresh_token", "access_token"), True),
        ("grant_type", ("client_credentials",), False),
        ("rate_share", (0.01, 0.5, 1, None), True),
        ("rate_share", (0, -1, 1.5, "half"), False),
        ("timeout", (0.5, 30, None), True),
        ("timeout", (0, -1, "long"), False),
    ],
)
def test_form_refuses_what_settings_refuse(
    conn_fields: dict[str, Any], name: str, values: tuple[Any, ...], accepted: bool
) -> None:
    validator = jsonschema.Draft7Validator(conn_fields[name]["schema"])
    assert {value: validator.is_valid(value) for value in values} == dict.fromkeys(values, accepted)


def test_secrets_are_named_so_that_airflow_redacts_them() -> None:
    """``format: password`` masks the form only; stored extras are redacted by their names."""
    stored = {field.name: "recognisable" for field in FORM_FIELDS if field.secret}
    assert set(stored) == {"access_token", "refresh_token"}
    assert redact(stored) == dict.fromkeys(stored, "***")
