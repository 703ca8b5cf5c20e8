"""The name hunt: what Airflow's metadata database holds after a run, as texts."""

from __future__ import annotations

import re


def texts_in_database() -> list[str]:
    """Return each cell of Airflow's metadata database as a text, escapes read."""
    from airflow.utils.session import create_session
    from sqlalchemy import MetaData, select

    with create_session() as session:
        bind = session.get_bind()
        metadata = MetaData()
        metadata.reflect(bind)
        rows = [row for table in metadata.tables.values() for row in session.execute(select(table))]
    cells = [cell for row in rows for cell in row if cell is not None]
    texts = [bytes(c).decode("utf-8", "replace") if isinstance(c, bytes) else str(c) for c in cells]
    # JSON has letters beyond ASCII as escapes.
    return texts + [re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), t) for t in texts]
