"""The distribution as people get it: built, checked, installed, and found once."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from datetime import date
from email.message import Message
from pathlib import Path

import pytest
import readme_renderer.markdown

from zoom_provider import __version__

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "plugins" / "zoom_provider"
NAME = "airflow-provider-zoom"
STEM = f"airflow_provider_zoom-{__version__}"


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shipped() -> set[str]:
    """Name every file of the package, as it lies in plugins/."""
    return {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "cache" not in path.parent.name
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy to build in, since a build leaves its traces."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in (
        "setup.py",
        "pyproject.toml",
        "MANIFEST.in",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
    ):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(
        ROOT / "plugins", copy / "plugins", ignore=shutil.ignore_patterns("__pycache__")
    )
    return copy


@pytest.fixture(scope="module")
def dist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and from that the wheel, as a release does."""
    out = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--no-isolation", "--outdir", out, checkout, cwd=out)
    return out


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return dist / f"{STEM}-py3-none-any.whl"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay the wheel out as an installation does."""
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)  # noqa: S202 - we have just made it
    return target


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return email.message_from_string(archive.read(f"{STEM}.dist-info/METADATA").decode())


def test_builds_exactly_two_files(dist: Path) -> None:
    assert {path.name for path in dist.iterdir()} == {
        f"{STEM}.tar.gz",
        f"{STEM}-py3-none-any.whl",
    }


def test_passes_the_index_check(dist: Path) -> None:
    said = run("-m", "twine", "check", "--strict", *sorted(dist.iterdir()), cwd=dist)
    assert said.count("PASSED") == 2


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = {
        f"{STEM}.dist-info/{name}"
        for name in (
            "METADATA",
            "RECORD",
            "WHEEL",
            "entry_points.txt",
            "licenses/LICENSE",
            "top_level.txt",
        )
    }
    assert names == shipped() | info
    assert "zoom_provider/py.typed" in names


def test_source_distribution_holds_what_a_build_needs(dist: Path) -> None:
    with tarfile.open(dist / f"{STEM}.tar.gz") as archive:
        names = {name.removeprefix(f"{STEM}/") for name in archive.getnames()}
    assert {f"plugins/{name}" for name in shipped()} <= names
    # setuptools always puts its list of sources in.
    others = {name.split("/")[0] for name in names if not name.startswith("build/metadata")}
    assert others == {
        *("CHANGELOG.md", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md"),
        *("build", "plugins", "pyproject.toml", "setup.cfg", "setup.py", STEM),
    }


def test_metadata_says_what_it_is(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"]) == (NAME, __version__)
    assert metadata["Requires-Python"] == ">=3.11"
    # Airflow 3.0 is tested by nothing.
    assert "apache-airflow!=3.0.*,>=2.11" in metadata.get_all("Requires-Dist", [])
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Framework :: Apache Airflow :: Provider" in metadata.get_all("Classifier", [])
    assert metadata.get_all("Provides-Extra") == ["examples", "excel", "simulator"]


def test_the_readme_of_the_index_links_into_the_repository(metadata: Message) -> None:
    home = metadata["Home-page"]
    page = str(readme_renderer.markdown.render(str(metadata.get_payload())))
    links = re.findall(r'<a[^>]* href="([^"]+)"', page)
    pictures = re.findall(r'<img[^>]* src="([^"]+)"', page)
    # "#" leads to a heading of the page itself.
    assert [link for link in links + pictures if not link.startswith(("https://", "#"))] == []
    for kind, found in (("blob", links), ("raw", pictures)):
        start = f"{home}/{kind}/v{__version__}/"
        files = [link.removeprefix(start) for link in found if link.startswith(home)]
        assert [name for name in files if not (ROOT / name.partition("#")[0]).is_file()] == []
        assert len(files) > 1


def test_the_links_of_the_project_are_in_one_place(metadata: Message) -> None:
    links = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert {"Documentation", "Changelog", "Source", "Issues", "Security"} <= set(links)
    assert [link for link in links.values() if not link.startswith(metadata["Home-page"])] == []


def test_the_version_has_its_section_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert titles[0] == "[Unreleased]"
    version, _, day = titles[1].partition(" - ")
    assert version == f"[{__version__}]"
    assert str(date.fromisoformat(day)) == day


def test_version_stands_in_one_place() -> None:
    """The changelog and the provider's metadata must not tell of another one."""
    from importlib.metadata import version

    assert version(NAME) == __version__


def test_api_works_without_airflow(installed: Path) -> None:
    """To use only the client needs neither Airflow nor the simulator's server."""
    program = """
import importlib, pkgutil, sys
for name in ("airflow", "fastapi", "uvicorn"):
    sys.modules[name] = None  # an import of it fails
import zoom_provider
from zoom_provider import api, exceptions, provisioning
assert zoom_provider.__file__.startswith(sys.argv[1]), zoom_provider.__file__
for package in (api, provisioning):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        print(importlib.import_module(module.name).__name__)
"""
    said = run("-c", program, installed, cwd=installed, PYTHONPATH=str(installed))
    assert "zoom_provider.api.client" in said.split()


def test_editable_install_is_found_once(checkout: Path, tmp_path: Path) -> None:
    """
    In a checkout both the root and plugins/ may be on sys.path.

    Metadata left in either would be a second distribution, and each entry point would be there
    twice: Airflow then registers a plugin twice and reports an import error.
    """
    run(
        *(
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--offline",
            "--no-deps",
            "--no-build-isolation",
        ),
        *("--python", sys.executable, "--target", tmp_path, "--editable", checkout),
        cwd=tmp_path,
    )
    program = """
import importlib.metadata, pathlib, site, sys
sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry]
site.addsitedir(sys.argv[1])
import zoom_provider
found = [d for d in importlib.metadata.distributions() if "zoom" in d.metadata["Name"]]
points = importlib.metadata.entry_points(group="apache_airflow_provider")
print(len(found), *[point.value for point in points], pathlib.Path(zoom_provider.__file__).parent)
"""
    said = run(
        *("-c", program, tmp_path),
        cwd=checkout,
        PYTHONPATH=os.pathsep.join((str(checkout), str(checkout / "plugins"))),
    )
    assert said.split() == [
        "1",
        "zoom_provider.get_provider_info:get_provider_info",
        str(checkout / "plugins" / "zoom_provider"),
    ]
    traces = [path for path in checkout.rglob("*.egg-info") if "build" not in path.parts]
    assert traces == []
