"""Operators that create users in Zoom."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from zoom_provider.exceptions import ZoomDailyLimitError, ZoomError
from zoom_provider.operators._base import ZoomBaseOperator
from zoom_provider.operators._parameters import IF_EXISTS, check_parameters
from zoom_provider.operators.bulk import ZoomCreateUsersOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from zoom_provider.api.client import ZoomClient
    from zoom_provider.provisioning.create_user import CreateResult
    from zoom_provider.provisioning.decide import IfExists

__all__ = ["ZoomCreateUserOperator", "ZoomCreateUsersOperator"]

log = logging.getLogger(__name__)

_DEFERRABLE = conf.getboolean("operators", "default_deferrable", fallback=False)


class ZoomCreateUserOperator(ZoomBaseOperator):
    """
    Create one person in Zoom (``POST /v2/users``).

    Returns Zoom's ``id``, ``email``, ``type``, ``first_name`` and ``last_name``, the ``status``
    (``pending`` until an invited person has accepted; None where the look-up failed) and the
    ``outcome``: ``invited`` (action ``create``), ``created`` (the other actions), ``existing``,
    ``updated`` or ``unchanged``.

    With :data:`zoom_provider.assets.ZOOM_USERS` among its outlets, the event's ``extra`` holds
    ``{"outcomes": {outcome: 1}}``.

    An error that no retry can cure fails the task at once, unless the task has a
    ``retry_policy``, which then decides.

    :param user_info: the person: an object, a JSON text, a template that renders to JSON or to a
        Python literal, or an upstream task's output (templated)
    :param action: ``create``, ``autoCreate``, ``custCreate`` or ``ssoCreate`` (templated)
    :param if_exists: what to do with a person who exists in Zoom: ``fail``, ``skip`` (the
        existing person is the result) or ``update`` (write the names, type, division and plan
        that differ) (templated)
    :param zoom_conn_id: a connection of type ``zoom`` (templated)
    :param deferrable: when the account's daily limit is reached, wait for its reset without
        holding a worker (templated)
    """

    template_fields: Sequence[str] = (
        *("action", "user_info", "if_exists", "deferrable", "zoom_conn_id"),
    )
    template_fields_renderers = {"user_info": "json"}  # noqa: RUF012 - as Airflow declares it
    people_fields = ("user_info",)

    def __init__(
        self,
        *,
        user_info: dict[str, Any] | str,
        action: str = "create",
        if_exists: IfExists | str = "fail",
        zoom_conn_id: str = "zoom_default",
        deferrable: bool | str = _DEFERRABLE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user_info = user_info
        self.action = action
        self.if_exists = if_exists
        self.zoom_conn_id = zoom_conn_id
        self.deferrable = deferrable
        check_parameters(self, words={"if_exists": IF_EXISTS}, booleans=("deferrable",))

    def execute(self, context: Context) -> dict[str, Any]:
        """Create the user; return who they are now."""
        with self.fail_fast_on_permanent_errors():
            created, email = self._create_user(context)
            result = _build_result(self.hook.client, created, email)
        self.set_asset_event_extra(context, {"outcomes": {result["outcome"]: 1}})
        if created.reason:
            self.log.warning("%s: %s", result["email"], created.reason)
        self.log.info(
            "%s: %s, status %s, id %s",
            *(result[name] for name in ("email", "outcome", "status", "id")),
        )
        return result

    def _create_user(self, context: Context) -> tuple[CreateResult, str]:
        """Create the user or defer; return the result and the address."""
        from zoom_provider.hooks.airflow_io import TaskAttemptNote, run_started_at
        from zoom_provider.provisioning.create_user import create_once
        from zoom_provider.provisioning.options import parse_create_options

        options = parse_create_options(if_exists=self.if_exists, deferrable=self.deferrable)
        client = self.hook.client
        request = client.validate_user(self.action, self.get_people("user_info"))
        note, since = TaskAttemptNote(context), run_started_at(context)
        try:
            return create_once(client, request, options.if_exists, note, since), request.email
        except ZoomDailyLimitError as error:
            if options.deferrable:
                self.defer_until_reset(error)
            raise

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Go on after the daily limit's reset."""
        return self.execute(context)


def _build_result(client: ZoomClient, created: CreateResult, email: str) -> dict[str, Any]:
    user = created.user
    status = user.get("status")
    if status is None:
        try:
            status = client.get_user_reply(email, retry=False).payload.get("status")
        except ZoomError as error:
            log.warning("%s: their status is not known: %s", email, error)
    fields = {name: user.get(name) for name in ("id", "email", "type", "first_name", "last_name")}
    return {**fields, "status": status, "outcome": str(created.outcome)}
