"""What the README and the pages in docs/ say, in parts that tests can hold against the project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[1]
README: Final = "README.md"
TEXT: Final = (PROJECT / README).read_text(encoding="utf-8")
PAGES: Final = (
    README,
    *sorted(path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("docs/**/*.md")),
)
"""All that is written for users, by the path inside the project."""

_BLOCK: Final = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n *)?```(?P<language>\w*)\n(?P<code>.*?)\n *```", re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """
    A piece of code on a page.

    :param mark: the comment above it, which says what becomes of it in the tests
    """

    language: str
    mark: str
    code: str


def text_of(page: str) -> str:
    """Return the text of a page."""
    return (PROJECT / page).read_text(encoding="utf-8")


def blocks(page: str = README) -> list[Block]:
    """List all pieces of code of a page, in their order."""
    found = _BLOCK.finditer(text_of(page))
    return [Block(m["language"], m["mark"] or "", m["code"]) for m in found]


def block(name: str, page: str = README) -> str:
    """Return the code that a test of this name runs."""
    [code] = [b.code for b in blocks(page) if b.mark == f"run by a test: {name}"]
    return code


def table(heading: str, section: str = "# ", page: str = README) -> list[list[str]]:
    """
    Return the rows of a table, cell by cell.

    :param heading: how its first line begins: ``| exception``
    :param section: a heading that it comes after
    """
    text = text_of(page)
    _, found, rest = text[text.index(section) :].partition(heading)
    assert found, f"{page} has no table with {heading!r}"
    # The heading and the line below it are not rows.
    lines = [line.strip() for line in rest.partition("\n\n")[0].splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def codes(text: str) -> list[str]:
    """List what is set as code in a piece of text."""
    return re.findall(r"`([^`]+)`", text)
