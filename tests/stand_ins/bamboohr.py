"""
A stand-in for the part of BambooHR's HTTP API that ``zoom_onboarding_bamboohr`` uses.

From BambooHR's public reference (documentation.bamboohr.com, its SDKs' descriptions):

- the origin ``https://{company}.bamboohr.com``; the API key as the user name of Basic
  authentication, with any password; 401 without a good one; JSON where ``Accept`` asks for it;
- ``GET /api/v1/employees/changed?since=``: ``{"latest", "employees": {id: {"id", "action",
  "lastChanged"}}}``, actions Inserted, Updated, Deleted; 400 unless ``since`` is an ISO 8601 moment
  with its offset;
- ``POST /api/v2/datasets/employee/data`` with ``fields``, ``filter``, ``orderBy``, ``page``,
  ``pageSize`` (1 to 1000, 100 if left out): ``{"data": [{"fields": {...}}], "links", "meta":
  {"page", "pageSize", "totalPages", "totalItems"}}``; one filter has ``and`` or ``or``, not both;
  400 for an order by a field that is not asked for, 422 for a bad filter or page size, as
  ``application/problem+json``;
- people whose first day is to come have the status Inactive in data sets;
- 429 with ``Retry-After`` when there were too many requests (until September 2026: 503), 503 when
  BambooHR is away; ``X-BambooHR-Error-Message`` on other errors.

Assumed: dates in a filter are quoted as texts are; the data set's ``eeid`` is the id that
``employees/changed`` gives; a date that is not set is null; the fields' names, which differ from
account to account and are listed by ``GET /api/v1_2/datasets/employee/fields``.

``python -m tests.stand_ins.bamboohr --port N`` runs it with 29 people; half of them start
tomorrow.
"""

from __future__ import annotations

import argparse
import base64
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:?\d\d)")
CONDITION = re.compile(r"(\w+) (ge|le|eq) '([^']*)'")
HOLDS: dict[str, Callable[[str, str], bool]] = {
    "ge": lambda value, bound: value >= bound,
    "le": lambda value, bound: value <= bound,
    "eq": lambda value, bound: value == bound,
}

BERLIN = ZoneInfo("Europe/Berlin")
"""Where the company is: the day of its clock decides who is still to come."""


@dataclass
class BambooHR:
    """
    What it knows, and what it is to do.

    :param most_per_page: rows of a page at most, whatever is asked for
    :param refusals: status and Retry-After of the next replies
    :param requests: what was asked: method, path and what was sent
    """

    key: str = "bamboohr-stand-in-key"
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: dict[str, datetime] = field(default_factory=dict)
    most_per_page: int = 1000
    refusals: list[tuple[int, str | None]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    def add(self, eeid: int | str, hired: date | None, **fields: Any) -> None:
        """Enter or change a person; ``changed`` is when that was."""
        self.changed[str(eeid)] = fields.pop("changed", datetime.now(UTC))
        self.people[str(eeid)] = {
            "eeid": str(eeid),
            "email": f"person{eeid}@example.com",
            "firstName": "Jane",
            "lastName": f"Doe-{eeid}",
            "jobInformationDepartment": "Law",
            "country": "Germany",
            "hireDate": hired.isoformat() if hired else None,
            "terminationDate": None,
            "status": "Inactive" if hired and hired > datetime.now(BERLIN).date() else "Active",
            **fields,
        }

    def rows(self, query: dict[str, Any]) -> dict[str, Any] | str:
        """Answer a query of the data set, or say what is wrong with it."""
        size, page = query.get("pageSize", 100), query.get("page", 1)
        conditions = [CONDITION.fullmatch(part) for part in query["filter"].split(" and ")]
        tests = [found.groups() for found in conditions if found]
        if len(tests) < len(conditions) or not 1 <= size <= 1000:
            return "INVALID_FILTER"
        found = [
            person
            for person in self.people.values()
            if all(person[name] and HOLDS[how](person[name], to) for name, how, to in tests)
        ]
        name, _, direction = query.get("orderBy", "eeid desc").partition(" ")
        found.sort(key=lambda person: person[name], reverse=direction == "desc")
        size = min(size, self.most_per_page)
        pages = ceil(len(found) / size)
        return {
            "data": [
                {"fields": {name: person.get(name) for name in query["fields"]}}
                for person in found[(page - 1) * size : page * size]
            ],
            "links": {"next": f"{self.url}?page={page + 1}"} if page < pages else {},
            "meta": {
                **{"page": page, "pageSize": size},
                **{"totalPages": pages, "totalItems": len(found)},
            },
        }

    def changes(self, since: str) -> dict[str, Any]:
        """List who was changed."""
        after = datetime.fromisoformat(since)
        found = {eeid: at.isoformat() for eeid, at in self.changed.items() if at >= after}
        return {
            "latest": max(found.values(), default=since),
            "employees": {
                eeid: {"id": eeid, "action": "Updated", "lastChanged": at}
                for eeid, at in found.items()
            },
        }


def build_app(hr: BambooHR) -> FastAPI:
    """Put the HTTP around it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def let_in(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        sent = await request.json() if request.method == "POST" else {}
        asked = dict(parse_qsl(request.url.query))
        hr.requests.append((request.method, request.url.path, sent or asked))
        if hr.refusals:
            status, wait = hr.refusals.pop(0)
            return Response(status_code=status, headers={"Retry-After": wait} if wait else {})
        kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(encoded).partition(b":")[0] != hr.key.encode():
            return refused(401, "Invalid API key")
        return await go_on(request)

    def refused(status: int, why: str) -> Response:
        headers = {"X-BambooHR-Error-Message": why}
        problem = {"title": why, "status": status}
        kind = "application/problem+json"
        return JSONResponse(problem, status, headers=headers, media_type=kind)

    @app.get("/api/v1/employees/changed", response_model=None)
    def changed(since: str = "") -> dict[str, Any] | Response:
        return hr.changes(since) if MOMENT.fullmatch(since) else refused(400, "since is no moment")

    @app.post("/api/v2/datasets/employee/data", response_model=None)
    async def data(request: Request) -> dict[str, Any] | Response:
        query = await request.json()
        if query.get("orderBy", query["fields"][0]).split()[0] not in query["fields"]:
            return refused(400, "UE-1001")
        answer = hr.rows(query)
        return refused(422, answer) if isinstance(answer, str) else answer

    return app


@contextmanager
def running(hr: BambooHR, port: int = 0) -> Iterator[BambooHR]:
    """Serve it on this machine, from a thread; ``url`` says where."""
    # Listening from here on: who comes before the server has started waits for it.
    with socket.create_server(("127.0.0.1", port)) as listening:
        hr.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(build_app(hr), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield hr
        finally:
            server.should_exit = True
            thread.join()


def sample() -> BambooHR:
    """
    Make up a company: who starts tomorrow, who came late, who has left, who has long been there.

    Tomorrow is as the DAG's latest run has it: the one of 5:00 in Berlin.
    """
    today = (datetime.now(BERLIN) - timedelta(hours=5)).date()
    hr = BambooHR()
    tomorrow = today + timedelta(days=1)
    long_ago = datetime.now(UTC) - timedelta(days=90)
    names = "Ada Nwosu,Björn Åkerman,Min-seo Park,Sofía García,Liam Murphy,Zoë de Vries,Aiko Satō"
    given, countries = names.split(","), ["Germany", "Sweden", "South Korea", "Spain", "Ireland"]
    for number in range(25):
        first, _, last = given[number % len(given)].partition(" ")
        days = 1 if number < 14 else -400 - number
        hr.add(
            101 + number,
            today + timedelta(days=days),
            **{"firstName": first, "lastName": last, "changed": long_ago},
            **{"email": f"hire{101 + number}@example.com", "country": countries[number % 5]},
            jobInformationDepartment=("Sales", "Support", "Law")[number % 3],
        )
    hr.add(126, today - timedelta(days=3), email="late.entry@example.com")
    hr.add(127, tomorrow, email="")
    hr.add(128, tomorrow, email="withdrew@example.com", terminationDate=tomorrow.isoformat())
    left = {"status": "Inactive", "terminationDate": today.isoformat()}
    hr.add(129, today - timedelta(days=20), email="left@example.com", **left)
    return hr


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A stand-in for BambooHR, on this machine.")
    parser.add_argument("--port", type=int, default=0)
    with running(sample(), parser.parse_args().port) as company:
        print(f"ready at {company.url}", flush=True)
        threading.Event().wait()
