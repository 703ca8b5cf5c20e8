"""Files on a worker's disk and in an object store: whole or not there, and one writer each."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from zoom_provider.hooks.files import AirflowFiles, LocalOutput

FILES = AirflowFiles()


@pytest.fixture(scope="module", autouse=True)
def _memory() -> None:
    """Let Airflow's object storage know a file system, as a provider would."""
    on_2 = find_spec("airflow.io.store")
    storage: Any = import_module("airflow.io.store" if on_2 else "airflow.sdk.io")
    storage.attach("memory", fs=import_module("fsspec").filesystem("memory"))


PLACES = ["{}/new/folder", "file://{}/new/folder", "memory://bucket{}"]


@pytest.fixture(params=PLACES, ids=["disk", "file URL", "store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a folder that is still to be made, on the disk and in a store."""
    return str(request.param).format(tmp_path)


def test_a_file_is_read_byte_by_byte_as_it_is(place: str) -> None:
    path = f"{place}/hr.csv"
    data = "\ufeffJürgen\r\n李\n".encode()
    FILES.write(path, data)
    with FILES.open_bytes(path) as file:
        assert (file.read(3), file.read()) == (data[:3], data[3:])
    assert FILES.read(path) == data
    assert FILES.head(path, 3) == b"\xef\xbb\xbf"


def test_a_file_to_read_is_not_made(tmp_path: Path) -> None:
    path = str(tmp_path / "typo" / "hr.csv")
    with pytest.raises(FileNotFoundError):
        FILES.open_bytes(path)
    assert FILES.read(path) is None
    assert FILES.head(path, 9) is None
    assert FILES.read(f"{tmp_path}/typo/deeper/hr.csv") is None
    assert list(tmp_path.iterdir()) == []


def test_a_path_below_a_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert FILES.read(f"{tmp_path}/file/hr.csv") is None
    FILES.delete(f"{tmp_path}/file/hr.csv")


def test_lines_are_seen_once_published_and_at_the_latest_then(place: str) -> None:
    path = f"{place}/r.jsonl"
    output = FILES.create(path)
    output.write_line("one\n")
    assert FILES.read(path) is None
    output.publish(replace=False)
    assert FILES.read(path) == b"one\n"
    output.write_line("Zoë \ud800\n")
    output.publish(replace=True)
    output.close()
    assert FILES.read(path) == "one\nZoë ?\n".encode()


def test_a_file_that_was_never_published_leaves_nothing(tmp_path: Path) -> None:
    output = FILES.create(f"{tmp_path}/r.jsonl")
    output.write_line("one\n")
    output.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_has_come_in_between_is_not_replaced(place: str) -> None:
    path = f"{place}/r.jsonl"
    first, second = FILES.create(path), FILES.create(path)
    first.write_line("first\n")
    second.write_line("second\n")
    first.publish(replace=False)
    with pytest.raises(FileExistsError):
        second.publish(replace=False)
    assert FILES.read(path) == b"first\n"
    second.publish(replace=True)
    assert FILES.read(path) == b"second\n"
    first.close()
    second.close()
    assert FILES.read(path) == b"second\n"


def test_two_outputs_at_one_path_never_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    first, second = FILES.create(str(path)), FILES.create(str(path))
    first.publish(replace=True)
    second.publish(replace=True)
    for number in range(3):
        first.write_line(f"first {number}\n")
        second.write_line(f"second {number}\n")
    first.close()
    second.close()
    assert path.read_text() == "second 0\nsecond 1\nsecond 2\n"
    assert [p.name for p in tmp_path.iterdir()] == ["r.jsonl"]


def test_a_disk_without_links_takes_a_file_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    output = FILES.create(f"{tmp_path}/r.jsonl")
    output.write_line("one\n")
    output.publish(replace=False)
    output.write_line("two\n")
    output.close()
    assert (tmp_path / "r.jsonl").read_text() == "one\ntwo\n"
    assert len(list(tmp_path.iterdir())) == 1


class FullDisk:
    """A file on a disk that takes so many bytes more."""

    def __init__(self, file: Any, left: int) -> None:
        self.file, self.left = file, left

    def write(self, data: Any) -> int:
        part = bytes(data)[: min(self.left, 4)]
        self.left -= len(part)
        if not part:
            raise OSError(28, "No space left on device")
        return int(self.file.write(part))

    def close(self) -> None:
        self.file.close()


@pytest.mark.parametrize("left", [0, 3, 9])
def test_after_a_full_disk_the_next_line_begins_on_a_line_of_its_own(
    left: int, tmp_path: Path
) -> None:
    output = LocalOutput(tmp_path / "r.jsonl")
    output.publish(replace=False)
    output.write_line('{"row": 1}\n')
    disk = output._file
    output._file = FullDisk(disk, left)  # type: ignore[assignment]
    with pytest.raises(OSError, match="No space left"):
        output.write_line('{"row": 2, "email": "b@example.com"}\n')
    output._file = disk
    output.write_line('{"row": 3}\n')
    output.write_line('{"row": 4}\n')
    output.close()
    lines = (tmp_path / "r.jsonl").read_text().split("\n")
    assert lines[0] == '{"row": 1}'
    assert lines[-3:] == ['{"row": 3}', '{"row": 4}', ""]


def test_a_disk_that_takes_a_line_in_parts_gets_all_of_it(tmp_path: Path) -> None:
    output = LocalOutput(tmp_path / "r.jsonl")
    output._file = FullDisk(output._file, 10_000)  # type: ignore[assignment]
    output.publish(replace=False)
    output.write_line("a line of more than four bytes\n")
    output.close()
    assert (tmp_path / "r.jsonl").read_text() == "a line of more than four bytes\n"


def test_a_whole_file_is_put_in_place_or_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    FILES.write(str(path), b"old")

    def full(self: LocalOutput, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LocalOutput, "write", full)
        with pytest.raises(OSError, match="No space left"):
            FILES.write(str(path), b"new")
    assert path.read_bytes() == b"old"
    FILES.write(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1


def test_files_are_moved_and_deleted_wherever_they_are(place: str) -> None:
    path, target = f"{place}/r.jsonl", f"{place}/r.aside.jsonl"
    FILES.move(path, target)
    FILES.delete(path)
    FILES.write(path, b"lines\n")
    FILES.move(path, target)
    assert FILES.read(path) is None
    assert FILES.read(target) == b"lines\n"
    FILES.delete(target)
    assert FILES.read(target) is None


def test_a_symbolic_link_stays_one_and_its_file_gets_the_lines(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    target = tmp_path / "shared" / "r.jsonl"
    link = tmp_path / "r.jsonl"
    link.symlink_to(target)
    FILES.write(str(link), b"lines\n")
    assert link.is_symlink()
    assert target.read_bytes() == b"lines\n"


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("{}/x.csv", "{}/x.csv", True),
        ("{}/x.csv", "file://{}/x.csv", True),
        ("{}/x.csv", "{}/sub/../x.csv", True),
        ("{}/x.csv", "{}/link.csv", True),
        ("{}/x.csv", "{}/y.csv", False),
        ("{}/absent.csv", "{}/./absent.csv", True),
        ("{}/absent.csv", "{}/linked/absent.csv", True),
        ("s3://bucket/a/x.csv", "s3://bucket/a/x.csv", True),
        ("s3://bucket/a/x.csv", "s3://aws_default@bucket/a/x.csv", True),
        ("s3://bucket/a/x.csv", "S3://bucket/a/../a//x.csv", True),
        ("s3://bucket/a/x.csv", "s3://other/a/x.csv", False),
        ("s3://bucket/a/x.csv", "gs://bucket/a/x.csv", False),
        ("s3://bucket/a/x.csv", "{}/x.csv", False),
        ("{}/x.csv", "s3://bucket/a/x.csv", False),
    ],
)
def test_two_paths_to_one_file_are_known_as_such(
    one: str, two: str, same: bool, tmp_path: Path
) -> None:
    for name in ("x.csv", "y.csv"):
        (tmp_path / name).write_text(name)
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "x.csv")
    (tmp_path / "linked").symlink_to(tmp_path)
    paths = [path.format(tmp_path) for path in (one, two)]
    assert FILES.same(*paths) is same
    assert FILES.same(*reversed(paths)) is same


def test_a_store_keeps_what_was_published_though_the_task_fails_later() -> None:
    url = "memory://bucket/kept/r.jsonl"
    output = FILES.create(url)
    output.write_line("one\n")
    output.publish(replace=False)
    output.write_line("two\n")
    output.close()
    assert ObjectStoragePath(url).read_text() == "one\n"
