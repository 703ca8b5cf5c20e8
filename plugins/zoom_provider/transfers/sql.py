"""Rows of a database become Zoom users in one task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.operators._spooled import SpooledUsersOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

_ROWS_AT_ONCE: Final = 2_000


class SqlToZoomUsersOperator(SpooledUsersOperator):
    """
    Create the users that a query selects from any database that Airflow's common-sql reaches.

    The rows go from the database to Zoom in this task, through no XCom and no rendered field, by a
    server-side cursor where the database has one (PostgreSQL, MySQL). Besides its own parameters it
    takes those of :class:`~zoom_provider.operators.users.ZoomCreateUsersOperator` except ``users``
    and ``roster``, and has the same results. At a retry the query runs again, and users who are
    done stay done. Sort the rows (``ORDER BY``), so that their numbers mean the same in each try.

    :param sql: one ``SELECT``, or the path of a ``.sql`` file beside the DAG's (templated). It is
        a rendered field, which Airflow stores: name no people in it
    :param conn_id: a connection of a database (templated)
    :param parameters: of the query, in the style of the database's driver, such as
        ``{"day": "{{ ds }}"}`` for ``%(day)s`` (templated)
    """

    template_fields: Sequence[str] = (
        *("sql", "conn_id", "parameters"),
        *SpooledUsersOperator.template_fields,
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql", "parameters": "json"}  # noqa: RUF012

    def __init__(
        self,
        *,
        sql: str,
        conn_id: str,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        source: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(source=source or conn_id, **kwargs)
        self.sql = sql
        self.conn_id = conn_id
        self.parameters = parameters
        self._columns: list[str] | None = None

    def columns_of_rows(self) -> Sequence[str] | None:
        """Return the names of the columns that the query gave."""
        return self._columns

    def read_rows(self, context: Context) -> Iterator[Any]:
        """Run the query; yield its rows."""
        with (
            closing(self._hook().get_conn()) as connection,
            closing(open_cursor(connection)) as cursor,
        ):
            cursor.execute(self.sql, *([self.parameters] if self.parameters else []))
            while True:
                # Some drivers know the columns of a server-side cursor only now.
                rows = cursor.fetchmany(_ROWS_AT_ONCE)
                if cursor.description is None:
                    fault = "gave no rows and no columns: it must be one SELECT"
                    raise ZoomValidationError(f"sql {fault}", errors={"sql": [fault]})
                self._columns = [str(column[0]) for column in cursor.description]
                if not rows:
                    return
                yield from rows

    def _hook(self) -> Any:
        from airflow.providers.common.compat.sdk import AirflowException, BaseHook

        connection = BaseHook.get_connection(self.conn_id)
        try:
            hook: Any = connection.get_hook()
        except (AirflowException, ImportError) as error:
            fault = (
                f"{self.conn_id} is a connection of type {connection.conn_type}, whose provider "
                f"is not installed or not complete ({error}): "
                f"pip install apache-airflow-providers-{connection.conn_type}"
            )
            raise ZoomValidationError(f"conn_id {fault}", errors={"conn_id": [fault]}) from None
        if not hasattr(hook, "get_conn") or not hasattr(hook, "get_records"):
            fault = (
                f"{self.conn_id} is a connection of type {connection.conn_type}, which is no "
                "database that Airflow's common-sql reaches"
            )
            raise ZoomValidationError(f"conn_id {fault}", errors={"conn_id": [fault]})
        return hook


def open_cursor(connection: Any) -> Any:
    """Open a cursor that keeps the rows on the server, where the driver has one."""
    driver = type(connection).__module__.partition(".")[0]
    if driver == "psycopg":
        read_odd_dates(connection)
    if driver in ("psycopg2", "psycopg"):
        return connection.cursor(name="zoom_users")
    if driver in ("MySQLdb", "pymysql"):
        import importlib

        return connection.cursor(importlib.import_module(f"{driver}.cursors").SSCursor)
    return connection.cursor()


def read_odd_dates(connection: Any) -> None:
    """Let psycopg give a date that Python lacks, such as ``infinity``, as text: one row's fault."""
    from psycopg import DataError
    from psycopg.types import datetime as types

    for name, loader in (
        ("date", types.DateLoader),
        ("timestamp", types.TimestampLoader),
        ("timestamptz", types.TimestamptzLoader),
    ):

        class OddDateLoader(loader):  # type: ignore[valid-type,misc]  # chosen in the loop
            def load(self, data: Any) -> Any:
                try:
                    return super().load(data)
                except DataError:
                    return bytes(data).decode()

        connection.adapters.register_loader(name, OddDateLoader)
