"""
A mailbox on this machine: takes every e-mail, delivers none, shows them on a page.

``python -m tests.stand_ins.mailbox --port 8025`` says where both are, until Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import email
import html
import json
import signal
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
PAGE = """\
<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Mailbox</title>
<style>body {{ font: 15px sans-serif; margin: 2em }} iframe {{ width: 100%; height: 20em }}</style>
<h1>Mailbox: {count}</h1>
{mails}"""
# Nothing in a mail runs, and the page's policy lets nothing be fetched.
MAIL = """\
<h2>{subject}</h2><p>from {sender} to {recipient}, {date}</p>
<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="{body}"></iframe>"""
# The frame may not go elsewhere: links open beside the mailbox.
LINKS = '<base target="_blank">'


class Mailbox:
    """
    An SMTP server that keeps what it is sent.

    :param port: of SMTP, which must be free
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a mail."""
        mail = email.message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 Kept"

    @property
    def connection(self) -> str:
        """The connection to it, as an environment variable holds one."""
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"}
        fields = {"conn_type": "smtp", "host": HOST, "port": self.port, "extra": extra}
        return json.dumps(fields)

    def page(self) -> str:
        """Show the mails, the newest first."""
        mails = [
            MAIL.format(
                subject=html.escape(str(mail["subject"])),
                sender=html.escape(str(mail["from"])),
                recipient=html.escape(str(mail["to"])),
                date=html.escape(str(mail["date"])),
                body=html.escape(LINKS + body_of(mail)),
            )
            for mail in reversed(self.mails)
        ]
        return PAGE.format(count=len(mails), mails="\n".join(mails))


def body_of(mail: EmailMessage) -> str:
    """Give a mail's text, with its markup."""
    part = mail.get_body(("html", "plain"))
    return "" if part is None else str(part.get_content())


@contextlib.contextmanager
def receiving(port: int) -> Iterator[Mailbox]:
    """Take mails on a port of this machine until the block ends."""
    mailbox = Mailbox(port)
    controller = Controller(mailbox, hostname=HOST, port=port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@contextlib.contextmanager
def shown(mailbox: Mailbox, port: int) -> Iterator[str]:
    """Show a mailbox on a page until the block ends; give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = mailbox.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header(
                "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, port), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    """Take mails and show them until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A mailbox on this machine, with a page.")
    parser.add_argument("--port", type=int, default=8025, help="of SMTP")
    parser.add_argument("--page-port", type=int, default=0, help="of the page; by default any")
    arguments = parser.parse_args()
    # A shell that starts us in the background has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with receiving(arguments.port) as mailbox, shown(mailbox, arguments.page_port) as url:
        print(f"The mailbox is ready at {url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            Event().wait()


if __name__ == "__main__":
    main()
