"""Where to call, with which credentials, on which plan, with which share of its limits."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeGuard, cast
from urllib.parse import urlsplit

from zoom_provider.exceptions import ZoomValidationError

GrantType = Literal["account_credentials", "refresh_token", "access_token"]
Plan = Literal["free", "pro", "business"]

DEFAULT_ORIGIN: Final = "https://api.zoom.us"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

# No more than this, since libraries disagree about who is called where a host holds other signs:
# of "evil.example\.zoom.us" some call the first half.
_HOST_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_DOMAIN: Final = re.compile(r"[\w-]+(\.[\w-]+)+")
_LONGEST_WAIT: Final = 86_400.0

# What each grant cannot do without: attribute -> the name people see in the connection form.
_NEEDED: Final[dict[GrantType, dict[str, str]]] = {
    "account_credentials": {
        "client_id": "Client ID (login)",
        "client_secret": "Client Secret (password)",
        "account_id": "Account ID (account_id)",
    },
    "refresh_token": {
        "client_id": "Client ID (login)",
        "client_secret": "Client Secret (password)",
        "refresh_token": "Refresh token (refresh_token)",
    },
    "access_token": {"access_token": "Access token (access_token)"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoomSettings:
    """
    All that a client needs to know; built once from a connection, never changed.

    :param client_id: of the app on Zoom's marketplace
    :param client_secret: of the same app
    :param account_id: for the grant ``account_credentials`` (Server-to-Server OAuth)
    :param grant_type: how an access token is had
    :param refresh_token: for the grant of that name
    :param access_token: for the grant of that name: a ready bearer token
    :param origin: scheme and host of the API, without a path
    :param token_url: where tokens are asked for
    :param plan: the account's plan, which decides Zoom's rate limits
    :param rate_share: the share of these limits that may be used, in (0, 1]
    :param ca_bundle: a file of certificate authorities; None means those of the system
    :param connect_timeout: seconds
    :param timeout: seconds to wait for a reply
    :param max_wait: seconds that all retries of one call may take together
    :param allowed_domains: lower-case e-mail domains that may be created; empty means any
    """

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    account_id: str = ""
    grant_type: GrantType = "account_credentials"
    refresh_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    origin: str = DEFAULT_ORIGIN
    token_url: str = "https://zoom.us/oauth/token"  # noqa: S105 - an address, not a secret
    plan: Plan = "pro"
    rate_share: float = 1.0
    ca_bundle: str | None = None
    connect_timeout: float = 5.0
    timeout: float = 30.0
    max_wait: float = 300.0
    allowed_domains: frozenset[str] = frozenset()


def settings_from_fields(
    *,
    login: str | None,
    password: str | None,
    host: str | None,
    port: int | None,
    extra: Mapping[str, Any],
) -> ZoomSettings:
    """
    Turn a connection's fields into settings, or say everything that is wrong with them.

    :param login: the Client ID
    :param password: the Client Secret
    :param host: the API's origin; without a scheme it means https
    :param port: used where ``host`` names none
    :param extra: the connection's extras, as numbers or strings
    :raises ZoomValidationError: with all faults by field
    """
    faults: dict[str, list[str]] = {}

    given = {**extra, "client_id": login, "client_secret": password}

    def read(name: str, parse: Callable[[Any], Any], default: Any) -> Any:
        value = given.get(name)
        if value is None or value == "":
            return default
        try:
            return parse(value)
        except (ValueError, TypeError) as error:
            faults[name] = [str(error)]
            return default

    try:
        origin = _origin(host or DEFAULT_ORIGIN, port)
    except ValueError as error:
        faults["host"] = [str(error)]
        origin = DEFAULT_ORIGIN
    settings = ZoomSettings(
        client_id=read("client_id", _credential, ""),
        client_secret=read("client_secret", _credential, ""),
        account_id=read("account_id", _credential, ""),
        grant_type=read("grant_type", _one_of(_NEEDED), "account_credentials"),
        refresh_token=read("refresh_token", _credential, ""),
        access_token=read("access_token", _credential, ""),
        origin=origin,
        token_url=read(
            "token_url", lambda url: _token_url(url, origin), _default_token_url(origin)
        ),
        plan=read("plan", _one_of(("free", "pro", "business")), "pro"),
        rate_share=read("rate_share", _share, 1.0),
        ca_bundle=read("ca_bundle", _text, None),
        connect_timeout=read("connect_timeout", _seconds, 5.0),
        timeout=read("timeout", _seconds, 30.0),
        max_wait=read("max_wait", _seconds, 300.0),
        allowed_domains=read("allowed_domains", _domains, frozenset()),
    )
    # An unknown grant has no known needs.
    needed = {} if "grant_type" in faults else _NEEDED[settings.grant_type]
    for attribute, label in needed.items():
        if not getattr(settings, attribute) and attribute not in faults:
            faults[attribute] = [f"{label} is missing; the grant {settings.grant_type} needs it"]
    if faults:
        listed = "; ".join(f"{name}: {text}" for name, texts in faults.items() for text in texts)
        raise ZoomValidationError(f"The Zoom connection is not usable. {listed}", errors=faults)
    return settings


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return value.strip()


def _credential(value: Any) -> str:
    text = _text(value)
    # Such as end in a header, where other signs cannot go.
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("holds a sign that Zoom's credentials do not have: copy it once more")
    return text


def _one_of(names: Iterable[str]) -> Callable[[Any], str]:
    known = tuple(names)

    def parse(value: Any) -> str:
        text = str(value).strip()
        if text not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return text

    return parse


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError("must be a number") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def _share(value: Any) -> float:
    share = _number(value)
    if not 0 < share <= 1:
        raise ValueError("must be above 0 and at most 1")
    return share


def _seconds(value: Any) -> float:
    seconds = _number(value)
    if not 0 < seconds <= _LONGEST_WAIT:
        raise ValueError("must be a number of seconds above 0 and at most a day (86400)")
    return seconds


def _domains(value: Any) -> frozenset[str]:
    parts = re.split(r"[\s,;]+", value) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a list of e-mail domains, or a text with commas between them")
    domains = frozenset(part.strip().removeprefix("@").lower() for part in parts if part.strip())
    if not domains and not (isinstance(value, str) and value.isspace()):
        raise ValueError("names no domain; leave it out to allow any")
    wrong = sorted(domain for domain in domains if not _DOMAIN.fullmatch(domain))
    if wrong:
        raise ValueError(f"{wrong[0][:80]!r} is not a domain such as example.com")
    return domains


def _split(url: str, what: str) -> tuple[str, str, int | None, str]:
    """Take a URL apart into scheme, host, port and path; refuse what must never be called."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"is not {what}") from None
    if not _is_host(host) or parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"is not {what}")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ValueError("must use https (http is for this machine alone)")
    if parts.scheme not in ("http", "https"):
        raise ValueError("must use https")
    return parts.scheme, host, port, parts.path


def _is_host(text: str | None) -> TypeGuard[str]:
    return text is not None and (_is_ipv6(text) or _HOST_NAME.fullmatch(text) is not None)


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _join(scheme: str, host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" + (f":{port}" if port else "")


def _origin(host: str, port: int | None) -> str:
    text = host.strip()
    if _is_ipv6(text):
        text = f"[{text}]"
    if port is not None and not 0 <= port <= 65535:
        raise ValueError(f"cannot have the port {port}")
    scheme, name, own_port, path = _split(
        text if "://" in text else f"https://{text}", "an API origin such as https://api.zoom.us"
    )
    if path.rstrip("/") not in ("", "/v2"):
        raise ValueError("must be an origin such as https://api.zoom.us, without a path")
    if own_port and port and own_port != port:
        raise ValueError(f"names port {own_port}, but the field Port says {port}")
    return _join(scheme, name, own_port or port)


def _zoom_family(host: str) -> str | None:
    for family in ("zoom.us", "zoomgov.com"):
        if host == family or host.endswith("." + family):
            return family
    return None


def _default_token_url(origin: str) -> str:
    family = _zoom_family(cast(str, urlsplit(origin).hostname))
    return f"https://{family}/oauth/token" if family else f"{origin}/oauth/token"


def _token_url(value: Any, origin: str) -> str:
    """
    Accept a token URL only where the client secret may go.

    The form's Test keeps the stored secret while the extras are edited: a free choice here would
    let anybody who may edit a connection send the secret to a host of their own.
    """
    url = _text(value)
    scheme, host, port, path = _split(url, "a URL such as https://zoom.us/oauth/token")
    if not (_zoom_family(host) or host in _LOOPBACK or host == urlsplit(origin).hostname):
        raise ValueError(
            "must be on zoom.us, zoomgov.com, the connection's own host or this machine: "
            "the client secret goes nowhere else"
        )
    return _join(scheme, host, port) + path
