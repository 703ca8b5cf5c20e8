"""The mailbox for mails that must not leave this machine."""

from __future__ import annotations

import os
import smtplib
from email.message import EmailMessage
from pathlib import Path

import requests

from devstack.processes import Processes, free_port


def test_a_mail_is_kept_and_shown_as_text(tmp_path: Path) -> None:
    port = free_port(0)
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "<i>Zöom</i>", "a@example.com", "hr@example.com"
    mail.set_content("plain")
    mail.add_alternative('<p id="x">Hello</p><script>1</script>', subtype="html")
    session = requests.Session()
    session.trust_env = False
    with Processes(tmp_path, dict(os.environ)) as processes:
        url = processes.start_server("mailbox", "tests.stand_ins.mailbox", f"--port={port}")
        assert url.startswith("http://127.0.0.1:")
        assert "Mailbox: 0" in session.get(url, timeout=10).text
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.send_message(mail)
        page = session.get(url, timeout=10)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for shown in (
        "&lt;i&gt;Zöom&lt;/i&gt;",
        "hr@example.com",
        "&gt;&lt;p id=&quot;x&quot;&gt;Hello",
    ):
        assert shown in page.text
    assert "<script" not in page.text
    assert free_port(port) == port, "It still listens"
