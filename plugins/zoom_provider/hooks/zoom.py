"""A Connection becomes settings becomes a client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import BaseHook

from zoom_provider._compat import mask_secret
from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import ZoomSettings, settings_from_fields
from zoom_provider.api.transport import StopSignal
from zoom_provider.api.users import UserStatus
from zoom_provider.exceptions import ZoomError
from zoom_provider.hooks.airflow_io import token_store
from zoom_provider.provisioning.create_user import post_user

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

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
        settings = settings_from_connection(self.get_connection(self.zoom_conn_id))
        # Airflow masks it as it is stored; what is sent is without the blanks around it.
        for secret in (settings.client_secret, settings.refresh_token, settings.access_token):
            if secret:
                mask_secret(secret)
        return ZoomClient(
            settings,
            on_secret=mask_secret,
            store=token_store() if settings.grant_type == "refresh_token" else None,
            stop=self._stop,
        )

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

        :param user: id or e-mail address
        """
        self.get_conn().set_user_status(user, action)

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
        """
        self.get_conn().delete_user(user, action, **transfer)

    def test_connection(self) -> tuple[bool, str]:
        """Try the connection with one token request and one cheap read; never raise."""
        try:
            settings = settings_from_connection(self.get_connection(self.zoom_conn_id))
            client = ZoomClient(
                replace(settings, timeout=min(settings.timeout, _TEST_TIMEOUT)),
                on_secret=mask_secret,
                retry=False,
                # A token of its own: one from before would hide that the secret is wrong now.
                tokens=TokenCache(),
            )
            with closing(client):
                return True, client.check_connection()
        except ZoomError as error:
            return False, str(error)
        except Exception as error:  # Airflow shows what is raised here as a bare HTTP 500
            return False, f"The connection could not be read ({type(error).__name__})."


def settings_from_connection(connection: Connection) -> ZoomSettings:
    """
    Turn an Airflow connection into settings.

    :raises ZoomValidationError: with all faults by field
    """
    return settings_from_fields(
        login=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        extra=connection.extra_dejson,
    )
