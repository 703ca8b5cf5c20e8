"""
Zoom's errors, by cause: HTTP status, code and text as its reference documents them.

Texts are there to be read, not matched: Zoom rewords and translates them, so a client that
depends on one is wrong, and several switches exist to prove it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoom_provider.simulator.replies import Reply, as_json

_MORE = (
    "Please purchase additional licenses or contact the Zoom support team to provision"
    " additional users in your account."
)
_EXPIRED_INVITE = "A valid invitation to join the Zoom account was not found for this user."
_EVENTS_HOST = (
    "このユーザーはすでに Zoom Events でイベントを公開しており、"
    "あなたはデータの転送先ユーザーを指定していません。"
)

# cause: (HTTP status, code, text)
API_ERRORS: dict[str, tuple[int, int, str]] = {
    # tokens and permissions
    "token_invalid": (401, 124, "Invalid access token."),
    "token_expired": (401, 124, "Access token is expired."),
    "token_in_query": (
        401,
        124,
        "Invalid access token, this access token is not supported as query parameter string.",
    ),
    "no_privilege": (400, 200, "No privilege."),
    "no_permission": (400, 200, "No permission."),
    "token_kind": (400, 200, "Invalid api key or secret."),
    "scope": (400, 4711, "Invalid access token, does not contain scopes:[{scopes}]."),
    "permission": (
        400,
        200,
        "Invalid access token. Does not contain permissions [{permission}].",
    ),
    "api_denied": (
        403,
        403,
        "Access to the Zoom REST API has been denied for this account."
        " Contact Zoom Support for details.",
    ),
    "unknown_endpoint": (400, 2300, "This API endpoint is not recognized."),
    # what is wrong with the request
    "not_an_object": (400, 300, "Request Body should be a valid JSON object."),
    "validation": (400, 300, "Validation Failed."),
    "password": (400, 300, "Invalid parameter: password"),
    "on_prem": (400, 300, "Your account can't set user type as On-prem."),
    "plan_united": (
        400,
        300,
        "The value provided for `plan_united_type` parameter is invalid."
        " Try again with a valid value.",
    ),
    "two_types": (
        400,
        300,
        'You can\'t change the "type" or "plan_united_type" or "zoom_one_type" at the same time.',
    ),
    "subscription": (
        400,
        300,
        'The subscription "{subscription}" you entered does not exist.'
        " Please choose a different subscription and try again.",
    ),
    "name_word": (
        400,
        300,
        "Your request could not be completed because the name contains an invalid word: `{name}`.",
    ),
    "page_token": (400, 300, "The next page token is invalid or expired."),
    "email_required": (400, 300, "Email is required."),
    # people and addresses
    "not_found": (404, 1001, "User does not exist: {user}."),
    "exists_documented": (409, 1005, 'Email "{email}" has already been used.'),
    "exists_live": (409, 1005, "User already in the account: {email}"),
    "foreign_paid": (400, 1009, "The user {email} already holds an active account."),
    "blocked_domain": (400, 1107, "Email domain is blocked."),
    "unsafe_domain": (400, 11321, "Email domain is blocked by Zoom Trust & Safety."),
    "limited_domains": (
        400,
        1116,
        "Email address {email} doesn't match limited domains: {domains}",
    ),
    "sso_off": (
        400,
        2002,
        "SSO has not been enabled for this account."
        " Contact the Zoom support team to enable this option.",
    ),
    "sso_no_preprovision": (
        400,
        2032,
        "The ssoCreate option is only available for SSO Partners that have enabled the"
        " pre-provision option. Contact the Zoom Support team to learn more.",
    ),
    "call_queue": (
        400,
        1000,
        "The user cannot be changed because they are a Call-queue manager or"
        " Auto-receptionist operator.",
    ),
    "type_change": (
        400,
        1108,
        "Permission requirements to change the user type of this user were not met.",
    ),
    "host_not_paid": (400, 1109, "Host is not a paid user."),
    "invitation": (400, 1120, _EXPIRED_INVITE),
    "support_only": (400, 2016, "No permission. Please contact Zoom Customer Support."),
    "gpa_account": (400, 2035, "GPA accounts cannot add users."),
    "gpa_owner": (400, 2036, "Other accounts cannot invite GPA account owners."),
    "forbidden_user": (400, 2037, "Force forbidden user can not be invited."),
    "link_taken": (
        400,
        4100,
        "User is already taken by another user from your account."
        ' Choose another "Personal Link Name".',
    ),
    "group": (404, 4130, "Group does not exist: {group}."),
    # seats
    "basic_full_old": (
        400,
        2033,
        "Your request to add a basic user wasn't approved because you've already reached the"
        " maximum basic user limit allowed in your account. For additional help regarding this"
        " issue, contact the Zoom Customer Support team.",
    ),
    "basic_full_new": (
        400,
        3412,
        "Your request to add a basic user couldn't be approved at this time because your account"
        " has reached the permitted maximum number of {maximum} basic users. Please remove"
        " existing basic user(s) from your Users list or the Pending Users list before attempting"
        " to add another user.",
    ),
    "licensed_full_old": (
        400,
        2034,
        "Your request to add a new Licensed user could not be approved at this time because your"
        " account has reached the permitted maximum number of Licensed users. " + _MORE,
    ),
    "licensed_full_new": (
        400,
        3412,
        'Your request to add a new "Licensed" user couldn\'t be approved at this time because your'
        ' account has reached the permitted maximum number of "{maximum}" paying users. ' + _MORE,
    ),
    "zoom_one_full": (
        400,
        2038,
        "Your request to add a new Zoom One user could not be approved at this time because your"
        " account has reached the permitted maximum number. " + _MORE,
    ),
    "zoom_phone_full": (
        404,
        1102,
        "You cannot enable the **Zoom Phone** feature because you do not have any available"
        " licenses.",
    ),
    "zoom_one_off": (
        400,
        2039,
        "You can't turn off your Zoom One license now because you don't have enough basic"
        " licenses.",
    ),
    # leaving
    "managed_domain": (400, 1107, "You can not disassociate a user with managed domain."),
    "admin": (400, 1117, "You can not disassociate an Admin user."),
    "admin_status": (
        400,
        200,
        "Zoom Room and Admin users' status cannot be activated or deactivated.",
    ),
    "transfer_to_self": (
        400,
        300,
        "The transfer-to email address cannot be the same as the unlinked or deleted user's"
        " email address.",
    ),
    "events_host": (400, 300, _EVENTS_HOST),
    # limits
    "per_second": (
        429,
        429,
        "You have reached the maximum per-second rate limit for this API. Try again later.",
    ),
    "per_day": (
        429,
        429,
        "You have reached the maximum daily rate limit for this API. Refer to the response header"
        " for details on when you can make another request.",
    ),
    "creates_per_day": (
        429,
        429,
        "You have exceeded the daily rate limit ({maximum}) of Create User API requests permitted"
        " for this account. You may resume these requests at GMT 00:00:00.",
    ),
    "concurrent": (
        429,
        429,
        "Too many concurrent requests. A request to {deed} this user has already been made.",
    ),
}


class ApiError(Exception):
    """Zoom says no; raised wherever a rule is broken, turned into a reply in one place."""

    def __init__(
        self,
        cause: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        self.cause = cause
        self.status, self.code, text = API_ERRORS[cause]
        self.message = text.format(**facts) if facts else text
        self.errors = list(errors)
        self.headers = dict(headers or {})
        super().__init__(f"{self.status}/{self.code} {self.message}")

    def reply(self) -> Reply:
        """Return the reply that carries this error."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.errors:
            body["errors"] = self.errors
        return as_json(self.status, body, self.headers)


def invalid(*fields: str) -> ApiError:
    """Return the error for fields that have a wrong value."""
    return ApiError(
        "validation", errors=[{"field": field, "message": "Invalid field."} for field in fields]
    )
