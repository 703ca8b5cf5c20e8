"""What is installed, and what it needs. The build and the tools are set up in pyproject.toml."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# Where the repository is. example.com is reserved (RFC 2606), so that until it has a public home no
# link leads to a stranger; see "Release" in CONTRIBUTING.md.
PROJECT_URL = "https://example.com/airflow-provider-zoom"

# Not in plugins/, setuptools' own choice, nor beside this file: both may be on sys.path, where a
# second copy of the metadata counts as a second provider.
EGG_BASE = Path("build", "metadata")
(HERE / EGG_BASE).mkdir(parents=True, exist_ok=True)


def version() -> str:
    """Read the version as text: importing the package would need what it depends on."""
    text = (HERE / "plugins" / "zoom_provider" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise RuntimeError('plugins/zoom_provider/__init__.py has no line __version__ = "..."')
    return found[1]


def long_description() -> str:
    """Return the README as a package index shows it: there, links have to be absolute."""

    def absolute(found: re.Match[str]) -> str:
        kind = "raw" if found[1] else "blob"
        return f"{found[1]}{found[2]}({PROJECT_URL}/{kind}/v{version()}/{found[3]})"

    text = (HERE / "README.md").read_text(encoding="utf-8")
    return re.sub(r"(!?)(\[[^]]*\])\((?!https?://|#)([^)]+)\)", absolute, text)


setup(
    name="airflow-provider-zoom",
    version=version(),
    description="Create Zoom users from Apache Airflow, one or a hundred thousand",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    url=PROJECT_URL,
    project_urls={
        "Documentation": f"{PROJECT_URL}/tree/main/docs",
        "Changelog": f"{PROJECT_URL}/blob/main/CHANGELOG.md",
        "Source": PROJECT_URL,
        "Issues": f"{PROJECT_URL}/issues",
        "Security": f"{PROJECT_URL}/security",
    },
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    keywords=["airflow", "apache-airflow", "provider", "zoom", "provisioning", "onboarding", "hr"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Plugins",
        "Framework :: Apache Airflow",
        "Framework :: Apache Airflow :: Provider",
        "Intended Audience :: Developers",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Communications :: Conferencing",
        "Topic :: System :: Systems Administration",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    package_dir={"": "plugins"},
    packages=find_packages("plugins", include=["zoom_provider", "zoom_provider.*"]),
    include_package_data=True,
    zip_safe=False,
    options={"egg_info": {"egg_base": EGG_BASE.as_posix()}},
    install_requires=[
        "apache-airflow>=2.11,!=3.0.*",
        "apache-airflow-providers-common-compat>=1.12",
        "apache-airflow-providers-common-sql>=1.20",
        "apache-airflow-providers-standard>=1.0",
        "pendulum>=3.0",
        "pydantic>=2.10",
        "requests>=2.32",
    ],
    extras_require={
        # What the DAGs in dags/ read from and write to.
        "examples": [
            "apache-airflow-providers-amazon[s3fs]>=9.0",
            "apache-airflow-providers-http>=5.0",
            "apache-airflow-providers-postgres>=6.0",
            "apache-airflow-providers-smtp>=2.0",
            # The first that bounds how long it waits; Airflow itself does with older ones.
            "urllib3>=2.6.3",
        ],
        # Excel's rosters; defusedxml, which openpyxl uses where it is there, against XML bombs.
        "excel": ["defusedxml>=0.7.1", "openpyxl>=3.1"],
        "simulator": ["fastapi>=0.110", "trustme>=1.1", "uvicorn>=0.30"],
    },
    entry_points={
        "apache_airflow_provider": [
            "provider_info=zoom_provider.get_provider_info:get_provider_info",
        ],
    },
)
