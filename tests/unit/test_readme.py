"""The tables of the README and the pages in docs/, against the code that they describe."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from itertools import chain

import pytest
from fastapi.routing import APIRoute

from tests.readme import PROJECT, TEXT, block, codes, table, text_of
from zoom_provider import exceptions
from zoom_provider.api.errors import build_error
from zoom_provider.api.rate_limit import PER_SECOND
from zoom_provider.api.response import Reply
from zoom_provider.get_provider_info import (
    FORM_FIELDS,
    STANDARD_FIELDS,
    get_provider_info,
)
from zoom_provider.models.user import Action, UserInfo
from zoom_provider.operators.lifecycle import (
    ZoomDeleteUserOperator,
    ZoomSetUserStatusOperator,
    ZoomUpdateUserOperator,
)
from zoom_provider.operators.users import ZoomCreateUserOperator, ZoomCreateUsersOperator
from zoom_provider.provisioning.report import FAILURES, Outcome
from zoom_provider.simulator.control import control
from zoom_provider.simulator.faults import KINDS
from zoom_provider.simulator.limits import CREATES_PER_DAY
from zoom_provider.simulator.settings import ALL_SCOPES, SimulatorSettings
from zoom_provider.simulator.world import World

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MOST = 200_000  # bytes of a picture
MOST_LINES = 300  # of the README

CONNECTION = "docs/connection.md"
LIFECYCLE = "docs/lifecycle.md"
OPERATORS = "docs/operators.md"
SCALE = "docs/scale.md"
SIMULATOR = "docs/simulator.md"
TROUBLESHOOTING = "docs/troubleshooting.md"


def test_the_readme_is_short_and_leads_to_every_guide() -> None:
    assert len(TEXT.splitlines()) <= MOST_LINES
    guides = {path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("docs/**/*.md")}
    # production.md leads to the policy; those in project/ only lead back to the root.
    elsewhere = {"docs/deprecation.md", *(guide for guide in guides if "/project/" in guide)}
    assert {guide for guide in guides if f"({guide}" not in TEXT} == elsewhere


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    inside = [link for link in links if "://" not in link]
    assert "CHANGELOG.md" in inside
    assert [link for link in inside if not (PROJECT / link).is_file()] == []


def test_every_picture_is_shown_and_small() -> None:
    shown = {
        path.parent / link
        for path in (PROJECT / "README.md", *PROJECT.glob("docs/**/*.md"))
        for link in re.findall(r"!\[[^]]*\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    }
    pictures = {path.resolve() for path in shown}
    assert pictures == {path.resolve() for path in PROJECT.glob("docs/images/*")}
    assert {path.name: size for path in pictures if (size := path.stat().st_size) > MOST} == {}
    assert {path.read_bytes()[:4] for path in pictures} == {b"\x89PNG"}


def test_every_exception_is_explained() -> None:
    rows = {codes(cells[0])[0]: cells for cells in table("| exception", page=TROUBLESHOOTING)}
    classes = {
        name: found
        for name, found in vars(exceptions).items()
        if inspect.isclass(found) and issubclass(found, exceptions.ZoomError)
    }
    assert set(rows) == set(classes)
    for name, cells in rows.items():
        parameters = inspect.signature(classes[name]).parameters
        attributes = [code.removeprefix(".") for code in codes(cells[0])[1:]]
        assert [a for a in attributes if a not in parameters] == [], name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (codes(cells[0])[0], int(code))
        for cells in table("| exception", page=TROUBLESHOOTING)
        for code in re.findall(r"\b\d{3,5}\b", cells[1])
        # These need more than the code: headers, and a look-up.
        if code != "429" and (code, codes(cells[0])[0]) != ("1005", "ZoomForeignAccountError")
    ],
)
def test_every_code_raises_the_exception_of_its_row(name: str, code: int) -> None:
    reply = Reply(401 if code == 124 else 400, {}, {"code": code, "message": "no"})
    error = build_error(reply, call="POST /v2/users", scope="user:write:user:admin", now=NOW)
    assert type(error).__name__ == name


def test_every_outcome_is_explained() -> None:
    rows = table("| outcome", page=OPERATORS)
    failures = {code: cells[2] == "yes" for cells in rows for code in codes(cells[0])}
    assert set(failures) == {outcome.value for outcome in Outcome}
    assert {name for name, failure in failures.items() if failure} == {o.value for o in FAILURES}


@pytest.mark.parametrize(
    ("page", "section", "operator"),
    [
        (OPERATORS, "## Create one user", ZoomCreateUserOperator),
        (OPERATORS, "## Create many users", ZoomCreateUsersOperator),
        (LIFECYCLE, "## Update a user", ZoomUpdateUserOperator),
        (LIFECYCLE, "## Activate or deactivate a user", ZoomSetUserStatusOperator),
        (LIFECYCLE, "## Remove a user", ZoomDeleteUserOperator),
    ],
)
def test_every_parameter_is_explained(page: str, section: str, operator: type) -> None:
    rows = table("| parameter", section, page=page)
    signature = inspect.signature(operator.__init__).parameters  # type: ignore[misc]
    ours = {name for name, p in signature.items() if p.kind is p.KEYWORD_ONLY}
    explained = {code: cells for cells in rows for code in codes(cells[0])}
    assert set(explained) == ours

    defaults = {name: codes(cells[1]) for name, cells in explained.items() if codes(cells[1])}
    defaults.pop("deferrable", None)  # Airflow's own
    assert defaults == {name: [str(signature[name].default)] for name in defaults}
    none = {name for name, cells in explained.items() if cells[1].startswith(("None", "False"))}
    assert [name for name in none if signature[name].default not in (None, False)] == []

    templated = {name for name, cells in explained.items() if "(templated)" in cells[2]}
    as_above = {name for name, cells in explained.items() if cells[2] == "as above"}
    fields = set(operator.template_fields)  # type: ignore[attr-defined]
    assert templated <= fields <= templated | as_above


def test_every_action_and_field_is_named() -> None:
    rows = table("| `action` | what", page=OPERATORS)
    assert [codes(cells[0])[0] for cells in rows] == [*Action]
    text = text_of(OPERATORS)
    fields = text[text.index("`user_info` takes") :].partition("Zoom's rules")[0]
    assert set(codes(fields)) == {"user_info", *UserInfo.model_fields}


def test_every_field_of_the_connection_is_named() -> None:
    rows = table("| field | value", page=CONNECTION)
    text = text_of(CONNECTION)
    labels = list(chain.from_iterable(cells[0].split(", ") for cells in rows))
    standard = {field.label for field in STANDARD_FIELDS if field.label}
    assert standard <= set(labels) <= standard | {field.label for field in FORM_FIELDS}
    others = [field.name for field in FORM_FIELDS if field.label not in labels]
    assert [name for name in others if f"`{name}`" not in text] == []
    for name in ("connect_timeout", "timeout", "max_wait"):
        [default] = [field.default for field in FORM_FIELDS if field.name == name]
        assert f"`{name}` ({default} s" in text


def test_the_limits_are_those_that_are_kept() -> None:
    rows = table("| plan |", page=SCALE)
    written = {cells[0]: [int(n.replace(",", "")) for n in cells[1:]] for cells in rows}
    kept = {
        plan: [limits["light"], limits["medium"], CREATES_PER_DAY[plan]]
        for plan, limits in PER_SECOND.items()
    }
    assert written == kept


def test_the_scopes_are_those_that_the_calls_need() -> None:
    sources = (PROJECT / "plugins" / "zoom_provider" / "api").glob("*.py")
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    needed = set(re.findall(r'"((?:user|group|role|billing):\w+:\w+:admin)"', code))
    written = [scope for cells in table("| scope", page=CONNECTION) for scope in codes(cells[0])]
    assert sorted(written) == sorted(needed)
    assert needed <= {*ALL_SCOPES}


def test_the_connection_to_the_local_zoom_is_the_one_it_starts_with() -> None:
    settings = SimulatorSettings()
    text = text_of(SIMULATOR)
    for value in (settings.client_id, settings.client_secret, settings.account_id):
        assert f"`{value}`" in text
    port = block("simulator").rpartition(" ")[2]
    for page in (TEXT, text):
        assert f"http://127.0.0.1:{port}`" in page


def test_every_call_to_control_the_local_zoom_is_listed() -> None:
    router = control(World(SimulatorSettings()))
    calls = {
        f"{method} {route.path.replace(':path', '')}"
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    rows = table("| call", page=SIMULATOR)
    assert {call for cells in rows for call in codes(cells[0])} == calls - {"GET /"}


def test_every_kind_of_fault_is_listed() -> None:
    rows = table("| kind", page=SIMULATOR)
    assert {kind for cells in rows for kind in codes(cells[0])} == set(KINDS)


def test_what_airflow_users_import_is_in_the_reference() -> None:
    reference = "".join(
        path.read_text(encoding="utf-8") for path in PROJECT.glob("docs/reference/*.rst")
    )
    info = get_provider_info()
    modules = [
        *("exceptions", "policies", "assets", "notifications"),
        *(
            module.removeprefix("zoom_provider.")
            for kind in ("operators", "hooks", "sensors", "transfers", "triggers")
            for group in info.get(kind, ())
            for module in group.get("python-modules", ())
        ),
    ]
    assert [name for name in modules if f"zoom_provider.{name}" not in reference] == []
