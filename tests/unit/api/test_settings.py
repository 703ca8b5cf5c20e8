"""A connection's fields become settings, or everything that is wrong with them at once."""

from __future__ import annotations

from typing import Any

import pytest

from zoom_provider.api.settings import ZoomSettings, settings_from_fields
from zoom_provider.exceptions import ZoomValidationError

SECRETS = ("top-secret", "refresh-secret", "access-secret")


def settings(
    host: str | None = None,
    port: int | None = None,
    login: str | None = "id",
    password: str | None = "top-secret",
    **extra: Any,
) -> ZoomSettings:
    return settings_from_fields(
        login=login, password=password, host=host, port=port, extra={"account_id": "acc", **extra}
    )


def faults(**fields: Any) -> dict[str, list[str]]:
    with pytest.raises(ZoomValidationError) as caught:
        settings(**fields)
    return caught.value.errors


def test_a_connection_needs_no_more_than_the_credentials() -> None:
    assert settings() == ZoomSettings(
        client_id="id",
        client_secret="top-secret",
        account_id="acc",
        grant_type="account_credentials",
        origin="https://api.zoom.us",
        token_url="https://zoom.us/oauth/token",
        plan="pro",
        rate_share=1.0,
        ca_bundle=None,
        connect_timeout=5.0,
        timeout=30.0,
        max_wait=300.0,
        allowed_domains=frozenset(),
    )


@pytest.mark.parametrize(
    ("fields", "origin", "token_url"),
    [
        ({"host": ""}, "https://api.zoom.us", "https://zoom.us/oauth/token"),
        ({"host": "api.zoom.us"}, "https://api.zoom.us", "https://zoom.us/oauth/token"),
        ({"host": " https://API.Zoom.US/ "}, "https://api.zoom.us", "https://zoom.us/oauth/token"),
        ({"host": "https://api.zoom.us/v2/"}, "https://api.zoom.us", "https://zoom.us/oauth/token"),
        ({"host": "api-eu.zoom.us"}, "https://api-eu.zoom.us", "https://zoom.us/oauth/token"),
        ({"host": "acme.zoom.us"}, "https://acme.zoom.us", "https://zoom.us/oauth/token"),
        (
            {"host": "api.zoomgov.com"},
            "https://api.zoomgov.com",
            "https://zoomgov.com/oauth/token",
        ),
        (
            {"host": "notzoom.us"},
            "https://notzoom.us",
            "https://notzoom.us/oauth/token",
        ),
        (
            {"host": "proxy.example", "port": 8443},
            "https://proxy.example:8443",
            "https://proxy.example:8443/oauth/token",
        ),
        (
            {"host": "https://proxy.example:8443", "port": 8443},
            "https://proxy.example:8443",
            "https://proxy.example:8443/oauth/token",
        ),
        (
            {"host": "proxy.example", "port": 0},
            "https://proxy.example",
            "https://proxy.example/oauth/token",
        ),
        (
            {"host": "http://localhost:8080"},
            "http://localhost:8080",
            "http://localhost:8080/oauth/token",
        ),
        (
            {"host": "http://127.0.0.1", "port": 81},
            "http://127.0.0.1:81",
            "http://127.0.0.1:81/oauth/token",
        ),
        ({"host": "http://[::1]:81"}, "http://[::1]:81", "http://[::1]:81/oauth/token"),
        # As Airflow reads it out of a connection's URI.
        ({"host": "::1", "port": 81}, "https://[::1]:81", "https://[::1]:81/oauth/token"),
        # A token URL of one's own.
        (
            {"token_url": "https://api.zoom.us/oauth/token"},
            "https://api.zoom.us",
            "https://api.zoom.us/oauth/token",
        ),
        (
            {"token_url": "https://ZoomGov.com/oauth/token"},
            "https://api.zoom.us",
            "https://zoomgov.com/oauth/token",
        ),
        (
            {"token_url": "http://127.0.0.1:99/t"},
            "https://api.zoom.us",
            "http://127.0.0.1:99/t",
        ),
        (
            {"host": "proxy.example", "token_url": "https://proxy.example/sso/token"},
            "https://proxy.example",
            "https://proxy.example/sso/token",
        ),
        (
            {"host": "proxy.example:8443", "token_url": "https://proxy.example/oauth/token"},
            "https://proxy.example:8443",
            "https://proxy.example/oauth/token",
        ),
    ],
)
def test_where_it_calls(fields: dict[str, Any], origin: str, token_url: str) -> None:
    made = settings(**fields)
    assert (made.origin, made.token_url) == (origin, token_url)


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"host": "http://api.zoom.us"}, "host", "must use https"),
        ({"host": "http://localhost.example"}, "host", "must use https"),
        ({"host": "http://127.0.0.1.example"}, "host", "must use https"),
        ({"host": "ftp://api.zoom.us"}, "host", "must use https"),
        ({"host": "https://"}, "host", "is not an API origin"),
        ({"host": "https://me:pw@api.zoom.us"}, "host", "is not an API origin"),
        ({"host": "api.zoom.us@evil.example"}, "host", "is not an API origin"),
        ({"host": "https://api.zoom.us?x=1"}, "host", "is not an API origin"),
        ({"host": "https://api.zoom.us#x"}, "host", "is not an API origin"),
        ({"host": "https://api.zoom.us/v3"}, "host", "without a path"),
        ({"host": "https://api.zoom.us:x"}, "host", "is not an API origin"),
        ({"host": "https://api.zoom.us:99999"}, "host", "is not an API origin"),
        ({"host": "https://[::1"}, "host", "is not an API origin"),
        ({"host": "https://[fe80::1%25eth0]"}, "host", "is not an API origin"),
        ({"host": "api.zoom.us evil.example"}, "host", "is not an API origin"),
        ({"host": r"https://evil.example\.zoom.us"}, "host", "is not an API origin"),
        ({"host": "https://api.zoom.us:444", "port": 443}, "host", "names port 444"),
        ({"port": 70000}, "host", "cannot have the port 70000"),
        ({"port": -1}, "host", "cannot have the port -1"),
        # The token URL, to which the client secret goes.
        ({"token_url": "https://evil.example/oauth/token"}, "token_url", "goes nowhere else"),
        ({"token_url": "https://evilzoom.us/oauth/token"}, "token_url", "goes nowhere else"),
        ({"token_url": "https://zoom.us.evil.example/t"}, "token_url", "goes nowhere else"),
        ({"token_url": "https://zoom.us@evil.example/t"}, "token_url", "is not a URL"),
        ({"token_url": "https://evil.example#.zoom.us"}, "token_url", "is not a URL"),
        ({"token_url": "https://evil.example?.zoom.us"}, "token_url", "is not a URL"),
        # What calls goes to evil.example, though the name ends well.
        ({"token_url": r"https://evil.example\.zoom.us/t"}, "token_url", "is not a URL"),
        ({"token_url": r"https://evil.example\@zoom.us/t"}, "token_url", "is not a URL"),
        ({"token_url": "https://evil.example%2f.zoom.us/t"}, "token_url", "is not a URL"),
        ({"token_url": "https://evil.example／.zoom.us/t"}, "token_url", "is not a URL"),  # noqa: RUF001
        ({"token_url": "http://zoom.us/oauth/token"}, "token_url", "must use https"),
        ({"token_url": "http://evil.example/t"}, "token_url", "must use https"),
        ({"token_url": "zoom.us/oauth/token"}, "token_url", "is not a URL"),
        ({"token_url": "javascript:alert(1)"}, "token_url", "is not a URL"),
        ({"token_url": 7}, "token_url", "must be a text"),
        # Who one is.
        ({"login": None}, "client_id", "Client ID (login) is missing"),
        ({"password": " "}, "client_secret", "Client Secret (password) is missing"),
        ({"account_id": ""}, "account_id", "Account ID (account_id) is missing"),
        ({"account_id": 12345}, "account_id", "must be a text"),
        ({"password": "sécret"}, "client_secret", "copy it once more"),
        ({"password": "sec\nret"}, "client_secret", "copy it once more"),
        ({"login": "i d"}, "client_id", "copy it once more"),
        ({"account_id": "\ud800"}, "account_id", "copy it once more"),
        ({"grant_type": "client_credentials"}, "grant_type", "must be one of account_credentials"),
        ({"grant_type": "refresh_token"}, "refresh_token", "Refresh token (refresh_token) is"),
        ({"grant_type": "access_token"}, "access_token", "Access token (access_token) is missing"),
        ({"grant_type": "access_token", "access_token": "a\r\nb"}, "access_token", "once more"),
        # How fast, how long.
        ({"plan": "Pro"}, "plan", "must be one of free, pro, business"),
        ({"plan": ["pro"]}, "plan", "must be one of free, pro, business"),
        ({"rate_share": 0}, "rate_share", "above 0 and at most 1"),
        ({"rate_share": "1.01"}, "rate_share", "above 0 and at most 1"),
        ({"rate_share": "half"}, "rate_share", "must be a number"),
        ({"rate_share": True}, "rate_share", "must be a number"),
        ({"rate_share": "nan"}, "rate_share", "must be a finite number"),
        ({"timeout": 0}, "timeout", "above 0"),
        ({"timeout": "-3"}, "timeout", "above 0"),
        ({"timeout": "inf"}, "timeout", "must be a finite number"),
        # The operating system cannot wait that long, and says so only when it is to.
        ({"timeout": 1e10}, "timeout", "at most a day"),
        ({"connect_timeout": "5s"}, "connect_timeout", "must be a number"),
        ({"max_wait": [300]}, "max_wait", "must be a number"),
        ({"ca_bundle": False}, "ca_bundle", "must be a text"),
        # Credentials.
        ({"allowed_domains": 7}, "allowed_domains", "must be a list"),
        ({"allowed_domains": [1]}, "allowed_domains", "must be a list"),
        ({"allowed_domains": []}, "allowed_domains", "names no domain"),
        ({"allowed_domains": " , "}, "allowed_domains", "names no domain"),
        ({"allowed_domains": "*.example.com"}, "allowed_domains", "'*.example.com' is not a dom"),
        ({"allowed_domains": "jane@a.example"}, "allowed_domains", "'jane@a.example' is not a do"),
        ({"allowed_domains": '["a.example"]'}, "allowed_domains", "is not a domain"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], field: str, text: str) -> None:
    found = faults(**fields)
    assert list(found) == [field]
    assert text in found[field][0]


@pytest.mark.parametrize(
    ("given", "attribute", "value"),
    [
        ({"login": " id\n", "password": "\ttop-secret "}, "client_secret", "top-secret"),
        ({"plan": " business "}, "plan", "business"),
        ({"rate_share": "0.5"}, "rate_share", 0.5),
        ({"rate_share": ""}, "rate_share", 1.0),
        ({"rate_share": None}, "rate_share", 1.0),
        ({"connect_timeout": "2.5"}, "connect_timeout", 2.5),
        ({"timeout": "60"}, "timeout", 60.0),
        ({"max_wait": 5}, "max_wait", 5.0),
        ({"ca_bundle": " /etc/ca.pem "}, "ca_bundle", "/etc/ca.pem"),
        ({"ca_bundle": ""}, "ca_bundle", None),
        ({"allowed_domains": ""}, "allowed_domains", frozenset()),
        ({"allowed_domains": "  "}, "allowed_domains", frozenset()),
        ({"allowed_domains": "Example.com"}, "allowed_domains", {"example.com"}),
        (
            {"allowed_domains": "a.example, @b.example;c.example\nd.example,"},
            "allowed_domains",
            {"a.example", "b.example", "c.example", "d.example"},
        ),
        (
            {"allowed_domains": ["A.example", " b.example "]},
            "allowed_domains",
            {"a.example", "b.example"},
        ),
        ({"allowed_domains": "bücher.example"}, "allowed_domains", {"bücher.example"}),
        (
            {"grant_type": "access_token", "access_token": "access-secret", "login": None},
            "access_token",
            "access-secret",
        ),
        (
            {"grant_type": "refresh_token", "refresh_token": "refresh-secret", "account_id": ""},
            "refresh_token",
            "refresh-secret",
        ),
    ],
)
def test_what_is_read(given: dict[str, Any], attribute: str, value: object) -> None:
    assert getattr(settings(**given), attribute) == value


def test_all_errors_are_reported_at_once_without_any_secret() -> None:
    with pytest.raises(ZoomValidationError) as caught:
        settings(
            host="http://api.zoom.us",
            login="",
            password="top-secret\x00",
            refresh_token="refresh-secret ü",
            plan="gold",
            rate_share=2,
            allowed_domains="@",
            timeout="soon",
        )
    error = caught.value
    assert set(error.errors) == {
        *("host", "client_id", "client_secret", "refresh_token"),
        *("plan", "rate_share", "allowed_domains", "timeout"),
    }
    for field, texts in error.errors.items():
        assert f"{field}: {texts[0]}" in str(error)
    assert not any(secret in str(error) + repr(error) for secret in SECRETS)


def test_an_unknown_grant_is_not_held_to_the_needs_of_another() -> None:
    assert list(faults(grant_type="acces_token", login="", account_id="")) == ["grant_type"]


def test_settings_show_no_secret() -> None:
    made = settings(refresh_token="refresh-secret", access_token="access-secret")
    assert not any(secret in repr(made) + str(made) for secret in SECRETS)
