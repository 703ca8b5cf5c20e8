"""What the README says, in parts that tests can hold against the project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[1]
TEXT: Final = (PROJECT / "README.md").read_text(encoding="utf-8")

_BLOCK: Final = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n *)?```(?P<language>\w*)\n(?P<code>.*?)\n *```", re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """
    A piece of code in the README.

    :param mark: the comment above it, which says what becomes of it in the tests
    """

    language: str
    mark: str
    code: str


def blocks() -> list[Block]:
    """List all pieces of code, in their order."""
    found = _BLOCK.finditer(TEXT)
    return [Block(m["language"], m["mark"] or "", m["code"]) for m in found]


def block(name: str) -> str:
    """Return the commands that a test of this name runs."""
    [code] = [b.code for b in blocks() if b.mark == f"run by a test: {name}"]
    return code


def table(heading: str, section: str = "# ") -> list[list[str]]:
    """
    Return the rows of a table, cell by cell.

    :param heading: how its first line begins: ``| exception``
    :param section: a heading that it comes after
    """
    _, found, rest = TEXT[TEXT.index(section) :].partition(heading)
    assert found, f"The README has no table with {heading!r}"
    # The heading and the line below it are not rows.
    lines = [line.strip() for line in rest.partition("\n\n")[0].splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def codes(text: str) -> list[str]:
    """List what is set as code in a piece of text."""
    return re.findall(r"`([^`]+)`", text)
