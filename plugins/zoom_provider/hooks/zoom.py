"""A Connection becomes settings becomes a client."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import BaseHook

from zoom_provider._compat import mask_secret
from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import ZoomSettings, settings_from_fields, unknown_extras
from zoom_provider.api.transport import StopSignal
from zoom_provider.api.users import UserStatus
from zoom_provider.exceptions import ZoomError, ZoomPendingError
from zoom_provider.hooks.airflow_io import token_store
from zoom_provider.models.user_update import validate_changes
from zoom_provider.provisioning.create_user import post_user
from zoom_provider.provisioning.groups import add_to_group
from zoom_provider.provisioning.names import Names
from zoom_provider.provisioning.remove_user import send_delete
from zoom_provider.provisioning.report import Outcome
from zoom_provider.provisioning.set_status import STATUS_AFTER
from zoom_provider.provisioning.settle import call_once
from zoom_provider.provisioning.update_user import update_user

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

log = logging.getLogger(__name__)

_TEST_TIMEOUT = 10.0


class ZoomHook(BaseHook):
    """
    Calls Zoom's API with the credentials of an Airflow connection.

    Every method that calls Zoom may raise a :class:`~zoom_provider.exceptions.ZoomError`, whose
    ``remedy`` says whether another try can help.

    :param zoom_conn_id: a connection of type ``zoom``
    :param stop: ends all waits once it is set, and nothing new is sent
    """

    conn_name_attr = "zoom_conn_id"
    default_conn_name = "zoom_default"
    conn_type = "zoom"
    hook_name = "Zoom"

    def __init__(
        self, zoom_conn_id: str = default_conn_name, *, stop: StopSignal | None = None
    ) -> None:
        super().__init__()
        self.zoom_conn_id = zoom_conn_id
        self._stop = stop

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the fields of the connection form, for Airflow 2."""
        from zoom_provider.hooks.connection_form import get_connection_form_widgets

        return get_connection_form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return labels and placeholders of the connection form, for Airflow 2."""
        from zoom_provider.hooks.connection_form import get_ui_field_behaviour

        return get_ui_field_behaviour()

    @cached_property
    def client(self) -> ZoomClient:
        """
        The client, made at the first call.

        :raises ZoomValidationError: the connection is not usable; by field
        """
        connection = self.get_connection(self.zoom_conn_id)
        return build_client(connection, with_store=True, stop=self._stop)

    def get_conn(self) -> ZoomClient:
        """Return :attr:`client`."""
        return self.client

    def create_user(self, action: str, user_info: Mapping[str, Any]) -> dict[str, Any]:
        """
        Create a person; return Zoom's reply (``id``, ``email``, ``type``, names).

        A lost reply is settled by looking the person up, so that nobody is created twice.

        :param action: ``create``, ``autoCreate``, ``custCreate`` or ``ssoCreate``
        :param user_info: the person, by the names of Zoom's reference
        :raises ZoomValidationError: before any call, with all faults by field
        :raises ZoomUserExistsError: Zoom had the person before; with the person
        :raises ZoomForeignAccountError: the address has a Zoom account elsewhere
        """
        client = self.get_conn()
        return post_user(client, client.validate_user(action, user_info))

    def get_user(self, user: str) -> dict[str, Any]:
        """
        Return a person.

        :param user: id or e-mail address
        :raises ZoomNotFoundError: Zoom has no such person in this account
        """
        return self.get_conn().get_user(user)

    def list_users(self, status: UserStatus = "active") -> Iterator[dict[str, Any]]:
        """
        Yield all people who are ``active``, ``inactive`` or ``pending`` (these have no ``id``).

        :raises ZoomProtocolError: Zoom's pages do not end
        """
        return self.get_conn().list_users(status)

    def update_user(self, user: str, fields: Mapping[str, Any]) -> None:
        """
        Change the given fields of a person and no others; Zoom drops it for a pending one.

        :param user: id or e-mail address
        :param fields: by the names of Zoom's reference for PATCH
        """
        self.get_conn().update_user(user, fields)

    def set_user_status(self, user: str, action: Literal["activate", "deactivate"]) -> None:
        """
        Activate a person, or deactivate them, which takes their licences away.

        A lost reply is settled by looking.

        :param user: id or e-mail address
        """
        client = self.get_conn()
        call_once(
            client,
            lambda: client.set_user_status(user, action),
            lambda: client.get_user(user).get("status") == STATUS_AFTER[action],
        )

    def delete_user(
        self,
        user: str,
        action: Literal["disassociate", "delete"] = "disassociate",
        **transfer: str | bool,
    ) -> None:
        """
        Take a person out of the account (``disassociate``) or delete them.

        :param user: id or e-mail address
        :param transfer: ``transfer_email`` and what goes there, such as ``transfer_meeting=True``
        :raises ZoomNotFoundError: Zoom has no such person in this account
        :raises ZoomUnconfirmedError: Zoom's reply was lost and the user is gone, but whether the
            transfers took place is not known
        """
        send_delete(self.get_conn(), user, action, transfer)

    def change_email(self, user: str, email: str) -> None:
        """
        Give a user another address; the id, meetings and recordings stay.

        Zoom takes addresses in the account's managed domains only, three a day.

        :param user: id or e-mail address
        :raises ZoomPendingError: the user has not accepted the invitation
        :raises ZoomNotAppliedError: Zoom said yes and did not
        """
        self._update(user, {"email": email})

    def sign_out(self, user: str) -> None:
        """
        End the sessions of a user who has signed in by single sign-on.

        :param user: id or e-mail address
        """
        self.get_conn().sign_out(user)

    def list_groups(self) -> Iterator[dict[str, Any]]:
        """Yield the account's groups: ``id``, ``name``, ``total_members``."""
        return self.get_conn().list_groups()

    def add_to_group(self, group: str, users: Sequence[str]) -> None:
        """
        Add users to a group; members stay members.

        :param group: id or name
        :param users: ids or e-mail addresses
        :raises ZoomNotAppliedError: Zoom answered with success and left users out
        """
        client = self.get_conn()
        add_to_group(client, Names(client).group_id(group), users)

    def remove_from_group(self, group: str, user: str) -> None:
        """
        Remove a user from a group; one who is no member is left as they are.

        :param group: id or name
        :param user: id or e-mail address
        """
        self._update(user, {"groups": {"remove": [group]}})

    def list_roles(self) -> list[dict[str, Any]]:
        """Return the account's roles: ``id``, ``name``, ``total_members``."""
        return self.get_conn().list_roles()

    def assign_role(self, role: str, user: str) -> None:
        """
        Give a user a role in place of the present one.

        :param role: id or name; ``Member`` takes the present one away
        :param user: id or e-mail address
        :raises ZoomNotAppliedError: Zoom answered with success and assigned nothing
        """
        self._update(user, {"role": role})

    def unassign_role(self, role: str, user: str) -> None:
        """
        Take a role away, which leaves the user a Member; one without it is left as they are.

        :param role: id or name
        :param user: id or e-mail address
        """
        client = self.get_conn()
        if Names(client).role_id(role) == str(client.get_user(user).get("role_id")):
            self._update(user, {"role": None})

    def get_plan_usage(self) -> dict[str, Any]:
        """
        Return what the account has bought and uses, by plan.

        ``plan_base`` and others hold ``hosts`` (bought), ``usage`` and ``pending`` (held by
        invitations).
        """
        return self.get_conn().get_plan_usage()

    def _update(self, user: str, fields: Mapping[str, Any]) -> None:
        result = update_user(self.get_conn(), user, validate_changes(fields).given())
        if result.outcome is Outcome.PENDING:
            raise ZoomPendingError(
                "Nothing was sent: the user has not accepted the invitation, and Zoom drops what "
                "is written to pending users.",
                email=result.user.get("email"),
            )

    def test_connection(self) -> tuple[bool, str]:
        """Try the connection with one token request and one cheap read; never raise."""
        try:
            connection = self.get_connection(self.zoom_conn_id)
            settings = settings_from_connection(connection)
            client = ZoomClient(
                replace(settings, timeout=min(settings.timeout, _TEST_TIMEOUT)),
                on_secret=mask_secret,
                retry=False,
                # A token of its own: one from before would hide that the secret is wrong now.
                tokens=TokenCache(),
            )
            with closing(client):
                texts = [client.check_connection(), *unknown_extras(connection.extra_dejson)]
            return True, " ".join(texts)
        except ZoomError as error:
            return False, str(error)
        except Exception as error:  # Airflow shows what is raised here as a bare HTTP 500
            return False, f"The connection could not be read ({type(error).__name__})."


def build_client(connection: Connection, *, with_store: bool = False, **options: Any) -> ZoomClient:
    """
    Build the client of a connection; its secrets are masked in logs from now on.

    :param with_store: keep rotated tokens where all workers find them, if the grant rotates them
    :param options: of :class:`~zoom_provider.api.base_client.BaseClient`
    :raises ZoomValidationError: the connection is not usable; by field
    """
    settings = settings_from_connection(connection)
    for text in unknown_extras(connection.extra_dejson):
        log.warning("Connection %s: %s", connection.conn_id, text)
    # Airflow masks it as it is stored; what is sent is without the blanks around it.
    for secret in (settings.client_secret, settings.refresh_token, settings.access_token):
        if secret:
            mask_secret(secret)
    store = token_store() if with_store and settings.grant_type == "refresh_token" else None
    return ZoomClient(settings, on_secret=mask_secret, store=store, **options)


def settings_from_connection(connection: Connection) -> ZoomSettings:
    """
    Turn an Airflow connection into settings.

    :raises ZoomValidationError: with all errors by field
    """
    extra: object = connection.extra_dejson  # Airflow masks its secrets here
    if extra == {} and not _is_json(connection.extra or "{}"):
        extra = connection.extra  # of which Airflow makes an empty object
    return settings_from_fields(
        login=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        extra={} if extra is None else extra,
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return not text.strip()
    return True
