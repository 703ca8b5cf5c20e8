"""A simulator that runs in a thread of this process, and the handle to it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from zoom_provider.simulator.app import CONNECTION, build_app
from zoom_provider.simulator.faults import Fault
from zoom_provider.simulator.lifecycle import accept, expire, find_pending, tick
from zoom_provider.simulator.person import UserSeed
from zoom_provider.simulator.portal import NewGroup, add_group, change_person
from zoom_provider.simulator.settings import SimulatorSettings
from zoom_provider.simulator.sso import Assertion, log_in
from zoom_provider.simulator.tls import write_certificates
from zoom_provider.simulator.world import World

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as HTTPProtocol
else:
    HTTPProtocol = AutoHTTPProtocol


class _ExposesConnection(HTTPProtocol):
    """Hands the application its connection, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[CONNECTION] = transport
            await inner(scope, receive, send)

        self.app = app


class _Server(uvicorn.Server):
    """Says when it is ready, or that it will never be."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()


@dataclass(frozen=True, slots=True)
class Simulator:
    """
    A running simulator.

    :param url: its origin, e.g. ``http://127.0.0.1:40123``
    :param ca: the file of its certificate authority, where it speaks https
    """

    url: str
    world: World
    ca: str | None = None

    @property
    def settings(self) -> SimulatorSettings:
        """The switches as they stand."""
        return self.world.settings

    def configure(self, **switches: Any) -> None:
        """Set some switches: ``configure(plan="business", seats={"basic": 3})``."""
        self.world.configure(switches)

    def fault(self, kind: str, **parameters: Any) -> None:
        """Let something go wrong: ``fault("cut_after", on="POST /v2/users")``."""
        fault = Fault.model_validate({"kind": kind, **parameters})
        with self.world.lock:
            self.world.faults.add(fault)

    def faults(self) -> list[dict[str, Any]]:
        """List the faults, with how often each has ``struck``."""
        with self.world.lock:
            return self.world.faults.to_list()

    def seed(self, *people: Mapping[str, Any] | str) -> None:
        """Add people, given as attributes or by their address alone."""
        given = ({"email": p} if isinstance(p, str) else p for p in people)
        self.world.seed([UserSeed.model_validate(p) for p in given])

    def people(self) -> list[dict[str, Any]]:
        """List all people of the account, in the order they came."""
        with self.world.lock:
            tick(self.world)
            return [person.to_dict() for person in self.world.people]

    def person(self, user: str) -> dict[str, Any] | None:
        """Find a person by address or id."""
        with self.world.lock:
            tick(self.world)
            person = self.world.people.find(user)
            return person.to_dict() if person else None

    def confirm(self, email: str) -> bool:
        """Let a pending person accept the invitation."""
        with self.world.lock:
            person = find_pending(self.world, email)
            if person is not None:
                accept(self.world, person)
            return person is not None

    def expire(self, email: str) -> bool:
        """Let the invitation of a pending person expire at once."""
        with self.world.lock:
            person = find_pending(self.world, email)
            if person is not None:
                expire(self.world, person)
            return person is not None

    def change(self, user: str, **attributes: Any) -> None:
        """Change attributes of a person past every rule: ``change("jane-id", role_id="1")``."""
        with self.world.lock:
            person = self.world.people.find(user)
            if person is None:
                raise LookupError(user)
            change_person(self.world, person, attributes)

    def group(self, name: str, *members: str, group_id: str | None = None) -> str:
        """Make a group with members, by address or id; return its id."""
        with self.world.lock:
            given = NewGroup(name=name, id=group_id, members=list(members))
            return str(add_group(self.world, given)["id"])

    def role(self, name: str, role_id: str | None = None) -> str:
        """Make a role; return its id."""
        with self.world.lock:
            return self.world.roles.add(name, role_id)

    def sso_login(self, email: str, **assertion: Any) -> dict[str, Any]:
        """
        Let a person log in by SSO.

        :param assertion: what the identity provider says, as in :class:`~.sso.Assertion`
        :raises LoginRefused: where Zoom does not let the person in
        """
        with self.world.lock:
            tick(self.world)
            return log_in(self.world, Assertion(email=email, **assertion)).to_dict()

    def events(self) -> list[dict[str, Any]]:
        """List what Zoom would have sent to a webhook."""
        return self.world.events()

    def requests(self, on: str = "*") -> list[dict[str, Any]]:
        """List the calls so far, all or those that match, e.g. ``"POST /v2/users"``."""
        pattern = Fault(kind="status", on=on)
        with self.world.lock:
            entries = self.world.request_log.entries()
        return [e for e in entries if pattern.matches(e["method"], e["path"], e["email"])]

    def state(self) -> dict[str, Any]:
        """Give all counts, as the control endpoint does."""
        with self.world.lock:
            tick(self.world)
            return self.world.state()

    def token(self) -> str:
        """Make an access token, as if a client had asked for it over HTTP."""
        with self.world.lock:
            return self.world.grants.issue(self.settings, self.world.now(), "account_credentials")

    def revoke_tokens(self) -> None:
        """Kill every access token."""
        with self.world.lock:
            self.world.grants.revoke_all()

    def advance_clock(self, seconds: float) -> None:
        """Move the simulator's clock forward; the client's stays where it is."""
        self.world.advance_clock(seconds)

    def reset(self) -> None:
        """Return to how it started."""
        self.world.reset()


@contextmanager
def running(
    settings: SimulatorSettings | None = None,
    *,
    people: Iterable[UserSeed] = (),
    faults: Iterable[Fault] = (),
    tls_dir: str | Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], float] | None = None,
) -> Iterator[Simulator]:
    """
    Run a simulator until the block ends.

    :param people: the people at the start and after a reset
    :param faults: what waits to go wrong at the start and after a reset
    :param tls_dir: speak https, and write the authority and certificate to this folder
    :param port: 0 for any that is free
    :param clock: the time in seconds since 1970, UTC
    :raises OSError: where the port is taken
    """
    world = World(settings, people, faults, clock)
    files = write_certificates(Path(tls_dir), host) if tls_dir is not None else None
    listener = _listen(host, port)
    config = uvicorn.Config(
        build_app(world),
        http=_ExposesConnection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_graceful_shutdown=1,
        ssl_certfile=str(files.certificate) if files else None,
        ssl_keyfile=str(files.key) if files else None,
    )
    server = _Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="zoom-simulator", daemon=True
    )
    thread.start()
    server.ready.wait()
    shown = f"[{host}]" if ":" in host else host
    url = f"{'https' if files else 'http'}://{shown}:{listener.getsockname()[1]}"
    try:
        yield Simulator(url, world, str(files.ca) if files else None)
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, asyncio turns Nagle's algorithm off; else each reply may wait 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener
