"""The control endpoints: what a test or a person does to the simulator from outside."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import HTMLResponse, Response

from zoom_provider.simulator.faults import Fault
from zoom_provider.simulator.lifecycle import (
    Transfer,
    accept,
    depart,
    expire,
    find_pending,
    tick,
)
from zoom_provider.simulator.page import render
from zoom_provider.simulator.person import UserSeed
from zoom_provider.simulator.portal import NewGroup, NewRole, add_group, change_person
from zoom_provider.simulator.sso import Assertion, LoginRefused, log_in
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
        ("POST", "/control/people/{email:path}/expire", endpoints.expire),
        ("PATCH", "/control/people/{email:path}", endpoints.change),
        ("DELETE", "/control/people/{email:path}", endpoints.remove),
        ("POST", "/control/sso-login", endpoints.sso_login),
        ("POST", "/control/groups", endpoints.add_group),
        ("POST", "/control/roles", endpoints.add_role),
        ("GET", "/control/events", endpoints.events),
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
        with self._world.lock:
            tick(self._world)
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
        with self._world.lock:
            person = find_pending(self._world, email)
            if person is None:
                return _missing(f"no pending person has the address {email}")
            accept(self._world, person)
        return _json(_DONE)

    async def expire(self, email: str) -> Response:
        """Let the invitation of a pending person expire."""
        with self._world.lock:
            person = find_pending(self._world, email)
            if person is None:
                return _missing(f"no pending person has the address {email}")
            expire(self._world, person)
        return _json(_DONE)

    async def change(self, email: str, request: Request) -> Response:
        """Change attributes of a person past every rule, as in Zoom's portal; ``groups`` too."""
        try:
            given = _object(await request.json())
        except ValueError as error:
            return _refused(error)
        with self._world.lock:
            person = self._world.people.find(email)
            if person is None:
                return _missing(f"no person has the address {email}")
            try:
                changed = change_person(self._world, person, given)
            except ValueError as error:
                return _refused(error)
            return _json(changed.to_dict())

    async def remove(self, email: str) -> Response:
        """Let a person vanish from the account, as an administrator would."""
        with self._world.lock:
            person = self._world.people.find(email)
            if person is None:
                return _missing(f"no person has the address {email}")
            depart(self._world, person, "delete", Transfer())
        return _json(_DONE)

    async def sso_login(self, request: Request) -> Response:
        """Let a person log in by SSO, with what their identity provider says about them."""
        try:
            assertion = Assertion.model_validate(await request.json())
        except ValueError as error:
            return _refused(error)
        with self._world.lock:
            try:
                tick(self._world)
                return _json(log_in(self._world, assertion).to_dict())
            except LoginRefused as error:
                return _json({"status": "refused", "why": str(error)}, 409)

    async def add_group(self, request: Request) -> Response:
        """Make a group: ``{"name": "Sales", "id": "g1", "members": ["jane@example.com"]}``."""
        try:
            given = NewGroup.model_validate(await request.json())
            with self._world.lock:
                return _json(add_group(self._world, given), 201)
        except ValueError as error:
            return _refused(error)

    async def add_role(self, request: Request) -> Response:
        """Make a role: ``{"name": "Support", "id": "r1"}``."""
        try:
            given = NewRole.model_validate(await request.json())
        except ValueError as error:
            return _refused(error)
        with self._world.lock:
            role_id = self._world.roles.add(given.name, given.id)
        return _json({"id": role_id, "name": given.name}, 201)

    async def events(self) -> Response:
        """Give what Zoom would have sent to a webhook."""
        return _json(self._world.events())

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


def _missing(why: str) -> Response:
    return _json({"status": "refused", "why": why}, 404)


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
