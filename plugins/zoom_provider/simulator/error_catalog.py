"""
Zoom's errors, by cause: HTTP status, code and text as its reference documents them.

Texts are there to be read, not matched: Zoom rewords and translates them, so a client that
depends on one is wrong, and several switches exist to prove it.
"""

from __future__ import annotations

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
    "group": (404, 4130, "A group with this {group} does not exist."),
    "group_member": (404, 4131, "Group member does not exist."),
    "group_name_taken": (409, 4132, 'The group name "{group}" is already in use.'),
    "group_name": (400, 300, "Invalid parameter: name."),
    "groups_full": (
        400,
        300,
        "It has reached the maximum number of groups. You can clean up some groups then add.",
    ),
    "target_group": (400, 300, "The target_group_id can not be empty."),
    "paid_only": (400, 200, "Only available for Paid account."),
    "role": (400, 1034, "Provided `role_id` does not exist."),
    "role_fixed": (400, 300, "Can't delete or add members for Normal/Owner roles."),
    "role_member": (404, 1001, "User does not exist: {user}."),
    "account": (404, 2001, "Account does not exist: {account}"),
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
    "basic_convert_old": (
        400,
        2033,
        'Your request to convert the user type to "Basic" was not approved because you have already'
        " reached the maximum basic user limit allowed in your account. For additional help"
        " regarding this issue, contact the Zoom Customer Support team.",
    ),
    "basic_convert_new": (
        400,
        3412,
        'Your request to convert the user type of this user to a "Basic" user was not approved at'
        ' this time because your account has reached the permitted maximum number of "{maximum}"'
        ' Basic users. Remove existing basic user(s) from your "Users" list or the "Pending Users"'
        " list before attempting to convert a user to a Basic user.",
    ),
    "basic_activate_old": (
        400,
        2033,
        'Your request to activate the "Basic" user was not approved because you have already'
        ' reached the maximum "Basic" user limit allowed in your account. For additional help'
        " regarding this issue, contact the Zoom Customer Support team.",
    ),
    "basic_activate_new": (
        400,
        3412,
        "Your request to activate the user was not approved at this time because your account has"
        ' reached the permitted maximum number of {maximum} "Basic" users. Remove the existing'
        ' "Basic" user(s) from your "Users" list or the "Pending Users" list before attempting to'
        " activate this user.",
    ),
    "licensed_convert_old": (
        400,
        2034,
        "Your request to convert this user's plan type to \"Licensed\" wasn't approved because your"
        ' account has reached the permitted maximum number of "{maximum}" users. ' + _MORE,
    ),
    "licensed_convert_new": (
        400,
        3412,
        'Your request to convert the user type of a "Basic" user to a "Licensed" user was not'
        " approved at this time because your account has reached the permitted maximum number of"
        ' "{maximum}" paying users. Please purchase additional licenses or remove existing paying'
        ' user(s) from your "Users" list or the "Pending Users" list before attempting to convert'
        " a user to a paying user.",
    ),
    "unassigned_full": (
        400,
        3412,
        'Your request to convert the user type of this user to a "No-Meeting License" user was not'
        " approved at this time because your account has reached the permitted maximum number of"
        ' "{maximum}" No-Meeting License users. Remove the existing No-Meeting License user(s)'
        ' from your "Users" list or the "Pending Users" list before attempting to convert a user'
        " to a No-Meeting License user.",
    ),
    "unassigned_activate": (
        400,
        3412,
        "Your request to activate the user was not approved at this time because your account has"
        " reached the permitted maximum number of {maximum} no-meeting-license users. Remove the"
        ' existing no-meeting-license user(s) from your "Users" list or the "Pending Users" list'
        " before attempting to activate this user.",
    ),
    "feature_full": (400, 200, "You can add max {maximum} {feature} users."),
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
    # changes
    "pending_settings": (
        400,
        1000,
        "You can not access settings of users that are still in pending state.",
    ),
    "pending_status": (400, 200, "The status of a user who is still pending cannot be changed."),
    "inactive": (400, 300, "User is inactive or locked."),
    "room_free": (400, 200, "A Zoom Room user cannot be changed to a free user type: {user}"),
    "room_unassigned": (
        400,
        200,
        "A Zoom Room user cannot be changed to a no-meeting-license user type: {user}.",
    ),
    "pmi_unassigned": (
        400,
        200,
        'You cannot change PMI information for a "No Meetings License" user.',
    ),
    "manager": (400, 300, "Invalid parameter: manager."),
    "about_me": (
        400,
        300,
        "The `about_me` field is illegal and can't contain hyperlinks or HTML code.",
    ),
    "linkedin_url": (
        400,
        300,
        "The `linkedin_url` field is illegal. The URL must contain `linkedin.com`.",
    ),
    "events_basic": (
        400,
        300,
        'You cannot change the user type to "Basic" because this user has an upcoming Zoom Events'
        " scheduled.",
    ),
    "events_status": (
        400,
        300,
        "You cannot deactivate this user because the user has an upcoming Zoom Events scheduled.",
    ),
    "status_unchanged": (400, 300, "The user already has this status."),
    "email_domain": (
        400,
        1116,
        "Domain name doesn't match. Please contact the Zoom Customer Support to set managed"
        " domains for your account.",
    ),
    "email_other_admin": (400, 1000, "Admin can not change other admins email."),
    "email_taken": (400, 300, 'Email "{email}" has already been used.'),
    "email_too_often": (400, 300, "The email has been changed too many times within 24 hours."),
    # add-ons
    "large_meeting_type": (
        400,
        1108,
        "Only Licensed or On-prem users can enable the large meeting feature.",
    ),
    "webinar_type": (
        400,
        1122,
        "Webinar feature can only be enabled for Licensed or On-prem users.",
    ),
    "webinar_beside_events": (
        400,
        1204,
        "You can't enable the Webinar feature because you already have the Zoom Events feature.",
    ),
    "events_beside_webinar": (
        400,
        1205,
        "You can't enable the Zoom Events feature because you already have the Webinar feature.",
    ),
    "events_type": (
        400,
        1206,
        "You can only enable the Zoom Events feature for Licensed or On-prem users.",
    ),
    "concurrent_meeting_type": (
        400,
        1207,
        'You can only enable the "Concurrent Meeting" feature for Licensed users or On-prem users.',
    ),
    "whiteboards": (
        400,
        1242,
        'You cannot set "Zoom Whiteboard" and "Zoom Whiteboard Plus" at the same time.',
    ),
    # leaving
    "owner": (400, 200, "Cannot delete a user out of your account."),
    "room": (400, 200, "Cannot delete a Zoom Rooms user."),
    "undeletable": (
        400,
        200,
        "Unable to delete this deactivated user. Please contact Zoom support team for more"
        " information.",
    ),
    "api_user": (400, 300, "Unable to unlink API user(s)."),
    "transfer_license": (
        400,
        300,
        "The destination user does not have a {license} or higher license and cannot receive this"
        " data.",
    ),
    "transfer_events": (
        400,
        300,
        "The destination user does not have a Zoom Events license and cannot receive this data.",
    ),
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
