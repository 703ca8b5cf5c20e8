"""Every refusal in a copy of Zoom's API description, which its terms keep out of this project."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.requires import require


@dataclass(frozen=True)
class Refusal:
    """One text of an error that the reference lists for a call."""

    method: str
    path: str
    status: int
    code: int
    text: str


def documented_refusals(*paths: str) -> list[Refusal]:
    """
    List the refusals of calls, or skip the test where there is no description.

    :param paths: those of the calls, such as ``/users``; none means all
    """
    file = os.environ.get("ZOOM_OPENAPI", "")
    require("Zoom's API description", file, "let ZOOM_OPENAPI name a copy of it")
    found = []
    for path, operations in json.loads(Path(file).read_text("utf-8"))["paths"].items():
        for method, operation in operations.items():
            if not paths or path in paths:
                for status, response in operation["responses"].items():
                    found += [
                        Refusal(method.upper(), path, int(status), code, text)
                        for code, text in _errors(response.get("description") or "")
                    ]
    return found


def _errors(description: str) -> list[tuple[int, str]]:
    """Take codes and texts out of ``**Error Code:** `300` <br> One text. <br> Another.`` apart."""
    _, *parts = re.split(r"\*{0,2}Error Code:\*{0,2}\s*`(\d+)`", description)
    found = []
    for code, texts in zip(parts[::2], parts[1::2], strict=True):
        for line in re.split(r"<br\s*/?>|\n", texts):
            text = line.strip().strip("*").strip()
            if re.search(r"\w", text):
                found.append((int(code), text))
    return found
