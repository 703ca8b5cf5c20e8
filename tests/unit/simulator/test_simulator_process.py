"""The simulator as a program, and as a server within this process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

import zoom_provider
from zoom_provider.simulator.server import running
from zoom_provider.simulator.settings import SimulatorSettings

# A process of its own does not know where pytest found the package.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(zoom_provider.__file__).parents[1])}
COMMAND = [sys.executable, "-m", "zoom_provider.simulator", "--port", "0"]


@contextmanager
def program(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the program and wait for its line."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*COMMAND, *options], stdout=pipe, stderr=pipe, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run something that ends by itself."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_when_told(number: signal.Signals) -> None:
    with program("--fault", '{"kind": "slow", "seconds": 60}') as (process, line):
        url = re.fullmatch(r"Local Zoom ready at (http://127\.0\.0\.1:\d+)\n", line)
        assert url is not None
        # A connection that stays open does not keep it from ending.
        with requests.Session() as session:
            assert session.get(f"{url[1]}/control/state", timeout=10).ok
            # Nor does a call that is still to be answered.
            with pytest.raises(requests.ReadTimeout):
                session.get(f"{url[1]}/v2/users", timeout=0.1)
            process.send_signal(number)
            assert process.wait(timeout=20) == 0
        assert process.communicate() == ("", "")


def test_every_switch_is_an_option(tmp_path: Path) -> None:
    people = tmp_path / "people.json"
    people.write_text(json.dumps([{"email": "jane@example.com", "type": 2}]))
    with program(
        *("--plan", "business", "--limits-enforced", "off", "--seats", "basic=5,licensed=none"),
        *(
            "--foreign-accounts",
            "Ann@b.com=free,joe@b.com=paid",
            "--blocked-domains",
            "a.com b.com",
        ),
        *("--put-status-code", "200", "--create-cap", "none", "--latency-ms", "1.5"),
        *("--fault", '{"kind": "status", "on": "POST *"}', "--people", str(people)),
    ) as (_, line):
        url = line.split()[-1]
        state = requests.get(f"{url}/control/state", timeout=10).json()

    defaults = SimulatorSettings().public()
    chosen = {
        "plan": "business",
        "limits_enforced": False,
        "seats": {**defaults["seats"], "basic": 5},
        "foreign_accounts": {"ann@b.com": "free", "joe@b.com": "paid"},
        "blocked_domains": ["a.com", "b.com"],
        "put_status_code": 200,
        "create_cap": None,
        "latency_ms": 1.5,
    }
    assert state["settings"] == {**defaults, **chosen}
    assert [person["email"] for person in state["people"]] == ["jane@example.com"]
    assert state["faults"][0]["on"] == "POST *"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--plan", "gold"], "plan"),
        (["--no-such-switch", "1"], "--no-such-switch"),
        (["--seats", "basic=many"], "seats.basic"),
        (["--fault", '{"kind": "explode"}'], "kind"),
        (["--people", "/nowhere/people.json"], "people.json"),
    ],
)
def test_wrong_options_are_explained(options: list[str], word: str) -> None:
    done = run(*COMMAND, *options)

    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(*COMMAND[:-1], port)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"127.0.0.1:{port}: Address already in use")


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "trustme"])
def test_a_missing_package_is_explained(package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None;"
        "from zoom_provider.simulator.__main__ import main; sys.exit(main([]))"
    )
    done = run(sys.executable, "-c", code)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert 'pip install "airflow-provider-zoom[simulator]"' in done.stderr


def test_it_needs_neither_airflow_nor_the_rest_of_the_package() -> None:
    code = (
        "import sys, zoom_provider.simulator.__main__, zoom_provider.simulator.server;"
        "print(*(n for n in sys.modules if n.partition('.')[0] in ('airflow', 'zoom_provider')))"
    )
    done = run(sys.executable, "-c", code)

    names = done.stdout.split()
    assert "zoom_provider.simulator.server" in names
    own = ("zoom_provider", "zoom_provider.simulator")
    assert [n for n in names if n not in own and not n.startswith(own[1] + ".")] == []


def test_https_with_its_own_authority(tmp_path: Path) -> None:
    with running(tls_dir=tmp_path / "tls") as zoom:
        assert zoom.url.startswith("https://127.0.0.1:")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{zoom.url}/control/state", timeout=10)
        body = requests.get(f"{zoom.url}/control/state", verify=zoom.ca, timeout=10).json()
        assert body["people"] == []
        zoom.fault("cut_before", on="GET /v2/*")
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{zoom.url}/v2/users", verify=zoom.ca, timeout=10)
    assert os.stat(tmp_path / "tls" / "server.key").st_mode & 0o077 == 0


def test_two_at_once_know_nothing_of_each_other() -> None:
    with running() as one, running() as two:
        one.seed("jane@example.com")
        assert one.url != two.url
        assert two.people() == []


def test_its_port_is_free_again() -> None:
    with running() as zoom:
        port = int(zoom.url.rpartition(":")[2])
    with running(port=port) as zoom:
        assert zoom.url.endswith(f":{port}")


def test_a_test_can_look_inside() -> None:
    settings = SimulatorSettings(plan="business")
    with running(settings, people=(), clock=lambda: 1_800_000_000.0) as zoom:
        zoom.seed({"email": "jane@example.com", "status": "pending", "id": "jane-id"})
        assert zoom.confirm("jane@example.com")
        assert not zoom.confirm("jane@example.com")
        person = zoom.person("jane-id")
        assert person is not None
        assert (person["status"], person["created"]) == ("active", 1_800_000_000)
        requests.get(f"{zoom.url}/v2/users/jane-id", timeout=10)
        [entry] = zoom.requests("GET /v2/users/*")
        assert (entry["status"], entry["code"]) == (401, 124)
        assert (entry["label"], entry["email"]) == ("LIGHT", "jane@example.com")
        assert entry["time"] == 1_800_000_000
        assert zoom.requests("POST *") == []
        zoom.reset()
        assert (zoom.people(), zoom.requests(), zoom.settings) == ([], [], settings)
