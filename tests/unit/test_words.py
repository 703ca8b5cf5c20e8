"""Words that make the project's English hard to read, and names that it has given up, stay out."""

from __future__ import annotations

import re
import subprocess
from typing import Final

import pytest

from tests.readme import PROJECT

THIS: Final = "tests/unit/test_words.py"
KINDS: Final = ("*.py", "*.md", "*.rst", "*.html", "*.jinja2", "*.yaml", "*.yml", "*.toml", "*.sql")
RARE: Final = re.compile(
    r"\b(some|no|every)body\b|\bwhom\b|\bwhoever\b|\banew\b|\bmend(s|ed)?\b|\bt(old|ells)\b", re.I
)
SLOGAN: Final = re.compile(r"nobody (is )?created twice", re.I)
# The field has other words for these: rate limiter, request_with_retries, existing users, ...
OLD: Final = re.compile(
    r"\b(Pacer|foretell|_Crew|find_known|puts_off|put_off_rest|_EVERYBODYS|persist|by_field|"
    r"calls_worth_making|retried_only_where_it_helps|tell_asset|client_of|Newcomer|Diary|_suffer)\b"
)
PACKAGE: Final = "plugins/"


def texts() -> dict[str, list[str]]:
    """Return the lines of each tracked file with text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *KINDS],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: only there it is known which files are the project's")
    names = [name for name in listed.stdout.split("\0") if name and name != THIS]
    return {
        name: path.read_text(encoding="utf-8").splitlines()
        for name in names
        if (path := PROJECT / name).is_file()
    }


def found(pattern: re.Pattern[str], line: str) -> bool:
    return bool(pattern.search(SLOGAN.sub("", line)))


@pytest.mark.parametrize("word", ["somebody", "Nobody", "whom", "anew", "mended", "told", "tells"])
def test_each_rare_word_would_be_found(word: str) -> None:
    assert found(RARE, f"a line with {word} in it")
    assert not found(RARE, "nobody is created twice; nobody created twice; an embedded amendment")


def test_no_line_has_a_rare_word() -> None:
    lines = texts()
    assert len(lines) > 100
    assert [
        f"{name}:{number}: {line.strip()}"
        for name, content in lines.items()
        for number, line in enumerate(content, start=1)
        if found(RARE, line)
    ] == []


def test_the_package_has_none_of_the_names_that_were_given_up() -> None:
    assert [
        f"{name}:{number}: {line.strip()}"
        for name, content in texts().items()
        if name.startswith(PACKAGE)
        for number, line in enumerate(content, start=1)
        if found(OLD, line)
    ] == []
