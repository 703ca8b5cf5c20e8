"""Where to call, with which credentials, on which plan, with which share of its limits."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, fields
from typing import Annotated, Any, Final, Literal, TypeGuard, cast
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, PlainValidator, ValidationError
from pydantic.dataclasses import dataclass

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.validation import nearest_name, sanitize_for_log

GrantType = Literal["account_credentials", "refresh_token", "access_token"]
Plan = Literal["free", "pro", "business"]

DEFAULT_ORIGIN: Final = "https://api.zoom.us"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

# No more than this, since libraries disagree about the host where a name holds other signs: of
# "evil.example\.zoom.us" some call the first half.
_HOST_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_DOMAIN: Final = re.compile(r"[\w-]+(\.[\w-]+)+")
_MAX_SECONDS: Final = 86_400.0

_OLD_PREFIX: Final = "extra__zoom__"

# What each grant cannot do without: attribute -> the name people see in the connection form.
_REQUIRED: Final[dict[GrantType, dict[str, str]]] = {
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


def _parse_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return value.strip()


def _parse_credential(value: Any) -> str:
    text = _parse_text(value)
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


def _parse_number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError("must be a number") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def _parse_share(value: Any) -> float:
    share = _parse_number(value)
    if not 0 < share <= 1:
        raise ValueError("must be above 0 and at most 1")
    return share


def _parse_seconds(value: Any) -> float:
    seconds = _parse_number(value)
    if not 0 < seconds <= _MAX_SECONDS:
        raise ValueError("must be a number of seconds above 0 and at most a day (86400)")
    return seconds


def _parse_domains(value: Any) -> frozenset[str]:
    if isinstance(value, frozenset):  # as read before
        return value
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


_Credential = Annotated[str, PlainValidator(_parse_credential)]
_Seconds = Annotated[float, PlainValidator(_parse_seconds)]


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(hide_input_in_errors=True))
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

    client_id: _Credential = ""
    client_secret: _Credential = field(default="", repr=False)
    account_id: _Credential = ""
    grant_type: Annotated[GrantType, BeforeValidator(_one_of(_REQUIRED))] = "account_credentials"
    refresh_token: _Credential = field(default="", repr=False)
    access_token: _Credential = field(default="", repr=False)
    origin: str = DEFAULT_ORIGIN
    token_url: str = "https://zoom.us/oauth/token"  # noqa: S105 - an address, not a secret
    plan: Annotated[Plan, BeforeValidator(_one_of(("free", "pro", "business")))] = "pro"
    rate_share: Annotated[float, PlainValidator(_parse_share)] = 1.0
    ca_bundle: Annotated[str, PlainValidator(_parse_text)] | None = None
    connect_timeout: _Seconds = 5.0
    timeout: _Seconds = 30.0
    max_wait: _Seconds = 300.0
    allowed_domains: Annotated[frozenset[str], PlainValidator(_parse_domains)] = frozenset()


EXTRA_NAMES: Final = tuple(
    name.name
    for name in fields(ZoomSettings)
    if name.name not in ("client_id", "client_secret", "origin")
)
"""The connection's extras."""


def settings_from_fields(
    *,
    login: str | None,
    password: str | None,
    host: str | None,
    port: int | None,
    extra: object,
) -> ZoomSettings:
    """
    Turn a connection's fields into settings, or report everything that is wrong with them.

    :param login: the Client ID
    :param password: the Client Secret
    :param host: the API's origin; without a scheme it means https
    :param port: used where ``host`` names none
    :param extra: the connection's extras, an object with numbers or strings
    :raises ZoomValidationError: with all errors by field
    """
    extra = _require_object(extra)
    given: dict[str, Any] = {name: extra.get(name) for name in EXTRA_NAMES}
    given |= {"client_id": login, "client_secret": password}
    given = {name: value for name, value in given.items() if value is not None and value != ""}
    errors: dict[str, list[str]] = {}
    origin = _read("host", lambda: _parse_origin(host or DEFAULT_ORIGIN, port), errors)
    origin = origin or DEFAULT_ORIGIN
    url = given.pop("token_url", None) or _default_token_url(origin)
    token_url = _read("token_url", lambda: _parse_token_url(url, origin), errors) or ""
    settings: ZoomSettings | None = None
    try:
        settings = ZoomSettings(origin=origin, token_url=token_url, **given)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            errors[str(details["loc"][0])] = [str(details.get("ctx", {}).get("error", "is wrong"))]
    # Raised outside the handler: pydantic's error holds the input.
    grant: Any = str(given.get("grant_type", "account_credentials")).strip()
    for name, label in _REQUIRED.get(grant, {}).items():
        if not str(given.get(name, "")).strip() and name not in errors:
            errors[name] = [f"{label} is missing; the grant {grant} needs it"]
    if settings is None or errors:
        texts = [f"{name}: {text}" for name, texts in errors.items() for text in texts]
        texts += unknown_extras(extra)
        raise ZoomValidationError(
            f"The Zoom connection is not usable. {'; '.join(texts)}", errors=errors
        )
    return settings


def unknown_extras(extra: Mapping[str, Any]) -> list[str]:
    """Return a sentence on each extra that this provider does not read, with the nearest name."""
    texts = []
    for name in extra:
        if name in EXTRA_NAMES:
            continue
        bare = name.removeprefix(_OLD_PREFIX)
        near = nearest_name(name[:48].lower(), EXTRA_NAMES)
        if bare != name:
            hint = f"write {sanitize_for_log(bare, 48)}."
        elif near:
            hint = f"did you mean {near}?"
        else:
            hint = f"the extras are {', '.join(EXTRA_NAMES)}."
        texts.append(f"The extra {sanitize_for_log(name, 48)} is not read: {hint}")
    return texts


def _require_object(extra: object) -> Mapping[str, Any]:
    if isinstance(extra, Mapping):
        return extra
    try:
        encoded_twice = isinstance(extra, str) and isinstance(json.loads(extra), Mapping)
    except ValueError:
        encoded_twice = False
    text = (
        "is encoded as JSON twice: store the object itself, without quotes around it"
        if encoded_twice
        else 'must be a JSON object, such as {"account_id": "..."}'
    )
    raise ZoomValidationError(
        f"The Zoom connection is not usable. The field Extra {text}.", errors={"extra": [text]}
    )


def _read(name: str, parse: Callable[[], str], errors: dict[str, list[str]]) -> str | None:
    try:
        return parse()
    except ValueError as error:
        errors[name] = [str(error)]
        return None


def _split_url(url: str, what: str) -> tuple[str, str, int | None, str]:
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


def _join_url(scheme: str, host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" + (f":{port}" if port else "")


def _parse_origin(host: str, port: int | None) -> str:
    text = host.strip()
    if _is_ipv6(text):
        text = f"[{text}]"
    if port is not None and not 0 <= port <= 65535:
        raise ValueError(f"cannot have the port {port}")
    scheme, name, own_port, path = _split_url(
        text if "://" in text else f"https://{text}", "an API origin such as https://api.zoom.us"
    )
    if path.rstrip("/") not in ("", "/v2"):
        raise ValueError("must be an origin such as https://api.zoom.us, without a path")
    if own_port and port and own_port != port:
        raise ValueError(f"names port {own_port}, but the field Port says {port}")
    return _join_url(scheme, name, own_port or port)


def _zoom_family(host: str) -> str | None:
    for family in ("zoom.us", "zoomgov.com"):
        if host == family or host.endswith("." + family):
            return family
    return None


def _default_token_url(origin: str) -> str:
    family = _zoom_family(cast(str, urlsplit(origin).hostname))
    return f"https://{family}/oauth/token" if family else f"{origin}/oauth/token"


def _parse_token_url(value: Any, origin: str) -> str:
    """
    Accept a token URL only where the client secret may go.

    The form's Test keeps the stored secret while the extras are edited: a free choice here would
    let anybody who may edit a connection send the secret to a host of their own.
    """
    url = _parse_text(value)
    scheme, host, port, path = _split_url(url, "a URL such as https://zoom.us/oauth/token")
    if not (_zoom_family(host) or host in _LOOPBACK or host == urlsplit(origin).hostname):
        raise ValueError(
            "must be on zoom.us, zoomgov.com, the connection's own host or this machine: "
            "the client secret goes nowhere else"
        )
    return _join_url(scheme, host, port) + path
