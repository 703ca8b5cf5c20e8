"""
What creates people, each run in a process of its own: ``python -m tests.benchmarks.contenders``.

Prints what it took as one line of JSON: ``people`` who were made, ``seconds`` and ``cpu`` seconds
of the creating phase, ``calls``, ``rate_limited``, and ``peak`` memory of the process in MB. The
creating phase begins when the roster is open and existing users are known, before the first
post; it ends when every outcome is written down.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import requests

from tests.benchmarks.roster import person, write_roster

Took = dict[str, Any]

UNBOUND: Final = 20_000
"""Calls a second as our own pace where limits are off: ten times what two cores reach."""

CLIENT_ID, CLIENT_SECRET = "simulated-client-id", "simulated-client-secret"
ACCOUNT_ID = "simulated-account-id"


class Phase:
    """Time and processor time between ``begin`` and ``end``."""

    def begin(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def end(self) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu = time.process_time() - self._cpu

    def took(self, people: int, **more: Any) -> Took:
        return {"people": people, "seconds": self.seconds, "cpu": self.cpu, **more}


def unbind() -> None:
    """Let our own pacing bound nothing, in this process alone."""
    from zoom_provider.api.rate_limit import PER_SECOND

    for label in PER_SECOND["business"]:
        PER_SECOND["business"][label] = UNBOUND


def operator(url: str, people: int, folder: Path) -> Took:
    """Execute ZoomCreateUsersOperator over a CSV file (a); its connection is in the variable."""
    from zoom_provider.operators.users import ZoomCreateUsersOperator
    from zoom_provider.provisioning.runner import Runner

    phase, run = Phase(), Runner.run

    def timed(self: Runner, rows: Any) -> None:
        phase.begin()
        try:
            run(self, rows)
        finally:
            phase.end()

    Runner.run = timed  # type: ignore[method-assign]  # in this process alone
    task = ZoomCreateUsersOperator(
        task_id="create",
        roster=str(write_roster(folder / "roster.csv", people)),
        report=str(folder / "report.jsonl"),
    )
    ids = {"dag_id": "bench", "run_id": "bench", "task_id": "create", "map_index": -1}
    context = {"ti": SimpleNamespace(xcom_push=lambda key, value: None, **ids)}
    result = task.execute(cast(Any, context))
    made = result["outcomes"].get("invited", 0)
    return phase.took(made, calls=result["calls"], rate_limited=result["rate_limited"])


def token_of(url: str) -> str:
    """Ask for a token, as every contender does before it begins."""
    form = {"grant_type": "account_credentials", "account_id": ACCOUNT_ID}
    auth = (CLIENT_ID, CLIENT_SECRET)
    reply = requests.post(f"{url}/oauth/token", data=form, auth=auth, timeout=30)
    reply.raise_for_status()
    return str(reply.json()["access_token"])


def poster(url: str) -> Callable[[requests.Session, int], None]:
    """Make what posts one person with bare requests."""
    bearer = f"Bearer {token_of(url)}"

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = bearer
        return request

    def post(session: requests.Session, number: int) -> None:
        body = {"action": "create", "user_info": person(number)}
        # With auth given, requests does not look for a .netrc file: one thing less to do.
        reply = session.post(f"{url}/v2/users", json=body, auth=sign, timeout=30)
        reply.raise_for_status()
        if not reply.json()["id"]:
            raise RuntimeError(f"No id: {reply.text}")

    return post


def floor(url: str, people: int, threads: int) -> Took:
    """Post with bare requests in threads (d), a session for each, and do nothing else."""
    post = poster(url)
    numbers = iter(range(people))
    lock = threading.Lock()
    made = [0] * threads

    def work(mine: int) -> None:
        with requests.Session() as session:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                post(session, number)
                made[mine] += 1

    crew = [threading.Thread(target=work, args=(mine,)) for mine in range(threads)]
    phase = Phase()
    phase.begin()
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    phase.end()
    return phase.took(sum(made))


def zoomus(url: str, people: int) -> Took:
    """Run a sequential script with zoomus (c), which opens a connection for each call."""
    from zoomus import ZoomClient  # type: ignore[import-untyped]

    client = ZoomClient(
        CLIENT_ID,
        CLIENT_SECRET,
        ACCOUNT_ID,
        base_uri=f"{url}/v2",
        oauth_uri=f"{url}/oauth/token",
    )
    made, phase = 0, Phase()
    phase.begin()
    for number in range(people):
        made += client.user.create(action="create", user_info=person(number)).status_code == 201
    phase.end()
    return phase.took(made)


def hook(url: str, people: int) -> Took:
    """
    Compare the hook's processor time per call to that of a session that posts the same.

    In one process and in turns of a tenth each; ``ratio`` is the median of the turns'.
    """
    from zoom_provider.hooks.zoom import ZoomHook

    zoom, post, session = ZoomHook(), poster(url), requests.Session()
    zoom.get_conn().auth.token()
    turns: dict[str, list[float]] = {"hook": [], "session": []}
    with session:
        for number in range(200):
            post(session, number)
            zoom.create_user("create", person(number + 200))
        first = 400
        for _ in range(10):
            for name, make in (
                ("hook", lambda n: zoom.create_user("create", person(n))),
                ("session", lambda n: post(session, n)),
            ):
                began = time.process_time()
                for number in range(first, first := first + people // 10):
                    make(number)
                turns[name].append((time.process_time() - began) / (people // 10))
    medians = {name: statistics.median(times) for name, times in turns.items()}
    ratios = [a / b for a, b in zip(turns["hook"], turns["session"], strict=True)]
    return {"people": first, **medians, "ratio": statistics.median(ratios)}


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    # Not getrusage: a process inherits from the one that started it.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("The kernel does not tell VmHWM")


def main() -> None:
    """Run one contender and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=("operator", "floor", "zoomus", "hook"))
    parser.add_argument("url")
    parser.add_argument("people", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--unbound", action="store_true", help="without our own pacing")
    given = parser.parse_args()
    if given.unbound:
        unbind()
    took = {
        "operator": lambda: operator(given.url, given.people, given.folder),
        "floor": lambda: floor(given.url, given.people, given.threads),
        "zoomus": lambda: zoomus(given.url, given.people),
        "hook": lambda: hook(given.url, given.people),
    }[given.contender]()
    print(json.dumps({**took, "peak": peak()}))


if __name__ == "__main__":
    main()
