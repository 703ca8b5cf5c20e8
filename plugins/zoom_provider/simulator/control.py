"""The control endpoints: what a test or a person does to the simulator from outside."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import HTMLResponse, Response

from zoom_provider.simulator.faults import Fault
from zoom_provider.simulator.page import render
from zoom_provider.simulator.people import UserSeed
from zoom_provider.simulator.world import World

_USER_SEEDS = TypeAdapter(list[UserSeed])
_DONE = {"status": "ok"}


def describe_validation_error(error: ValidationError) -> str:
    """Describe in one line what is wrong with the input."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)
    )


def control(world: World) -> APIRouter:
    """Give the endpoints; they are neither limited nor logged."""
    endpoints = _Endpoints(world)
    router = APIRouter()
    for method, path, endpoint in (
        ("GET", "/", endpoints.page),
        ("GET", "/control/state", endpoints.state),
        ("GET", "/control/requests", endpoints.requests),
        ("PATCH", "/control/settings", endpoints.configure),
        ("POST", "/control/reset", endpoints.reset),
        ("POST", "/control/clock", endpoints.advance_clock),
        ("POST", "/control/people", endpoints.seed),
        ("POST", "/control/people/{email:path}/confirm", endpoints.confirm),
        ("POST", "/control/revoke-tokens", endpoints.revoke_tokens),
        ("POST", "/control/faults", endpoints.add_fault),
        ("DELETE", "/control/faults", endpoints.clear_faults),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_model=None)
    return router


class _Endpoints:
    def __init__(self, world: World) -> None:
        self._world = world

    async def page(self) -> Response:
        """Show people and counts to a person."""
        body = render(self._world).encode("utf-8", "replace")
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return HTMLResponse(body, headers={"Content-Security-Policy": policy})

    async def state(self) -> Response:
        """Give people, counts, switches and faults."""
        return _json(self._world.state())

    async def requests(self) -> Response:
        """Give the calls so far, without bodies and secrets."""
        with self._world.lock:
            return _json(self._world.request_log.entries())

    async def configure(self, request: Request) -> Response:
        """Change some switches."""
        try:
            self._world.configure(_object(await request.json()))
        except ValueError as error:
            return _refused(error)
        return _json(self._world.settings.public())

    async def reset(self) -> Response:
        """Return to the start."""
        self._world.reset()
        return _json(_DONE)

    async def advance_clock(self, request: Request) -> Response:
        """Move the clock forward by some seconds: ``{"forward": 3600}``."""
        try:
            self._world.advance_clock(float(_object(await request.json())["forward"]))
        except (KeyError, TypeError, ValueError) as error:
            return _refused(error)
        return _json({"now": self._world.now()})

    async def seed(self, request: Request) -> Response:
        """Add one person, or a list of them."""
        try:
            given = await request.json()
            people = _USER_SEEDS.validate_python(given if isinstance(given, list) else [given])
        except ValueError as error:
            return _refused(error)
        self._world.seed(people)
        return _json(_DONE, 201)

    async def confirm(self, email: str) -> Response:
        """Let a pending person accept the invitation."""
        if self._world.confirm(email):
            return _json(_DONE)
        why = f"no pending person has the address {email}"
        return _json({"status": "refused", "why": why}, 404)

    async def revoke_tokens(self) -> Response:
        """Kill every access token."""
        with self._world.lock:
            self._world.grants.revoke_all()
        return _json(_DONE)

    async def add_fault(self, request: Request) -> Response:
        """Let something go wrong."""
        try:
            fault = Fault.model_validate(await request.json())
        except ValueError as error:
            return _refused(error)
        with self._world.lock:
            self._world.faults.add(fault)
        return _json(fault.model_dump(), 201)

    async def clear_faults(self) -> Response:
        """Let nothing go wrong any more."""
        with self._world.lock:
            self._world.faults.clear()
        return _json(_DONE)


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError("a JSON object is wanted")
    return data


def _json(data: Any, status: int = 200) -> Response:
    # Escaped to ASCII: people's names may hold what UTF-8 cannot.
    return Response(json.dumps(data), status, media_type="application/json")


def _refused(error: Exception) -> Response:
    text = describe_validation_error(error) if isinstance(error, ValidationError) else str(error)
    return _json({"status": "refused", "why": text}, 422)
