"""Operators for users who are there: update them, set their status, remove them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import conf

from zoom_provider.exceptions import ZoomPendingError
from zoom_provider.operators._base import ZoomBaseOperator
from zoom_provider.operators._parameters import check_parameters

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from zoom_provider.provisioning.update_user import UpdateResult

__all__ = ["ZoomDeleteUserOperator", "ZoomSetUserStatusOperator", "ZoomUpdateUserOperator"]

_DEFERRABLE = conf.getboolean("operators", "default_deferrable", fallback=False)


class ZoomUpdateUserOperator(ZoomBaseOperator):
    """
    Update one user in Zoom: profile, licence, e-mail address, groups and role.

    Only what differs is sent: the fields of ``PATCH /users/{userId}`` in one call, e-mail address,
    groups and role each by theirs. Then the user is read back: a field that Zoom said yes to and
    did not write fails the task with ``ZoomNotAppliedError``.

    Returns ``{"id", "email", "outcome", "changed": {field: {"old", "new"}}}``; ``outcome`` is
    ``updated``, ``unchanged`` or ``pending``. Of names, phone numbers and other personal fields
    ``changed`` holds the field with an empty object, no values.

    With :data:`zoom_provider.assets.ZOOM_USERS` among its outlets, the event's ``extra`` holds
    ``{"outcomes": {outcome: 1}}``.

    :param user: the user's id or e-mail address (templated)
    :param fields: the fields to write, by the names of Zoom's reference for PATCH, besides
        ``email``, ``groups`` (a list of names or ids to join, or ``{"add": [...], "remove":
        [...]}``) and ``role`` (name or id): an object, a JSON text, a template that renders to
        either, or an upstream task's output. A value sets, None clears, an absent name is left
        alone (templated)
    :param on_pending: what to do with a user who has not accepted the invitation, and whose
        changes Zoom drops: ``fail``, ``skip`` (outcome ``pending``, nothing is written) or
        ``wait`` (without a worker, until the user is active) (templated)
    :param wait_timeout: how long ``wait`` waits, from the first look on
    :param poll_interval: seconds between two looks at a pending user
    :param zoom_conn_id: a connection of type ``zoom`` (templated)
    :param deferrable: when the account's daily limit is reached, wait for its reset without
        holding a worker; ``on_pending="wait"`` always does (templated)
    """

    template_fields: Sequence[str] = (
        *("user", "fields", "on_pending", "deferrable", "zoom_conn_id"),
    )
    template_fields_renderers = {"fields": "json"}  # noqa: RUF012 - as Airflow declares it
    people_fields = ("fields",)
    masked_name = "host_key"

    def __init__(
        self,
        *,
        user: str,
        fields: dict[str, Any] | str,
        on_pending: str = "fail",
        wait_timeout: timedelta = timedelta(days=30),
        poll_interval: float = 300,
        zoom_conn_id: str = "zoom_default",
        deferrable: bool | str = _DEFERRABLE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user = user
        self.fields = fields
        self.on_pending = on_pending
        self.wait_timeout = wait_timeout
        self.poll_interval = poll_interval
        self.zoom_conn_id = zoom_conn_id
        self.deferrable = deferrable
        check_parameters(
            self, words={"on_pending": ("fail", "skip", "wait")}, booleans=("deferrable",)
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Update the user; return what changed."""
        return self._update(context, None, None)

    def execute_complete(
        self,
        context: Context,
        event: Any = None,
        user: str | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """Go on after the daily limit's reset, or look again at a user who was pending."""
        return self._update(context, user, deadline)

    def _update(self, context: Context, user: str | None, deadline: float | None) -> dict[str, Any]:
        from zoom_provider.models.user_update import validate_changes
        from zoom_provider.provisioning.update_user import update_user
        from zoom_provider.provisioning.user_options import ON_PENDING, parse_user, parse_word

        with self.fail_fast_on_permanent_errors():
            on_pending = parse_word("on_pending", self.on_pending, ON_PENDING)
            # By address after a wait: the id of a pending user need not last.
            wanted_user = user or parse_user(self.user)
            wanted = validate_changes(self.get_people("fields")).given()
            result = self.call_or_defer(
                lambda: update_user(self.hook.client, wanted_user, wanted),
                user=user,
                deadline=deadline,
            )
            if result.outcome == "pending" and on_pending != "skip":
                self._wait_or_fail(result, on_pending, deadline)
        return self.finish(context, result.user, result.outcome, changed=result.changed)

    def _wait_or_fail(
        self, result: UpdateResult, on_pending: str, deadline: float | None
    ) -> NoReturn:
        from zoom_provider.triggers.users import ZoomUserActivatedTrigger

        email = str(result.user.get("email"))
        if on_pending == "fail":
            raise ZoomPendingError(
                "Nothing was sent: the user has not accepted the invitation, and Zoom drops what "
                "is written to pending users. Choose on_pending='wait' to write it once they "
                "have, or 'skip' to go on without.",
                email=email,
            )
        now = time.time()
        deadline = now + self.wait_timeout.total_seconds() if deadline is None else deadline
        if now >= deadline:
            raise ZoomPendingError(
                f"Nothing was sent: the user has not accepted the invitation within "
                f"{self.wait_timeout}. Remind them, or invite them again: invitations expire "
                "after 30 days.",
                email=email,
            )
        self.log.info("%s: pending. Waiting without a worker until they accept.", email)
        self.defer(
            trigger=ZoomUserActivatedTrigger(
                user=email,
                zoom_conn_id=self.zoom_conn_id,
                deadline=deadline,
                poll_interval=self.poll_interval,
            ),
            method_name="execute_complete",
            kwargs={"user": email, "deadline": deadline},
        )


class ZoomSetUserStatusOperator(ZoomBaseOperator):
    """
    Activate or deactivate one user in Zoom.

    A deactivated user cannot sign in and loses all licences; settings, meetings and recordings
    stay. An activation gives none of the licences back by itself: say which with ``license``.
    A user who is so already is left as they are.

    Returns ``{"id", "email", "outcome", "changed": {field: {"old", "new"}}}``; ``outcome`` is
    ``activated``, ``deactivated`` or ``unchanged``. After a deactivation ``changed`` shows the
    licences that were taken away.

    The account's owner and administrators, Zoom Rooms and hosts of upcoming Zoom Events are
    refused with ``ZoomProtectedUserError``, which says what to do first.

    :param user: the user's id or e-mail address (templated)
    :param action: ``activate`` or ``deactivate`` (templated)
    :param sign_out: end the sessions of a user who is deactivated (templated)
    :param license: the licences to give back after an activation, by the names of Zoom's reference
        for PATCH: ``{"type": 2, "plan_united_type": "8"}`` (templated)
    :param zoom_conn_id: a connection of type ``zoom`` (templated)
    :param deferrable: when the account's daily limit is reached, wait for its reset without
        holding a worker (templated)
    """

    template_fields: Sequence[str] = (
        *("user", "action", "sign_out", "license", "deferrable", "zoom_conn_id"),
    )
    template_fields_renderers = {"license": "json"}  # noqa: RUF012 - as Airflow declares it
    people_fields = optional_fields = ("license",)

    def __init__(
        self,
        *,
        user: str,
        action: str,
        sign_out: bool | str = True,
        license: dict[str, Any] | str | None = None,
        zoom_conn_id: str = "zoom_default",
        deferrable: bool | str = _DEFERRABLE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user = user
        self.action = action
        self.sign_out = sign_out
        self.license = license
        self.zoom_conn_id = zoom_conn_id
        self.deferrable = deferrable
        check_parameters(
            self,
            words={"action": ("activate", "deactivate")},
            booleans=("sign_out", "deferrable"),
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Set the status; return what changed."""
        from zoom_provider.models.user_update import validate_license
        from zoom_provider.provisioning.set_status import set_status
        from zoom_provider.provisioning.user_options import (
            parse_boolean,
            parse_status_action,
            parse_user,
        )

        with self.fail_fast_on_permanent_errors():
            user, action = parse_user(self.user), parse_status_action(self.action)
            sign_out = parse_boolean("sign_out", self.sign_out)
            given = self.get_people("license")
            license_fields = None if given is None else validate_license(given).given()
            result = self.call_or_defer(
                lambda: set_status(
                    self.hook.client,
                    user,
                    action,
                    sign_out=sign_out,
                    license_fields=license_fields,
                )
            )
        return self.finish(context, result.user, result.outcome, changed=result.changed)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Go on after the daily limit's reset."""
        return self.execute(context)


class ZoomDeleteUserOperator(ZoomBaseOperator):
    """
    Remove one user from the Zoom account.

    ``disassociate`` leaves the user a personal Basic account under the address; ``delete`` deletes
    account and data, which cannot be undone. A user in a domain that the account manages can be
    deleted only. A pending user is removed by address with ``disassociate``, whatever the action.
    Before any call the user and the one who takes over are read.

    Returns ``{"id", "email", "outcome"}``; ``outcome`` is ``disassociated``, ``deleted`` or
    ``absent`` (the account has no such user, so nothing was sent).

    The account's owner, administrators, Zoom Rooms and hosts of Zoom Events are refused with
    ``ZoomProtectedUserError``, which says what to do first. Where Zoom's reply to a removal with
    transfers is lost and the user is gone, the task fails with ``ZoomUnconfirmedError``: only a
    person can see whether the transfers took place.

    :param user: the user's id or e-mail address (templated)
    :param action: ``disassociate`` or ``delete`` (templated)
    :param transfer: which data go to which other user: ``{"to": "lead@example.com", "what":
        ["meeting", "webinar", "recording", "whiteboard", "clipfiles", "notes", "visitors",
        "docs"]}``. Meetings under the personal meeting id are never moved (templated)
    :param zoom_conn_id: a connection of type ``zoom`` (templated)
    :param deferrable: when the account's daily limit is reached, wait for its reset without
        holding a worker (templated)
    """

    template_fields: Sequence[str] = (
        *("user", "action", "transfer", "deferrable", "zoom_conn_id"),
    )
    template_fields_renderers = {"transfer": "json"}  # noqa: RUF012 - as Airflow declares it
    people_fields = optional_fields = ("transfer",)

    def __init__(
        self,
        *,
        user: str,
        action: str = "disassociate",
        transfer: dict[str, Any] | str | None = None,
        zoom_conn_id: str = "zoom_default",
        deferrable: bool | str = _DEFERRABLE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user = user
        self.action = action
        self.transfer = transfer
        self.zoom_conn_id = zoom_conn_id
        self.deferrable = deferrable
        check_parameters(
            self, words={"action": ("disassociate", "delete")}, booleans=("deferrable",)
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Remove the user; return what became of them."""
        from zoom_provider.hooks.airflow_io import TaskAttemptNote
        from zoom_provider.models.transfer import validate_transfer
        from zoom_provider.provisioning.remove_user import remove_user
        from zoom_provider.provisioning.user_options import parse_remove_action, parse_user

        with self.fail_fast_on_permanent_errors():
            user, action = parse_user(self.user), parse_remove_action(self.action)
            transfer = validate_transfer(self.get_people("transfer"))
            note = TaskAttemptNote(context)
            is_retry = getattr(context.get("ti"), "try_number", 1) > 1
            result = self.call_or_defer(
                lambda: remove_user(
                    self.hook.client, user, action, transfer, note, is_retry=is_retry
                )
            )
        if result.reason:
            self.log.info("%s: %s", user, result.reason)
        return self.finish(context, result.user, result.outcome)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Go on after the daily limit's reset."""
        return self.execute(context)
