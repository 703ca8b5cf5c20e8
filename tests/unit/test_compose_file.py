"""What docker-compose.yaml promises, read from the file: no Docker is needed."""

from __future__ import annotations

from typing import Any, Final

import yaml
from cryptography.fernet import Fernet

from tests.readme import text_of

FILE: Final = "docker-compose.yaml"
COMPOSE: Final[dict[str, Any]] = yaml.safe_load(text_of(FILE))
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
# Runs once and ends.
ONCE: Final = {"migrate"}
# Airflow's own; the others have no Airflow to configure.
AIRFLOW: Final = {*SERVICES} - {"postgres", "redis", "zoom"}


def test_all_containers_share_one_fernet_key() -> None:
    keys = {SERVICES[name]["environment"]["AIRFLOW__CORE__FERNET_KEY"] for name in AIRFLOW}
    [cipher] = map(Fernet, keys)
    assert cipher.decrypt(cipher.encrypt(b"a password")) == b"a password"


def test_each_service_that_goes_on_is_watched_and_restarted() -> None:
    lacking = {
        name: missing
        for name, service in SERVICES.items()
        if name not in ONCE and (missing := {"healthcheck", "restart"} - set(service))
    }
    assert lacking == {}
    assert {SERVICES[name]["restart"] for name in {*SERVICES} - ONCE} == {"always"}


def test_a_service_waits_until_those_that_it_needs_are_healthy() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            expected = "completed_successfully" if needed in ONCE else "healthy"
            assert how["condition"] == f"service_{expected}", (name, needed)


def test_data_that_must_last_is_in_named_volumes() -> None:
    mounts = {
        name: [mount.split(":")[0] for mount in service.get("volumes", [])]
        for name, service in SERVICES.items()
    }
    assert "postgres" in mounts["postgres"]
    assert all("logs" in mounts[name] for name in AIRFLOW)
    used = {source for sources in mounts.values() for source in sources if source[0] not in "./"}
    assert used == set(COMPOSE["volumes"])


def test_nothing_listens_beyond_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_file_says_that_it_is_not_for_production() -> None:
    assert "NOT FOR PRODUCTION" in text_of(FILE).partition("services:")[0]
