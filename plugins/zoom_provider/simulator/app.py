"""
The HTTP side: Zoom's own calls, the control endpoints and the page, in one application.

Zoom's calls go past FastAPI's machinery on purpose: they must be judged by Zoom's rules, path by
path and byte by byte, and there must be room for hundreds of them a second on one core.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable
from typing import Protocol, cast

from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from zoom_provider.simulator.calls import Call, Entry
from zoom_provider.simulator.control import control
from zoom_provider.simulator.errors import ApiError
from zoom_provider.simulator.faults import Fault, disguise
from zoom_provider.simulator.lifecycle import move, tick
from zoom_provider.simulator.oauth import authorize_endpoint, revoke_endpoint, token_endpoint
from zoom_provider.simulator.operations import Operation, find_operation
from zoom_provider.simulator.replies import HTML, Reply
from zoom_provider.simulator.world import World

# The key under which the server hands us the connection itself (see server.py).
CONNECTION = "zoom_provider.simulator.connection"


class Connection(Protocol):
    """The TCP connection, as far as faults need it."""

    def abort(self) -> None:
        """Drop it at once."""

    def close(self) -> None:
        """Send what is left, then close it."""


def build_app(world: World) -> FastAPI:
    """Put the application together around a world."""
    app = FastAPI(title="Local Zoom", docs_url=None, redoc_url=None, openapi_url="/control/api")
    app.include_router(control(world))
    app.router.routes.append(Mount("/", app=ZoomApi(world)))
    return app


class ZoomApi:
    """Answers as Zoom would: as an ASGI application of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rid = f"WEB_{secrets.token_hex(12)}"
        self._number = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, or cut its connection."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            call = Call(request, await request.body())
        except ClientDisconnect:
            return
        operation = find_operation(call)
        connection: Connection | None = scope.get("extensions", {}).get(CONNECTION)
        world = self._world
        with world.lock:
            tick(world)
            request_log = world.request_log
            email = self._find_email(call)
            fault = world.faults.strike(call.method, call.path, email)
            label = operation.label if operation else None
            entry = request_log.open(call, world.now(), label, email)
            entry.fault = fault.kind if fault else None
            entry.tracking_id = f"v=2.0;clid=us02;rid={self._rid}{next(self._number):08x}"
        try:
            reply = await self._apply_fault(fault, call, operation, email)
        except asyncio.CancelledError:
            reply = None  # the server is going down, and the caller with it
        with world.lock:
            request_log.close(entry, reply)
        if reply is None:
            await _drop(connection, receive)
        else:
            await _send(reply, entry, connection, receive, send)

    def _find_email(self, call: Call) -> str | None:
        """Return the address of the person that a call concerns, also where it names an id."""
        named = _named_user(call.segments)
        if named:
            person = self._world.people.find(named)
            return person.email if person else named if "@" in named else None
        return call.named_email if call.segments[0] == "v2" else None

    async def _apply_fault(
        self, fault: Fault | None, call: Call, operation: Operation | None, email: str | None
    ) -> Reply | None:
        """Answer a call, with whatever shall go wrong on the way."""
        world = self._world
        if fault is None:
            return await self._answer(call, operation, email)
        if fault.kind == "revoke_token":
            with world.lock:
                world.grants.revoke_all()
        if fault.kind == "move":
            with world.lock:
                person = world.people.find(fault.user)
                if person is not None:
                    move(world, person, fault.to)
        delay = fault.seconds if fault.kind == "late" else 0.0
        real = await self._answer(call, operation, email, delay) if fault.acted else None
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        return disguise(fault, real, world.settings, world.now())

    async def _answer(
        self, call: Call, operation: Operation | None, email: str | None, delay: float = 0.0
    ) -> Reply:
        """Answer as Zoom does when all is well; what it takes time for comes before it acts."""
        try:
            if operation is None:
                return await self._outside_api(call, delay)
            return await self._operate(call, operation, email, delay)
        except ApiError as error:
            return error.reply(self._world.settings.language)

    async def _operate(
        self, call: Call, operation: Operation, email: str | None, delay: float
    ) -> Reply:
        world = self._world
        held = {email.lower()} if email and operation.deed else set()
        with world.lock:
            quota = self._admit(call, operation)
            if held & world.busy:
                raise ApiError("concurrent", deed=operation.deed)
            busy = world.busy
            busy |= held
        try:
            reply = await self._act(lambda: operation.run(world, call), delay)
        finally:
            busy -= held
        if quota and not reply.headers:
            return Reply(reply.status, reply.body, reply.content_type, quota)
        return reply

    def _admit(self, call: Call, operation: Operation) -> dict[str, str]:
        """Check token, scope, role and limits, in this order."""
        world, settings, now = self._world, self._world.settings, self._world.now()
        token = world.grants.check(call, settings, now)
        if not set(operation.scopes) & set(token.scopes):
            granular = [scope for scope in operation.scopes if scope.count(":") > 2]
            raise ApiError("scope", scopes=", ".join(granular or operation.scopes))
        if operation.permission in settings.missing_permissions:
            raise ApiError("permission", permission=operation.permission)
        return world.limits.admit(operation.label, settings, now)

    async def _outside_api(self, call: Call, delay: float) -> Reply:
        world = self._world
        endpoints: dict[tuple[str, str], Callable[[], Reply]] = {
            ("POST", "/oauth/token"): lambda: token_endpoint(
                call, world.grants, world.settings, world.now()
            ),
            ("POST", "/oauth/revoke"): lambda: revoke_endpoint(call, world.grants, world.settings),
            ("GET", "/oauth/authorize"): lambda: authorize_endpoint(
                call, world.grants, world.settings, world.now()
            ),
        }
        endpoint = endpoints.get((call.method, call.path))
        if endpoint is None:
            raise ApiError("unknown_endpoint")
        return await self._act(endpoint, delay)

    async def _act(self, deed: Callable[[], Reply], delay: float) -> Reply:
        """Let time pass, then act: unless a reset has put an end to this world meanwhile."""
        world = self._world
        epoch = world.epoch
        seconds = delay + world.settings.latency_ms / 1000
        if seconds:
            await asyncio.sleep(seconds)
        with world.lock:
            return deed() if world.epoch == epoch else Reply(503)


def _named_user(segments: tuple[str, ...]) -> str:
    """Return the id or address of the person in a path of Zoom's API."""
    match segments:
        case ("v2", "users", "email" | "summary" | "features", *_):
            return ""
        case ("v2", "users", user, *_):
            return user
        case ("v2", "groups" | "roles", _, "members", user):
            return user
    return ""


async def _send(
    reply: Reply, entry: Entry, connection: Connection | None, receive: Receive, send: Send
) -> None:
    headers = {
        "cache-control": "no-cache, no-store, must-revalidate, no-transform",
        "x-content-type-options": "nosniff",
        **reply.headers,
    }
    if reply.content_type != HTML:  # such a page comes from something in front of Zoom
        headers["x-zm-trackingid"] = entry.tracking_id or ""
    if reply.content_type is not None:
        headers["content-type"] = reply.content_type
    if reply.status != 204:
        headers["content-length"] = str(reply.promised or len(reply.body))
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    whole = reply.promised is None
    body: Message = {"type": "http.response.body", "body": reply.body, "more_body": not whole}
    await send(body)
    if not whole:
        if connection is not None:
            connection.close()
        await _gone(receive)


async def _drop(connection: Connection | None, receive: Receive) -> None:
    cast(Connection, connection).abort()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    # Returning any earlier would make the server complain about a reply that is not whole.
    while (await receive())["type"] != "http.disconnect":
        pass
