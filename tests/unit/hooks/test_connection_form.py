"""One form, described twice: provider info and widgets say the same."""

from __future__ import annotations

import importlib.util
from html.parser import HTMLParser
from typing import Any

import pytest
from airflow.providers_manager import ProvidersManager

from tests.support import AIRFLOW
from zoom_provider.api.settings import ZoomSettings, settings_from_fields
from zoom_provider.get_provider_info import FORM_FIELDS, STANDARD_FIELDS, get_provider_info
from zoom_provider.hooks.connection_form import get_ui_field_behaviour
from zoom_provider.hooks.zoom import ZoomHook

needs_widgets = pytest.mark.skipif(
    importlib.util.find_spec("flask_appbuilder") is None,
    reason="the widgets of Airflow 2 come with its web server",
)
CONNECTION_TYPE = get_provider_info()["connection-types"][0]


class Form(HTMLParser):
    """The form's fields as a browser would understand them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, Any]] = {}
        self._name = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("input", "select"):
            self._name = given.get("name") or ""
            self.fields[self._name] = {
                "kind": given.get("type", "select"),
                "value": given.get("value"),
                "options": [],
            }
        if tag == "option":
            self.fields[self._name]["options"].append(given["value"])
            if "selected" in given:
                self.fields[self._name]["value"] = given["value"]


@pytest.fixture
def bound() -> Any:
    """Give Airflow 2's form, bound to what may have been sent with it."""
    from flask import Flask
    from flask_babel import Babel
    from werkzeug.datastructures import MultiDict
    from wtforms import Form as WebForm

    form_class = type("ZoomForm", (WebForm,), ZoomHook.get_connection_form_widgets())
    app = Flask(__name__)
    Babel(app)
    with app.app_context():
        yield lambda sent=None: form_class(None if sent is None else MultiDict(sent))


def conn_fields() -> dict[str, Any]:
    fields: dict[str, Any] = CONNECTION_TYPE["conn-fields"]
    return fields


def test_every_setting_has_its_field() -> None:
    """Adding a setting without a field, or a field that nothing reads, fails here."""
    from_standard_fields = {"client_id", "client_secret", "origin"}
    settings = set(ZoomSettings.__dataclass_fields__) - from_standard_fields
    assert {field.name for field in FORM_FIELDS} == settings


def test_defaults_are_what_an_empty_field_means() -> None:
    needed = {"account_id": "an-account"}
    empty = settings_from_fields(login="id", password="pass", host=None, port=None, extra=needed)
    stored = {name: field["schema"].get("default") for name, field in conn_fields().items()}
    filled = settings_from_fields(
        login="id", password="pass", host=None, port=None, extra=stored | needed
    )
    assert filled == empty


def test_standard_fields_have_plain_labels() -> None:
    assert CONNECTION_TYPE["ui-field-behaviour"]["relabeling"] == {
        "login": "Client ID",
        "password": "Client Secret",
        "host": "API address",
        "port": "Port",
    }
    assert CONNECTION_TYPE["ui-field-behaviour"]["hidden-fields"] == ["schema", "extra"]
    assert conn_fields()["account_id"]["label"] == "Account ID"


def test_both_say_the_same_of_the_standard_fields() -> None:
    said = CONNECTION_TYPE["ui-field-behaviour"]
    assert get_ui_field_behaviour() == {
        "hidden_fields": said["hidden-fields"],
        "relabeling": said["relabeling"],
        "placeholders": said["placeholders"],
    }
    named = {field.name for field in (*STANDARD_FIELDS, *FORM_FIELDS)}
    assert set(said["placeholders"]) <= named


def test_placeholders_show_the_defaults() -> None:
    placeholders = CONNECTION_TYPE["ui-field-behaviour"]["placeholders"]
    defaults = {
        name: str(field["schema"]["default"])
        for name, field in conn_fields().items()
        if "default" in field["schema"]
    }
    assert defaults.keys() == {
        "plan", "rate_share", "grant_type", "connect_timeout", "timeout", "max_wait",
    }  # fmt: skip
    assert {name: placeholders[name] for name in defaults} == defaults


@needs_widgets
def test_both_have_the_same_fields(bound: Any) -> None:
    """Names, labels, descriptions, defaults, choices, secrecy and order."""
    form = bound()
    shown = Form("".join(str(field()) for field in form)).fields
    widgets = [
        {
            "name": field.name,
            "label": str(field.label.text),
            "description": field.description,
            "default": field.default,
            "choices": shown[field.name]["options"],
            "secret": shown[field.name]["kind"] == "password",
        }
        for field in form
    ]
    said = [
        {
            "name": name,
            "label": field["label"],
            "description": field["description"],
            "default": str(default) if (default := field["schema"].get("default")) else None,
            "choices": field["schema"].get("enum", []),
            "secret": field["schema"].get("format") == "password",
        }
        for name, field in conn_fields().items()
    ]
    assert widgets == said


@needs_widgets
def test_a_drop_down_shows_the_stored_value(bound: Any) -> None:
    fresh = Form(str(bound().plan())).fields["plan"]
    stored = Form(str(bound({"plan": "business"}).plan())).fields["plan"]
    assert (fresh["kind"], fresh["value"], stored["value"]) == ("select", "pro", "business")


@needs_widgets
def test_a_drop_down_escapes_what_it_is_given(bound: Any) -> None:
    html = str(bound().plan(title='"><script>'))
    assert "<script>" not in html


@needs_widgets
@pytest.mark.parametrize(
    ("sent", "faulty"),
    [
        pytest.param({}, set(), id="connections of other types send all of it empty"),
        pytest.param(dict.fromkeys(conn_fields(), ""), set(), id="emptied"),
        pytest.param({"plan": "business", "grant_type": "access_token"}, set(), id="good"),
        pytest.param({"plan": "gold", "grant_type": "magic"}, {"plan", "grant_type"}, id="bad"),
    ],
)
def test_the_form_is_checked(bound: Any, sent: dict[str, str], faulty: set[str]) -> None:
    form = bound(sent)
    form.validate()
    assert set(form.errors) == faulty


@pytest.mark.skipif(
    AIRFLOW == (3, 1), reason="Airflow 3.1 makes the form in its API server only, of the widgets"
)
@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
def test_airflow_takes_the_form() -> None:
    """Airflow drops the hook, with a line in its log only, where it does not like a widget."""
    manager = ProvidersManager()
    hook = manager.hooks["zoom"]
    assert hook is not None
    assert (hook.hook_name, hook.package_name) == ("Zoom", "airflow-provider-zoom")
    assert hook.connection_testable
    prefix = "extra__zoom__"
    offered = [name for name in manager.connection_form_widgets if name.startswith(prefix)]
    assert offered == [prefix + name for name in conn_fields()]
    secrets = {
        widget.field_name
        for name, widget in manager.connection_form_widgets.items()
        if name.startswith(prefix) and widget.is_sensitive
    }
    assert secrets == {"refresh_token", "access_token"}
    behaviour = manager.field_behaviours["zoom"]
    assert behaviour["relabeling"] == CONNECTION_TYPE["ui-field-behaviour"]["relabeling"]
    assert behaviour["placeholders"]["extra__zoom__plan"] == "pro"
