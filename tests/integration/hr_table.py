"""The HR table of the tests: what the seed has, and what must become of it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

from devstack import postgres
from tests.readme import PROJECT
from zoom_provider.simulator.server import Simulator

DAG_ID = "zoom_onboarding_postgres"
DAG_FILE = PROJECT / "dags" / f"{DAG_ID}.py"
SEED = (PROJECT / "dags" / "data" / "hr_seed.sql").read_text(encoding="utf-8")
PAGE = "docs/sources/postgres.md"
SOURCE = "hr_postgres hr.employees"
BERLIN = ZoneInfo("Europe/Berlin")
LICENSED, BASIC = 2, 1

# Who has a Zoom account when HR's data comes: one who has left and comes back, one who has married
# since, one without any change.
IN_ZOOM = (
    {"email": "katarzyna.zielinska@example.com", "type": 2, "status": "inactive"},
    {
        "email": "siobhan.nidhomhnaill@example.com",
        "type": 2,
        "first_name": "Siobhán",
        "last_name": "Ní Dhomhnaill",
    },
    {"email": "wei.wang@example.com", "type": 2, "first_name": "伟", "last_name": "王"},
)
MARRIED, BACK = "siobhan.nidhomhnaill@example.com", "katarzyna.zielinska@example.com"

# The outcomes of the rows that the seed has for the backfill's 30 days, beside the invited.
REJECTED = {
    "1037": ("", "user_info.email"),
    "1043": ("fatima.zahra@example.com", "user_info.type"),
    "1046": ("abdurehman.memet@example.com", "user_info.last_name"),
}
LEFT = "chloe.dubois@example.com"
IN_30_DAYS = {
    **dict.fromkeys(("1027", "1028", "1029", "1030", "1035", "1036", "1038"), LICENSED),
    **dict.fromkeys(("1041", "1045", "1047", "1048", "1049"), LICENSED),
    **dict.fromkeys(("1033", "1034", "1039", "1040", "1042"), BASIC),
    # The contractors, whatever their department; who came back without an account; the late one.
    **{"1031": BASIC, "1044": BASIC, "1008": LICENSED, "1026": LICENSED},
}


def seed(server: postgres.Server) -> None:
    server.run_sql("hr", f"DROP SCHEMA IF EXISTS hr CASCADE; {SEED}")


def made(zoom: Simulator) -> Counter[str]:
    """Count how often each person was created."""
    return Counter(
        entry["email"]
        for entry in zoom.requests("POST /v2/users")
        if entry["method"] == "POST" and entry["status"] == 201
    )


def read_report(path: str) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
