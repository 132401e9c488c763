"""What is published holds what it should and nothing else. `nox -s dist` builds it into the folder `dist` and runs these tests."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif("KEDRO_ASSETS_DIST" not in os.environ, reason="`nox -s dist` builds what they look at")

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "kedro_assets"
# What only those need who work on the repository.
LEFT_OUT = (".ci/", ".github/ISSUE_TEMPLATE/")


def only_file(pattern: str) -> Path:
    found = [*(ROOT / "dist").glob(pattern)]
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def wheel() -> dict[str, str]:
    """The files of the wheel with their text."""
    with zipfile.ZipFile(only_file("*.whl")) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(scope="module")
def sdist() -> set[str]:
    """The names of the files in the sdist."""
    with tarfile.open(only_file("*.tar.gz")) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}


@pytest.fixture(scope="module")
def version() -> str:
    [found] = re.findall(r'^__version__ = "(.+)"$', (PACKAGE / "_version.py").read_text(encoding="utf-8"), re.MULTILINE)
    return found


@pytest.fixture(scope="module")
def metadata(wheel: dict[str, str], version: str) -> Message:
    return message_from_string(wheel[f"kedro_assets-{version}.dist-info/METADATA"])


@pytest.fixture(scope="module")
def repository(metadata: Message) -> str:
    """The address of the repository."""
    return dict(text.split(", ") for text in metadata.get_all("Project-URL", []))["Source"]


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    """The names of the files that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {*filter(None, listed.stdout.split("\0"))}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: dict[str, str], tracked: set[str], version: str) -> None:
    about = f"kedro_assets-{version}.dist-info/"
    code = {name for name in wheel if not name.startswith(about)}
    assert code == {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    assert "kedro_assets/py.typed" in code
    added = {name.removeprefix(about) for name in wheel if name.startswith(about)}
    assert added == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_sdist_holds_every_file_of_the_repository_that_users_and_tests_read(
    sdist: set[str], tracked: set[str]
) -> None:
    assert sdist - {"PKG-INFO"} == {name for name in tracked if not name.startswith(LEFT_OUT)}


def test_the_version_is_that_of_the_package(metadata: Message, version: str) -> None:
    assert metadata["Version"] == version


def test_the_links_of_the_page_in_an_index_lead_to_files_of_this_version(
    metadata: Message, repository: str, tracked: set[str], version: str
) -> None:
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", metadata.get_payload())
    assert not [link for _, link in links if not link.startswith(("https://", "#"))]
    here = [(mark, link.removeprefix(repository)) for mark, link in links if link.startswith(repository)]
    assert len(here) > 5
    for mark, link in here:
        start = f"/{'raw' if mark else 'blob'}/v{version}/"
        assert link.startswith(start)
        path = link.removeprefix(start).partition("#")[0].rstrip("/")
        assert path in tracked or any(name.startswith(f"{path}/") for name in tracked), link


def test_every_address_of_the_repository_is_the_same(metadata: Message, repository: str, tracked: set[str]) -> None:
    urls = [text.partition(", ")[2] for text in metadata.get_all("Project-URL", [])]
    forms = [(ROOT / name).read_text(encoding="utf-8") for name in tracked if name.startswith(".github/ISSUE_TEMPLATE/")]
    urls += [url for text in forms for url in re.findall(r"https://\S+", text)]
    assert len(urls) > 4
    assert not [url for url in urls if url != repository and not url.startswith(f"{repository}/")]


def test_the_classifiers_are_those_of_the_tested_versions_of_python(metadata: Message) -> None:
    found = {text.rpartition(" ")[2] for text in metadata.get_all("Classifier", []) if ":: Python :: 3." in text}
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    [tested] = re.findall(r"python: \[(.+)\]", workflow)
    assert found == {version.strip('"') for version in tested.split(", ")}
