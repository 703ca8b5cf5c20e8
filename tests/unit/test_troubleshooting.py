"""
The messages that docs/troubleshooting.md quotes, each brought about on the local Zoom.

In a quote ``…`` may stand for anything. Each quote of the page's table about Zoom is a case here
and the other way round, so that the page stays true.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from tests.readme import codes, table
from tests.support import DAY, JANE, connection
from zoom_provider.exceptions import ZoomError
from zoom_provider.hooks.zoom import ZoomHook
from zoom_provider.operators.users import ZoomCreateUserOperator, ZoomCreateUsersOperator
from zoom_provider.simulator.server import Simulator, running
from zoom_provider.simulator.settings import ALL_SCOPES

PAGE = "docs/troubleshooting.md"
BOB: dict[str, Any] = {"email": "bob@example.com", "type": 1, "first_name": "Bob"}
LICENSED = {**JANE, "type": 2}
GRANT = {"grant_type": "refresh_token", "refresh_token": "a-refresh-token"}


class Bench:
    """
    What brings a message about.

    :param zoom: the local Zoom, to which ``zoom_default`` leads
    """

    def __init__(
        self,
        zoom: Simulator,
        patch: pytest.MonkeyPatch,
        folder: Path,
        log: pytest.LogCaptureFixture,
    ) -> None:
        self.zoom, self.patch, self.folder, self.log = zoom, patch, folder, log
        log.set_level(logging.INFO)

    def where(self, **switches: Any) -> Bench:
        """Set switches of the local Zoom."""
        self.zoom.configure(**switches)
        return self

    def without(self, *scopes: str) -> Bench:
        """Take scopes from the app."""
        return self.where(scopes=[scope for scope in ALL_SCOPES if scope not in scopes])

    def with_(self, *people: Any) -> Bench:
        """Add people to the account."""
        self.zoom.seed(*people)
        return self

    def failing(self, kind: str, on: str = "* /v2/*", **more: Any) -> Bench:
        """Let something go wrong at every call."""
        self.zoom.fault(kind, on=on, times=None, **more)
        return self

    def connected(self, **changes: Any) -> Bench:
        """Change the connection."""
        self.patch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(self.zoom, **changes))
        return self

    def env(self, name: str, value: str) -> Bench:
        """Set a variable of the environment."""
        self.patch.setenv(name, value)
        return self

    def roster(self, content: bytes) -> str:
        """Write a file of people; return its path."""
        path = self.folder / "hr.csv"
        path.write_bytes(content)
        return str(path)

    def tested(self) -> str:
        """Press Test."""
        return ZoomHook().test_connection()[1]

    def looked_up(self) -> str:
        """Look Jane up."""
        try:
            return str(ZoomHook().get_user(JANE["email"]))
        except ZoomError as error:
            return str(error)

    def one(self, person: Any = JANE, **options: Any) -> str:
        """Create one person; return the log and what it ends with."""
        return self._run(ZoomCreateUserOperator(task_id="one", user_info=person, **options))

    def many(self, *people: Any, **options: Any) -> str:
        """Create several people; return the log, what it ends with, and the report."""
        if "roster" not in options:
            options["users"] = list(people)
        report = self.folder / "report.jsonl"
        task = ZoomCreateUsersOperator(task_id="many", report=str(report), **options)
        texts = [self._run(task)]
        for path in (report.with_suffix(".csv"), report.with_suffix(".rejects.csv")):
            texts += [path.read_text("utf-8")] if path.exists() else []
        return "\n".join(texts)

    def _run(self, task: Any) -> str:
        ids = dict.fromkeys(("dag_id", "run_id", "task_id"), "one")
        ti = SimpleNamespace(xcom_push=lambda key, value: None, map_index=-1, **ids)
        end: object = ""
        task.render_template_fields({"ti": ti, "params": {}})
        try:
            end = task.execute({"ti": ti})
        except (ZoomError, AirflowFailException) as error:
            end = error
        return f"{self.log.text}\n{end}"


def private_authority(bench: Bench) -> str:
    """Speak https with a certificate from an unknown authority."""
    with running(tls_dir=bench.folder) as zoom:
        bench.zoom = zoom
        return bench.connected(extra={"ca_bundle": ""}).tested()


def old_invitation(bench: Bench) -> str:
    """Invite Jane, and let a month go by."""
    bench.one()
    bench.zoom.advance_clock(31 * DAY)
    return bench.looked_up()


FREE = {JANE["email"]: "free"}
PAID = {JANE["email"]: "paid"}
PENDING = {**JANE, "first_name": "J", "status": "pending"}
INACTIVE = {**PENDING, "status": "inactive"}

CASES: dict[str, Callable[[Bench], str]] = {
    # the connection
    "The Zoom connection is not usable. account_id: Account ID (account_id) is missing; …": (
        lambda b: b.connected(extra={"account_id": ""}).one()
    ),
    "The Client ID or the Client Secret is wrong (look for a trailing blank).": (
        lambda b: b.where(client_secret="another").tested()
    ),
    "The Account ID is wrong.": lambda b: b.where(account_id="another").tested(),
    "The app is not a Server-to-Server OAuth app, or it is not activated.": (
        lambda b: b.where(app_active=False).tested()
    ),
    "Zoom does not accept the access token, also after a new one was asked for.": (
        lambda b: b.failing("error", code=124).looked_up()
    ),
    "A refresh token is spent inside a task only, where the next one can be stored": (
        lambda b: b.connected(extra=GRANT).tested()
    ),
    "Zoom does not accept the connection's access token (any more): it lives for an hour.": (
        lambda b: b.connected(
            extra={"grant_type": "access_token", "access_token": "old"}
        ).looked_up()
    ),
    # what the app may do
    "To create people the app still lacks the scope user:write:user:admin": (
        lambda b: b.without("user:write:user:admin").tested()
    ),
    "The Zoom app lacks a scope. Add user:write:user:admin to the app (Scopes page), save, …": (
        lambda b: b.without("user:write:user:admin").one()
    ),
    "Existing users are found by Zoom's refusals alone: The Zoom app lacks a scope.": (
        lambda b: b.without("user:read:list_users:admin").many(
            *({**BOB, "email": f"p{n}@example.com"} for n in range(4))
        )
    ),
    "the role of the Zoom app's owner may lack a permission …": (
        lambda b: b.where(missing_permissions=["User:Edit"]).one()
    ),
    'Zoom says: "No permission."': (
        lambda b: b.where(managed_domains=["example.org"]).one(action="autoCreate")
    ),
    "Zoom denies this account the use of its API.": (
        lambda b: b.failing("error", code=403).looked_up()
    ),
    "ssoCreate needs single sign-on, which is not enabled for this Zoom account.": (
        lambda b: b.one(action="ssoCreate")
    ),
    "ssoCreate needs the account's SSO setting 'Provision User: Prior to Sign-In'; …": (
        lambda b: b.where(sso="no_preprovision").one(action="ssoCreate")
    ),
    "user_info.type 1 with custCreate: Zoom's partner guide asks for 2": (
        lambda b: b.one(action="custCreate")
    ),
    "Zoom does not permit this account to do that; its support can tell why.": (
        lambda b: b.failing("error", code=2016).one(LICENSED, action="custCreate")
    ),
    # the person
    "user_info cannot be read (not shown: neither JSON nor a Python literal; …)": (
        lambda b: b.one("{email: jane@example.com}")
    ),
    "Zoom has this user already": lambda b: b.with_(JANE).one(),
    "The address has a Zoom account of its own, outside this one.": (
        lambda b: b.where(foreign_accounts=FREE).one()
    ),
    "The address holds an active Zoom account elsewhere, which Zoom does not hand over": (
        lambda b: b.where(foreign_accounts=PAID).one()
    ),
    "existing,…,the user is pending": lambda b: b.with_(PENDING).many(JANE),
    "the user is pending, and Zoom drops changes to pending users": (
        lambda b: b.with_(PENDING).many(JANE, if_exists="update")
    ),
    "needs_human,…,the user is inactive: activate them first": (
        lambda b: b.with_(INACTIVE).many(JANE, if_exists="update")
    ),
    "The user's invitation has expired; create the user again, which invites them.": (
        old_invitation
    ),
    "user_info.email is outside the connection's allowed_domains (example.org)": (
        lambda b: b.connected(extra={"allowed_domains": "example.org"}).one()
    ),
    "The e-mail domain is blocked or managed in this account; an owner can change that.": (
        lambda b: b.where(blocked_domains=["example.com"]).one()
    ),
    "The e-mail domain is not among those that this Zoom account allows.": (
        lambda b: b.where(limited_domains=["example.org"]).one()
    ),
    "must not have more than 5 Chinese characters": (
        lambda b: b.many({**JANE, "first_name": "一二三四五六"})
    ),
    # seats
    "No licensed seat is free in the Zoom account (pending people hold seats too).": (
        lambda b: b.where(seats={"licensed": 0}).one(LICENSED)
    ),
    "No basic seat is free in the Zoom account (pending people hold seats too).": (
        lambda b: b.where(seats={"basic": 0}).one()
    ),
    "No Zoom Phone licence is free in the Zoom account": (
        lambda b: b.where(seats={"zoom_phone": 0}).one(
            {**LICENSED, "feature": {"zoom_phone": True}}
        )
    ),
    "No licensed seat is free: those bought (seats) are all in use, by pending people too.": (
        lambda b: b.many(LICENSED, seats={"licensed": 0})
    ),
    # limits
    "Zoom: HTTP 429, code 429, tracking id …; again in … s": (
        lambda b: b.failing("429", limit="qps").one()
    ),
    "Zoom kept refusing POST /v2/users as too many calls for longer than max_wait.": (
        lambda b: b.failing("429", limit="qps").one()
    ),
    "The Zoom account's daily limit for POST /v2/users is reached; it is renewed at …": (
        lambda b: b.failing("429", limit="creates").one()
    ),
    "deferred_quota,…The Zoom account's daily limit for POST /v2/users is reached": (
        lambda b: b.where(create_cap=1, limits_enforced=True).many(
            JANE, BOB, {**BOB, "email": "c@example.com"}
        )
    ),
    # the way to Zoom
    "was answered with text/html that is not Zoom's: a proxy or a log-in page is in between.": (
        lambda b: b.failing("html").looked_up()
    ),
    "was redirected; redirects are not followed, since they would carry the token away.": (
        lambda b: b.failing("redirect").looked_up()
    ),
    "the proxy (HTTPS_PROXY) cannot be reached or refuses": (
        lambda b: (
            b.env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("NO_PROXY", "")
            .env("no_proxy", "")
            .connected(host="https://zoom.invalid")
            .tested()
        )
    ),
    "the host's name is not known; check the connection's host": (
        lambda b: b.connected(host="https://zoom.invalid").tested()
    ),
    "the server's certificate does not hold (…); for a private authority set the connection's "
    "ca_bundle": private_authority,
    "the file of certificate authorities cannot be read; check the connection's ca_bundle": (
        lambda b: b.connected(host="https://zoom.invalid", extra={"ca_bundle": "/no/file"}).tested()
    ),
    "Zoom failed at GET /v2/users/{user}.": lambda b: b.failing("status").looked_up(),
    "the user may or may not be there. With if_exists='skip' it is safe to try again later.": (
        lambda b: b.failing("status").one()
    ),
    # many people
    "2 people are more than max_creates=1 allows; no user was created": (
        lambda b: b.many(JANE, BOB, max_creates=1)
    ),
    "1 of 2 people failed; max_failures allows none. Who and why: …": (
        lambda b: b.many({**JANE, "type": 7}, BOB)
    ),
    "duplicate of row 1": lambda b: b.many(JANE, JANE),
    "has no column 'Work Email' in its header, for Zoom's email": (
        lambda b: b.many(
            roster=b.roster(b"Email,type\n"), mapping={"email": "Work Email", "type": "type"}
        )
    ),
    "has 2 columns 'email' in its header, for Zoom's email": (
        lambda b: b.many(roster=b.roster(b"email;type;E-Mail;EMAIL\n"))
    ),
    "Row 3 names the columns: give header_row=3": (
        lambda b: b.many(roster=b.roster(b"New hires\n\nemail;type\n"))
    ),
    "is not UTF-8: byte 3 of line 2 is 0xeb. Export it as CSV UTF-8, or say what it is, such as "
    "encoding='cp1252'": (
        lambda b: b.many(roster=b.roster("email,type\nzoë@example.com,1\n".encode("latin-1")))
    ),
    "is an Excel file of the old form (.xls), or one with a password: save it as .xlsx without a "
    "password": lambda b: b.many(roster=b.roster(b"\xd0\xcf\x11\xe0")),
    "column 'department' holds a value that the mapping lacks: 'Legal'": (
        lambda b: b.many(
            {"mail": "a@example.com", "department": "Legal"},
            mapping={"email": "mail", "type": {"column": "department", "map": {"Sales": 2}}},
        )
    ),
}


@pytest.mark.parametrize("quote", CASES)
def test_a_quoted_message_is_what_is_said(
    quote: str,
    connected: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    said = CASES[quote](Bench(connected, monkeypatch, tmp_path, caplog))

    pattern = ".*".join(re.escape(part) for part in quote.split("…"))
    assert re.search(pattern, said), said


def test_the_page_quotes_these_and_no_others() -> None:
    rows = table("| what you see", "## Zoom", page=PAGE)
    assert [codes(cells[0])[0] for cells in rows] == list(CASES)
