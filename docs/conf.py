"""
The site with the guides and the API reference: ``make docs``.

The guides are Markdown pages that also read well in the repository. The reference is made from the
docstrings without importing the package, so the site needs no Airflow.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PROJECT_PAGES = {
    "project/changelog": "CHANGELOG.md",
    "project/contributing": "CONTRIBUTING.md",
    "project/security": "SECURITY.md",
}
"""Pages of the site whose text lies outside this folder."""


def _constant(path: str, name: str) -> str:
    """Read a constant from a Python file, without importing it."""
    found = re.search(rf'^{name} = "([^"]+)"$', (ROOT / path).read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{path} has no line {name} = ...")
    return found[1]


project = "airflow-provider-zoom"
author = copyright = "the airflow-provider-zoom contributors"
version = release = _constant("plugins/zoom_provider/__init__.py", "__version__")
repository = _constant("setup.py", "PROJECT_URL")

extensions = ["autoapi.extension", "myst_parser", "sphinx.ext.extlinks"]
exclude_patterns = ["images/README*"]
extlinks = {"repository": (f"{repository}/blob/main/%s", "%s")}
nitpicky = True
nitpick_ignore_regex = [
    # Only this package is documented here.
    (r"py:.*", r"(?!zoom_provider\.).*"),
    # Internal modules have no page.
    (r"py:.*", r"zoom_provider\.(api|models|provisioning|hooks\.(airflow_io|files))\b.*"),
    (r"py:.*", r"zoom_provider\.simulator\.(?!server|settings|faults).*"),
]

html_theme = "furo"
html_title = f"Zoom for Apache Airflow {version}"
html_copy_source = html_show_sourcelink = False
myst_heading_anchors = 3
python_use_unqualified_type_names = True

autoapi_dirs = [str(ROOT / "plugins")]
autoapi_ignore = ["*/ui/*"]
autoapi_generate_api_docs = False  # the pages in reference/ say what is public
autoapi_member_order = "groupwise"
autoapi_python_class_content = "both"
autoapi_options = ["members", "undoc-members", "imported-members"]
# An import with a fallback has no one origin.
suppress_warnings = ["autoapi.python_import_resolution"]


def relink(text: str, base: Path, page: Path) -> str:
    """
    Point the links of a Markdown text to pages of the site, or else into the repository.

    :param base: the folder that the text's links start from
    :param page: the folder of the page on which the text is shown
    """

    def target(found: re.Match[str]) -> str:
        link, _, anchor = found[2].partition("#")
        if not link or "://" in link:
            return found[0]
        path = (base / link).resolve()
        anchor = f"#{anchor}" if anchor else ""
        inside = path.relative_to(ROOT).as_posix()
        shown = {text: f"{name}.md" for name, text in PROJECT_PAGES.items()}
        path = DOCS / shown.get(inside, path)
        if path.is_relative_to(DOCS):
            return f"{found[1]}({os.path.relpath(path, page)}{anchor})"
        return f"{found[1]}({repository}/blob/main/{inside}{anchor})"

    return re.sub(r"(\])\(([^)\s]+)\)", target, text)


def _read_page(app: Any, name: str, source: list[str]) -> None:
    page = Path(app.env.doc2path(name))
    if name in PROJECT_PAGES:
        source[0] = relink((ROOT / PROJECT_PAGES[name]).read_text("utf-8"), ROOT, page.parent)
    elif page.suffix == ".md":
        source[0] = relink(source[0], page.parent, page.parent)


def setup(app: Any) -> None:
    """Register what Sphinx calls."""
    app.connect("source-read", _read_page)
