"""Zoom's authorization server: tokens, refresh tokens and codes, and how long they last."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError
from zoom_provider.simulator.replies import Reply, as_json
from zoom_provider.simulator.settings import SimulatorSettings

CODE_LIFE = 5 * 60
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token: until when, for what, and of which grant."""

    expires: float
    scopes: tuple[str, ...]
    grant: str


@dataclass(frozen=True, slots=True)
class _Code:
    redirect_uri: str
    expires: float


class OAuthError(Exception):
    """The token endpoint says no, in its own form of body."""

    def __init__(self, error: str, reason: str, status: int = 400) -> None:
        super().__init__(f"{error}: {reason}")
        self.reply = as_json(status, {"reason": reason, "error": error})


class Grants:
    """Every token, refresh token and authorization code that is still good for something."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._tokens: dict[str, Token] = {}
        self._refresh_tokens = {settings.refresh_token}
        self._codes: dict[str, _Code] = {}
        self.issued = 0

    def issue(self, settings: SimulatorSettings, now: float, grant: str) -> str:
        """Make an access token."""
        if settings.invalidate_previous_token:
            self._tokens.clear()
        token = "eyJ" + secrets.token_urlsafe(48)
        self._tokens[token] = Token(now + settings.token_life, settings.scopes, grant)
        self.issued += 1
        return token

    def check(self, call: Call, settings: SimulatorSettings, now: float) -> Token:
        """
        Find the token that a call carries.

        :raises ApiError: where it carries none that is valid
        """
        if "access_token" in call.query:
            raise ApiError("token_in_query")
        scheme, _, value = call.authorization.partition(" ")
        token = self._tokens.get(value.strip()) if scheme.lower() == "bearer" else None
        if token is None or not settings.app_active:
            raise ApiError("token_invalid")
        if token.expires <= now:
            raise ApiError("token_expired")
        if token.grant == "client_credentials":
            raise ApiError("token_kind")
        return token

    def revoke_all(self) -> None:
        """Kill every access token; refresh tokens live on."""
        self._tokens.clear()

    def revoke(self, token: str) -> None:
        """Kill one token, of whichever kind."""
        self._tokens.pop(token, None)
        self._refresh_tokens.discard(token)

    def rotate(self, refresh_token: str) -> str:
        """
        Take a refresh token, which is thereby used up, and give the next one.

        :raises OAuthError: for one that was used before, revoked or never issued
        """
        if refresh_token not in self._refresh_tokens:
            raise OAuthError("invalid_grant", "Invalid Token!")
        self._refresh_tokens.remove(refresh_token)
        return self.new_refresh_token()

    def new_refresh_token(self) -> str:
        """Make a refresh token."""
        token = "eyJ" + secrets.token_urlsafe(48)
        self._refresh_tokens.add(token)
        return token

    def new_code(self, redirect_uri: str, now: float) -> str:
        """Make an authorization code."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(redirect_uri, now + CODE_LIFE)
        return code

    def redeem(self, code: str, redirect_uri: str, now: float) -> str:
        """
        Take an authorization code, good once, and give the first refresh token of a new grant.

        :raises OAuthError: for a code that is unknown, too old or from another redirect
        """
        found = self._codes.pop(code, None)
        if found is None or found.expires <= now:
            raise OAuthError("invalid_grant", "Invalid authorization code")
        if found.redirect_uri != redirect_uri:
            raise OAuthError("invalid_request", "Redirect URI mismatch")
        # A new authorization ends the former grant: the last token issued is the valid one.
        self._tokens.clear()
        self._refresh_tokens.clear()
        return self.new_refresh_token()


def token_endpoint(call: Call, grants: Grants, settings: SimulatorSettings, now: float) -> Reply:
    """Answer POST /oauth/token."""
    try:
        form = _read_form(call, settings)
        refresh_token = _run_grant(form, grants, settings, now)
    except OAuthError as error:
        return error.reply
    body = {
        "access_token": grants.issue(settings, now, form["grant_type"]),
        "token_type": "bearer",
        "expires_in": settings.token_life,
        "scope": " ".join(settings.scopes),
        "api_url": call.origin,
    }
    if refresh_token is not None:
        body["refresh_token"] = refresh_token
    return as_json(200, body)


def revoke_endpoint(call: Call, grants: Grants, settings: SimulatorSettings) -> Reply:
    """Answer POST /oauth/revoke."""
    try:
        grants.revoke(_read_form(call, settings).get("token", ""))
    except OAuthError as error:
        return error.reply
    return as_json(200, {"status": "success"})


def authorize_endpoint(
    call: Call, grants: Grants, settings: SimulatorSettings, now: float
) -> Reply:
    """Answer GET /oauth/authorize, where the user always clicks Allow."""
    target = call.query.get("redirect_uri", "")
    known = hmac.compare_digest(
        call.query.get("client_id", "").encode(), settings.client_id.encode()
    )
    if call.query.get("response_type") != "code" or not known or not urlsplit(target).scheme:
        return OAuthError("invalid_request", "Bad Request").reply
    answer = {"code": grants.new_code(target, now)}
    if "state" in call.query:
        answer["state"] = call.query["state"]
    joint = "&" if urlsplit(target).query else "?"
    return Reply(302, headers={"Location": f"{target}{joint}{urlencode(answer)}"})


def _run_grant(
    form: dict[str, str], grants: Grants, settings: SimulatorSettings, now: float
) -> str | None:
    """Check one grant; give the refresh token that goes with it, if any."""
    grant = form.get("grant_type", "")
    if not settings.app_active:
        raise OAuthError("unsupported_grant_type", "unsupported grant type")
    match grant:
        case "account_credentials":
            if form.get("account_id") != settings.account_id:
                raise OAuthError("invalid_request", "Bad Request")
            return None
        case "refresh_token":
            return grants.rotate(form.get("refresh_token", ""))
        case "authorization_code":
            return grants.redeem(form.get("code", ""), form.get("redirect_uri", ""), now)
        case "client_credentials":
            # Zoom hands one out and then accepts it nowhere in this API.
            return None
    raise OAuthError("unsupported_grant_type", "unsupported grant type")


def _read_form(call: Call, settings: SimulatorSettings) -> dict[str, str]:
    """Read the form of a caller that has proved its identity."""
    if not _knows_secret(call.authorization, settings):
        raise OAuthError("invalid_client", "Invalid client_id or client_secret")
    if call.query and not settings.token_by_query:
        raise OAuthError("invalid_request", "Bad Request")
    if call.query and not call.body:
        return dict(call.query)
    if call.content_type.partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("unsupported_grant_type", "unsupported grant type")
    fields = parse_qs(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {**call.query, **{name: values[0] for name, values in fields.items()}}


def _knows_secret(authorization: str, settings: SimulatorSettings) -> bool:
    scheme, _, value = authorization.partition(" ")
    try:
        given = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    wanted = f"{settings.client_id}:{settings.client_secret}".encode()
    return scheme.lower() == "basic" and hmac.compare_digest(given, wanted)
