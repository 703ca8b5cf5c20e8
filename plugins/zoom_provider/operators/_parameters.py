"""
Cheap checks of an operator's parameters, for its constructor.

DAG files are parsed over and over, so nothing is imported here that takes time; ``execute`` checks
everything again, with templates rendered (:mod:`zoom_provider.provisioning.options`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from zoom_provider.exceptions import ZoomValidationError

IF_EXISTS: Final = ("fail", "skip", "update")
ON_ERROR: Final = ("continue", "stop")

_PLAIN: Final = (bool, int, float, str, list, tuple, dict)


def check_parameters(
    task: Any,
    *,
    words: Mapping[str, Sequence[str]],
    booleans: Sequence[str] = (),
    counts: Sequence[str] = (),
    rows: Sequence[str] = (),
    numbers: Sequence[str] = (),
    texts: Sequence[str] = (),
    lists: Sequence[str] = (),
    objects: Sequence[str] = (),
) -> None:
    """
    Refuse what no template can make right; what comes from upstream is let through.

    :param words: the texts that each of these parameters takes
    :param booleans: parameters that are True or False
    :param counts: parameters that are whole numbers
    :param rows: parameters that are the number of a row
    :param numbers: parameters that are numbers
    :param texts: parameters that are texts
    :param lists: parameters that are lists of texts
    :param objects: parameters that are objects
    :raises ZoomValidationError: with all faults by field
    """
    errors: dict[str, list[str]] = {}

    def check(names: Sequence[str], right: Callable[[Any], bool], text: str) -> None:
        for name in names:
            value = getattr(task, name)
            value = getattr(value, "value", value) if name in booleans else value
            given = isinstance(value, _PLAIN) and not _may_be_template(value, name, task)
            if given and not right(value):
                errors[name] = [text]

    for name, known in words.items():
        check([name], known.__contains__, f"must be one of {', '.join(known)}")
    check(booleans, _is_boolean, "must be True or False")
    check(counts, _is_count, "must be a number of people: a whole number, 0 or more")
    check(rows, _is_row_number, "must be the number of a row, from 1")
    check(
        numbers,
        lambda value: _is_count(value) or _is_share(value),
        "must be a number of people (an integer) or a share (a float up to 1)",
    )
    check(texts, lambda value: isinstance(value, str), "must be a text")
    check(lists, _is_list_of_texts, "must be a list of texts")
    check(objects, lambda value: isinstance(value, (dict, str)), "must be an object")
    if errors:
        listed = "; ".join(f"{name} {text[0]}" for name, text in errors.items())
        raise ZoomValidationError(listed, errors=errors)


def _may_be_template(value: Any, name: str, task: Any) -> bool:
    return isinstance(value, str) and "{" in value and name in task.template_fields


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or (
        isinstance(value, str) and value.strip().lower() in ("true", "false", "0", "1")
    )


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)


def _is_count(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().isdigit() or value.strip().lower() in ("", "none", "null")
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_row_number(value: Any) -> bool:
    return _is_count(value) and value != 0 and str(value).strip() != "0"


def _is_share(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return False
    return isinstance(value, float) and 0 <= value <= 1
