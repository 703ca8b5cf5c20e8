"""The three files of a report: their names, their headers, and the run that owns them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.ports import Files

log = logging.getLogger(__name__)

COLUMNS: Final = (
    *("source", "row", "key", "email", "outcome"),
    *("id", "reason", "code", "tracking_id"),
)
REJECT_COLUMNS: Final = ("source", "row", "key", "email", "field", "reason")

_MAX_NAME_BYTES: Final = 240
"""Bytes; most disks take 255."""

_HEAD_BYTES: Final = 512
"""Bytes that hold the first line of a report, which names its run."""


class NotAReportError(ValueError):
    """The file at a report's path is not a report, so it must not be replaced."""


@dataclass(frozen=True, slots=True)
class ReportPaths:
    """
    The three files of a report.

    :param lines: JSON Lines, one line for each user
    :param table: the same as CSV, safe to open in a spreadsheet
    :param rejects: CSV, a line for each fault of a rejected row and each duplicate row
    """

    lines: str
    table: str
    rejects: str

    @classmethod
    def from_path(cls, path: str) -> ReportPaths:
        """Name the files of a report at a path, which need not end in ``.jsonl``."""
        return cls(path, sibling_path(path, ".csv"), sibling_path(path, ".rejects.csv"))

    @classmethod
    def alternate(cls, path: str, run: str) -> ReportPaths:
        """Name the files of a run's report beside a path that another run holds."""
        return cls.from_path(sibling_path(path, f".{run}.jsonl"))

    def __iter__(self) -> Iterator[str]:
        """Yield all three."""
        return iter((self.lines, self.table, self.rejects))


def sibling_path(path: str, ending: str) -> str:
    """Name a file beside a report: with another ending, cut where a disk takes no longer name."""
    folder, slash, name = path.removesuffix(".jsonl").rpartition("/")
    if len(f"{name}{ending}".encode()) > _MAX_NAME_BYTES:
        digest = hash_run(name)
        room = _MAX_NAME_BYTES - len(digest) - len(ending)
        name = f"{name.encode()[:room].decode('utf-8', 'ignore')}{digest}"
    return f"{folder}{slash}{name}{ending}"


def hash_run(*ids: object) -> str:
    """Name a run of a task in twelve characters, for file names and report lines."""
    return sha256("\0".join(map(str, ids)).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def read_owner(paths: ReportPaths, files: Files) -> str | None:
    """
    Return the run that wrote the report at a path; None if no file is there yet.

    :return: the run's digest; a digest of the files' beginning for a report that names no run,
        such as one that is empty yet
    :raises NotAReportError: the files there are no report: nothing may replace them
    """
    heads = [files.head(path, _HEAD_BYTES) for path in paths]
    for path, head, columns in zip(paths, heads, ((), COLUMNS, REJECT_COLUMNS), strict=True):
        text = (head or b"").decode("utf-8", "ignore")
        header = ",".join(columns)
        if columns and text and not _share_a_start(text, header):
            raise NotAReportError(path)
    lines = (heads[0] or b"").decode("utf-8", "ignore")
    if all(head is None for head in heads):
        return None
    return (lines and _parse_owner(lines, paths.lines)) or hash_run(*heads)


def _parse_owner(text: str, path: str) -> str | None:
    """Read the digest from the first line, of which a kill may have left a part only."""
    start = '{"run": "'
    if _share_a_start(text, start):
        digest = text[len(start) :].partition('"')[0]
        return digest if len(digest) == 12 and digest.isalnum() else None
    if _share_a_start(text, '{"source": '):
        return None
    raise NotAReportError(path)


def claim_paths(paths: ReportPaths, run: str, files: Files) -> bool:
    """
    Make a path free for a run's report: move another run's report aside.

    :return: True if an earlier try of the same run wrote the report there
    :raises NotAReportError: the files there are no report
    """
    # A later try may put its report there at any moment: what is moved is what was looked at.
    seen = [files.identity(path) for path in paths]
    owner = read_owner(paths, files)
    if owner is None or owner == run:
        return owner == run
    aside = ReportPaths.alternate(paths.lines, owner)
    for path, target, identity in zip(paths, aside, seen, strict=True):
        files.move(path, target, identity)
    log.warning(
        "%s holds the report of another run: it is at %s now. Give each run a path of its own.",
        sanitize_for_log(paths.lines),
        sanitize_for_log(aside.lines),
    )
    return False


def _share_a_start(text: str, start: str) -> bool:
    return text.startswith(start) or start.startswith(text.rstrip("\r\n\0"))
