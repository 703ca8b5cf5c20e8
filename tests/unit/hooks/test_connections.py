"""Connections as people write them, in JSON, as a URI, with what copying leaves at their ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest
from airflow.providers.common.compat.sdk import Connection

from tests.support import AIRFLOW, connection
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.hooks.zoom import ZoomHook, settings_from_connection
from zoom_provider.simulator.server import Simulator


def settings_from(text: str, monkeypatch: pytest.MonkeyPatch) -> ZoomSettings:
    monkeypatch.setenv("AIRFLOW_CONN_ODD", text)
    return settings_from_connection(ZoomHook("odd").get_connection("odd"))


def uri(zoom: Simulator, host: str) -> str:
    said = zoom.settings
    return f"zoom://{said.client_id}:{said.client_secret}@{host}/?account_id={said.account_id}"


def after_scheme(zoom: Simulator) -> str:
    """Write a URI as Airflow itself does: ``zoom://http://login:...@host``."""
    netloc = quote(urlsplit(zoom.url).netloc, safe="")
    return uri(zoom, netloc).replace("zoom://", "zoom://http://")


def extra_as_text(zoom: Simulator) -> str:
    fields = json.loads(connection(zoom))
    return json.dumps(fields | {"extra": json.dumps(fields["extra"])})


# The same local Zoom, each time written another way.
WAYS: dict[str, Callable[[Simulator], str]] = {
    "json": connection,
    "extra as text": extra_as_text,
    "line breaks at the ends": lambda zoom: connection(
        zoom,
        login=f" {zoom.settings.client_id}\r\n",
        password=f"{zoom.settings.client_secret}\n",
        extra={"account_id": f"{zoom.settings.account_id}\n"},
    ),
    "with the version": lambda zoom: connection(zoom, host=f"{zoom.url}/v2/"),
    "port apart": lambda zoom: connection(
        zoom, host="http://127.0.0.1", port=urlsplit(zoom.url).port
    ),
    "uri": lambda zoom: uri(zoom, quote(zoom.url, safe="")),
    "uri, port apart": lambda zoom: uri(
        zoom, f"{quote('http://127.0.0.1', safe='')}:{urlsplit(zoom.url).port}"
    ),
    "uri, as Airflow writes it": after_scheme,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_connection_works_however_it_is_written(
    way: Callable[[Simulator], str], connected: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ODD", way(connected))
    assert ZoomHook("odd").test_connection() == (True, "Connected to Zoom: 0 active users.")


@pytest.mark.parametrize(
    ("text", "origin", "token_url"),
    [
        ("zoom://id:secret@/?account_id=a", "https://api.zoom.us", "https://zoom.us/oauth/token"),
        (
            "zoom://id:secret@api-eu.zoom.us/?account_id=a&plan=business&rate_share=0.5",
            "https://api-eu.zoom.us",
            "https://zoom.us/oauth/token",
        ),
        (
            "zoom://id:secret@api.zoomgov.com:443/?account_id=a",
            "https://api.zoomgov.com:443",
            "https://zoomgov.com/oauth/token",
        ),
    ],
)
def test_a_uri_reaches_zoom(
    text: str, origin: str, token_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_from(text, monkeypatch)
    assert (settings.origin, settings.token_url) == (origin, token_url)
    assert (settings.client_secret, settings.account_id) == ("secret", "a")


CANARY = "c4n4ry-client-secret"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"host": "https://api.zoom.us/v3"}, "host"),
        ({"host": f"https://someone:{CANARY}@api.zoom.us"}, "host"),
        ({"host": "http://api.zoom.us"}, "host"),
        ({"host": "https://api.zoom.us:8443", "port": 443}, "host"),
        ({"password": f"{CANARY}\nand more"}, "client_secret"),
        ({"extra": {"plan": CANARY}}, "plan"),
        ({"extra": {"rate_share": CANARY}}, "rate_share"),
        ({"extra": {"token_url": f"https://zoom.us/{CANARY}?{CANARY}"}}, "token_url"),
        pytest.param(
            *({"extra": CANARY}, "extra"),
            marks=pytest.mark.skipif(
                AIRFLOW == (3, 1), reason="Airflow 3.1 finds no connection whose extra is not JSON"
            ),
        ),
    ],
)
def test_errors_are_by_field_and_without_the_value(
    fields: dict[str, object], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"account_id": "a"}
    given = {"conn_type": "zoom", "login": "id", "password": CANARY, "extra": extra} | fields
    if isinstance(given["extra"], dict):
        given["extra"] = extra | given["extra"]
    with pytest.raises(ZoomValidationError) as raised:
        settings_from(json.dumps(given), monkeypatch)
    assert list(raised.value.errors) == [field]
    assert CANARY not in str(raised.value)


WRONG_EXTRAS = {
    "encoded twice": (json.dumps(json.dumps({"account_id": "a"})), "is encoded as JSON twice"),
    "a list": ('["account_id", "a"]', "must be a JSON object"),
    "a number": ("7", "must be a JSON object"),
    "a text": ('"account_id"', "must be a JSON object"),
}


@pytest.mark.parametrize(("extra", "text"), WRONG_EXTRAS.values(), ids=WRONG_EXTRAS)
def test_extras_that_are_no_object_are_refused_for_good_and_say_what_to_do(
    extra: str, text: str
) -> None:
    odd = Connection(conn_id="odd", conn_type="zoom", login="id", password="secret", extra=extra)
    with pytest.raises(ZoomValidationError) as raised:
        settings_from_connection(odd)
    assert text in raised.value.errors["extra"][0]
    assert raised.value.remedy == "fail"


@pytest.mark.parametrize("extra", [None, "", "{}", "{ }", "null"])
def test_a_connection_without_extras_names_what_is_missing(extra: str | None) -> None:
    odd = Connection(conn_id="odd", conn_type="zoom", login="id", password="secret", extra=extra)
    with pytest.raises(ZoomValidationError) as raised:
        settings_from_connection(odd)
    assert list(raised.value.errors) == ["account_id"]


UNKNOWN_EXTRAS = {
    "misspelt": ("allowed_domain", "did you mean allowed_domains?"),
    "old prefix": ("extra__zoom__plan", "write plan"),
    "nothing like it": ("colour", "the extras are account_id, grant_type"),
}


@pytest.mark.parametrize(("name", "hint"), UNKNOWN_EXTRAS.values(), ids=UNKNOWN_EXTRAS)
def test_an_extra_that_is_not_read_is_named_by_test_and_in_the_log(
    name: str,
    hint: str,
    connected: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    extra = {"account_id": connected.settings.account_id, name: CANARY}
    monkeypatch.setenv("AIRFLOW_CONN_ODD", connection(connected, extra=extra))
    worked, text = ZoomHook("odd").test_connection()
    assert worked
    assert text.startswith("Connected to Zoom: 0 active users. The extra " + name)
    assert hint in text
    assert not caplog.records
    ZoomHook("odd").client.close()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert f"Connection odd: The extra {name} is not read" in record.getMessage()
    assert hint in record.getMessage()
    assert CANARY not in text + caplog.text


def test_a_connection_that_lacks_what_stands_under_the_old_prefix_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fields = {
        "conn_type": "zoom",
        "login": "id",
        "password": CANARY,
        "extra": {"extra__zoom__account_id": "a"},
    }
    with pytest.raises(ZoomValidationError, match="extra__zoom__account_id is not read: write acc"):
        settings_from(json.dumps(fields), monkeypatch)
