"""The README's tables and links, against what they speak of."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from itertools import chain

import pytest

from tests.readme import PROJECT, TEXT, block, codes, table
from zoom_provider import exceptions
from zoom_provider.api.errors import build_error
from zoom_provider.api.rate_limit import PER_SECOND
from zoom_provider.api.response import Reply
from zoom_provider.get_provider_info import FORM_FIELDS, STANDARD_FIELDS
from zoom_provider.models.user import Action, UserInfo
from zoom_provider.operators.users import ZoomCreateUserOperator, ZoomCreateUsersOperator
from zoom_provider.provisioning.report import FAILURES, Outcome
from zoom_provider.simulator.limits import CREATES_PER_DAY
from zoom_provider.simulator.settings import ALL_SCOPES, SimulatorSettings

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MOST = 200_000  # bytes of a picture


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    inside = [link for link in links if "://" not in link]
    assert "CHANGELOG.md" in inside
    assert [link for link in inside if not (PROJECT / link).is_file()] == []
    pictures = [PROJECT / link for link in inside if link.endswith(".png")]
    assert len(pictures) == 4
    assert {path.name: size for path in pictures if (size := path.stat().st_size) > MOST} == {}
    assert {path.read_bytes()[:4] for path in pictures} == {b"\x89PNG"}


def test_every_exception_is_explained() -> None:
    told = {codes(cells[0])[0]: cells for cells in table("| exception")}
    classes = {
        name: found
        for name, found in vars(exceptions).items()
        if inspect.isclass(found) and issubclass(found, exceptions.ZoomError)
    }
    assert set(told) == set(classes)
    for name, cells in told.items():
        parameters = inspect.signature(classes[name]).parameters
        attributes = [code.removeprefix(".") for code in codes(cells[0])[1:]]
        assert [a for a in attributes if a not in parameters] == [], name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (codes(cells[0])[0], int(code))
        for cells in table("| exception")
        for code in re.findall(r"\b\d{3,5}\b", cells[1])
        # Both of these are told apart by more than the code: headers, and a look-up.
        if code != "429" and (code, codes(cells[0])[0]) != ("1005", "ZoomForeignAccountError")
    ],
)
def test_every_code_raises_what_the_readme_says(name: str, code: int) -> None:
    reply = Reply(401 if code == 124 else 400, {}, {"code": code, "message": "no"})
    error = build_error(reply, call="POST /v2/users", scope="user:write:user:admin", now=NOW)
    assert type(error).__name__ == name


def test_every_outcome_is_explained() -> None:
    told = {code: cells[2] == "yes" for cells in table("| outcome") for code in codes(cells[0])}
    assert set(told) == {outcome.value for outcome in Outcome}
    assert {name for name, failure in told.items() if failure} == {o.value for o in FAILURES}


@pytest.mark.parametrize(
    ("section", "operator"),
    [
        ("## Create one person", ZoomCreateUserOperator),
        ("## Create many people", ZoomCreateUsersOperator),
    ],
)
def test_every_parameter_is_explained(section: str, operator: type) -> None:
    rows = table("| parameter", section)
    signature = inspect.signature(operator.__init__).parameters  # type: ignore[misc]
    ours = {name for name, p in signature.items() if p.kind is p.KEYWORD_ONLY}
    told = {code: cells for cells in rows for code in codes(cells[0])}
    assert set(told) == ours

    defaults = {name: codes(cells[1]) for name, cells in told.items() if codes(cells[1])}
    defaults.pop("deferrable", None)  # Airflow's own
    assert defaults == {name: [str(signature[name].default)] for name in defaults}
    none = {name for name, cells in told.items() if cells[1].startswith(("None", "False"))}
    assert [name for name in none if signature[name].default not in (None, False)] == []

    templated = {name for name, cells in told.items() if "(templated)" in cells[2]}
    as_above = {name for name, cells in told.items() if cells[2] == "as above"}
    fields = set(operator.template_fields)  # type: ignore[attr-defined]
    assert templated <= fields <= templated | as_above


def test_every_action_and_field_is_named() -> None:
    assert [codes(cells[0])[0] for cells in table("| `action` | what")] == [*Action]
    fields = TEXT[TEXT.index("`user_info` takes") :].partition("Zoom's rules")[0]
    assert set(codes(fields)) == {"user_info", *UserInfo.model_fields}


def test_every_field_of_the_connection_is_named() -> None:
    rows = table("| field | value")
    labels = list(chain.from_iterable(cells[0].split(", ") for cells in rows))
    standard = {field.label for field in STANDARD_FIELDS if field.label}
    assert standard <= set(labels) <= standard | {field.label for field in FORM_FIELDS}
    others = [field.name for field in FORM_FIELDS if field.label not in labels]
    assert [name for name in others if f"`{name}`" not in TEXT] == []
    for name in ("connect_timeout", "timeout", "max_wait"):
        [default] = [field.default for field in FORM_FIELDS if field.name == name]
        assert f"`{name}` ({default} s" in TEXT


def test_the_limits_are_those_that_are_kept() -> None:
    told = {cells[0]: [int(n.replace(",", "")) for n in cells[1:]] for cells in table("| plan |")}
    kept = {
        plan: [limits["light"], limits["medium"], CREATES_PER_DAY[plan]]
        for plan, limits in PER_SECOND.items()
    }
    assert told == kept


def test_the_scopes_are_those_that_zoom_knows() -> None:
    told = [scope for cells in table("| scope") for scope in codes(cells[0])]
    assert sorted(told) == sorted({*ALL_SCOPES} - {"user:read:email:admin"})


def test_the_local_zoom_is_told_as_it_starts() -> None:
    settings = SimulatorSettings()
    section = TEXT[TEXT.index("## A local Zoom") :]
    for value in (settings.client_id, settings.client_secret, settings.account_id):
        assert f"`{value}`" in section
    port = block("simulator").rpartition(" ")[2]
    assert section.count(f"http://127.0.0.1:{port}") == 2
