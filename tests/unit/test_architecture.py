"""The map of the code in docs/architecture.md, against the code."""

from __future__ import annotations

import re

import pytest

from tests.readme import PROJECT, codes, table, text_of

PAGE = "docs/architecture.md"
PACKAGE = PROJECT / "plugins" / "zoom_provider"
STEPS = [
    (section, codes(cells[0])[0], codes(cells[1]))
    for section in ("## One creation", "## Many users")
    for cells in table("| file", section, page=PAGE)
]


@pytest.mark.parametrize(("section", "file", "names"), STEPS)
def test_each_step_is_where_the_page_says(section: str, file: str, names: list[str]) -> None:
    source = (PACKAGE / file).read_text(encoding="utf-8")
    defined = set(re.findall(r"^ *(?:def|class) (\w+)", source, re.MULTILINE))
    assert names
    assert set(names) - defined == set(), section


def test_each_file_and_folder_on_the_page_exists() -> None:
    text = re.sub(r"```.*?```", "", text_of(PAGE), flags=re.DOTALL)
    paths = {code for code in codes(text) if re.fullmatch(r"[\w./-]+(\.py|\.toml|/)", code)}
    assert len(paths) > 20
    missing = {p for p in paths if not (PACKAGE / p).exists() and not (PROJECT / p).exists()}
    assert missing == set()
