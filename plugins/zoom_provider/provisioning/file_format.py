"""How a file is to be read, and what is wrong with one that cannot be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """
    How a file is to be read, as far as the file does not say so itself.

    :param encoding: of text; None for UTF-8, or UTF-16 and UTF-32 with their mark
    :param delimiter: of CSV; None to find it from the header
    :param header_row: the row that names the columns, from 1; None for the first that is not blank
    :param sheet: of an Excel file; None for the first one
    """

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    sheet: str | None = None


class FileFault(ValueError):
    """What is wrong with a file as a whole; it follows the file's name."""
