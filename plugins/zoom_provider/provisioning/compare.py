"""
Compare what an update wants with what Zoom shows of a user. Pure.

Zoom writes one value in several ways: an empty field is absent, ``""``, ``null`` or ``[]``; a time
zone has an old and a new name; Zoom's own codes for Japanese and Korean are not BCP-47; a phone
number is read back without the country's code. A plain comparison would find a difference on every
run and write it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from zoom_provider.models.profile import NO_UNITED_PLAN

WRITE_ONLY: Final = frozenset({"about_me", "linkedin_url", "host_key", "feature"})
"""Fields that no reply of Zoom's shows: they are always written, and cannot be verified."""

_TIME_ZONES: Final = {
    # Today's names, and those of Zoom's list.
    "europe/kyiv": "europe/kiev",
    "asia/ho_chi_minh": "asia/saigon",
    "america/indiana/indianapolis": "america/indianapolis",
    "america/nuuk": "america/godthab",
    "asia/kolkata": "asia/calcutta",
    "asia/dhaka": "asia/dacca",
    "asia/kathmandu": "asia/katmandu",
    "asia/yangon": "asia/rangoon",
    "asia/macau": "asia/macao",
    "america/argentina/buenos_aires": "america/buenos_aires",
    "atlantic/faroe": "atlantic/faeroe",
    "america/halifax": "canada/atlantic",
    "america/toronto": "america/montreal",
    "america/los_angeles": "us/pacific",
    "america/denver": "us/mountain",
    "america/chicago": "us/central",
    "america/new_york": "us/eastern",
    "pacific/guadalcanal": "sst",
    **dict.fromkeys(("etc/utc", "etc/gmt", "gmt", "etc/greenwich", "zulu", "etc/zulu"), "utc"),
}
_TO_ZOOMS_LIST: Final = {
    "europe/kyiv": "Europe/Kiev",
    "asia/ho_chi_minh": "Asia/Saigon",
    "america/indiana/indianapolis": "America/Indianapolis",
    "america/nuuk": "America/Godthab",
}
"""Time zones that Zoom's list has by their old names only."""

_LANGUAGES: Final = {
    **dict.fromkeys(("jp-jp", "ja-jp", "japanese"), "ja"),
    **dict.fromkeys(("ko-ko", "ko-kr", "korean"), "ko"),
    **dict.fromkeys(("en-us", "english"), "en"),
    **dict.fromkeys(("de-de", "german"), "de"),
    **dict.fromkeys(("es-es", "spanish"), "es"),
    **dict.fromkeys(("fr-fr", "french"), "fr"),
    **dict.fromkeys(("it-it", "italian"), "it"),
    **dict.fromkeys(("pl-pl", "polish"), "pl"),
    **dict.fromkeys(("ru-ru", "russian"), "ru"),
    **dict.fromkeys(("tr-tr", "turkish"), "tr"),
    **dict.fromkeys(("vi-vn", "vietnamese"), "vi"),
}


def same(name: str, wanted: Any, user: Mapping[str, Any]) -> bool:
    """
    Say whether a user has what an update wants.

    :param name: the field, by the name that the update has for it
    :param wanted: its value; None where it is to be empty
    :param user: the user as Zoom shows them
    """
    if name in WRITE_ONLY:
        return False
    if name in _SPECIAL:
        return _SPECIAL[name](wanted, user)
    return bool(_plain(wanted) == _plain(user.get(name)))


def is_verifiable(name: str, user: Mapping[str, Any]) -> bool:
    """Say whether the user, read back, shows what became of a field."""
    return name not in WRITE_ONLY and not (name == "license_info_list" and name not in user)


def zoom_time_zone(name: str) -> str:
    """Return a time zone by the name that Zoom's list has for it."""
    return _TO_ZOOMS_LIST.get(name.lower(), name)


def _plain(value: Any) -> Any:
    """Return what counts of a value: all that is empty is None, and texts have no blanks around."""
    if value is None or value == "" or value == []:
        return None
    if isinstance(value, str):
        return value.strip() or None
    return list(value) if isinstance(value, tuple) else value


def _folded(value: Any) -> str | None:
    found = _plain(value)
    return None if found is None else str(found).lower()


def _time_zone(wanted: Any, user: Mapping[str, Any]) -> bool:
    one, other = _folded(wanted), _folded(user.get("timezone"))
    return _TIME_ZONES.get(one or "", one) == _TIME_ZONES.get(other or "", other)


def _language(wanted: Any, user: Mapping[str, Any]) -> bool:
    one, other = (
        None if text is None else text.replace("_", "-")
        for text in (_folded(wanted), _folded(user.get("language")))
    )
    return _LANGUAGES.get(one or "", one) == _LANGUAGES.get(other or "", other)


def _ignoring_case(name: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    return lambda wanted, user: _folded(wanted) == _folded(user.get(name))


def _as_text(name: str, empty: Sequence[str]) -> Callable[[Any, Mapping[str, Any]], bool]:
    """Compare numbers and texts of numbers, some of which stand for none."""

    def compare(wanted: Any, user: Mapping[str, Any]) -> bool:
        one, other = _folded(wanted), _folded(user.get(name))
        return (None if one in empty else one) == (None if other in empty else other)

    return compare


def _display_name(wanted: Any, user: Mapping[str, Any]) -> bool:
    found = _plain(user.get("display_name"))
    if _plain(wanted) is not None or found is None:
        return bool(_plain(wanted) == found)
    # Zoom makes one of the names where it is to be empty.
    names = [str(user.get(part) or "").strip() for part in ("first_name", "last_name")]
    return found in (" ".join(filter(None, names)), " ".join(filter(None, reversed(names))))


def _vanity(wanted: Any, user: Mapping[str, Any]) -> bool:
    url = _folded(user.get("vanity_url"))
    return _folded(wanted) == (url.rstrip("/").rpartition("/")[2] if url else None)


def _phone_number(wanted: Any, user: Mapping[str, Any]) -> bool:
    one, other = _digits(wanted), _digits(user.get("phone_number"))
    return other.endswith(one) if one else not other


def _digits(value: Any) -> str:
    return "".join(filter(str.isdigit, str(value or "")))


def _phone(item: Mapping[str, Any]) -> dict[str, str]:
    """Return a phone number in one form; what it does not say is left out."""
    code, number = _digits(item.get("code")), _digits(item.get("number"))
    national = number.removeprefix(code) if str(item.get("number")).strip()[:1] == "+" else number
    folded = {name: _folded(item.get(name)) for name in ("country", "label")}
    return {
        "number": national,
        **({"code": code} if code else {}),
        **{name: text for name, text in folded.items() if text},
    }


def _phone_numbers(wanted: Any, user: Mapping[str, Any]) -> bool:
    left = [_phone(item) for item in _items(user.get("phone_numbers"))]
    for item in map(_phone, _items(wanted)):
        # What both of them say must agree; Zoom adds what the author has left out.
        match = next((other for other in left if item | other == other | item), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _custom_attributes(wanted: Any, user: Mapping[str, Any]) -> bool:
    found = attributes_by_key(user)
    if _plain(wanted) is None:
        return not any(map(_plain, (item.get("value") for item in found.values())))
    return all(
        _plain(item.get("value")) == _plain(found.get(str(item.get("key")), {}).get("value"))
        for item in wanted
    )


def attributes_by_key(user: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the values of the account's own fields that a user has."""
    return {str(item.get("key")): item for item in _items(user.get("custom_attributes"))}


def _licenses(wanted: Any, user: Mapping[str, Any]) -> bool:
    def listed(value: Any) -> list[tuple[str, ...]]:
        names = ("license_type", "license_option", "subscription_id")
        return sorted(tuple(str(item.get(name)) for name in names) for item in _items(value))

    return listed(wanted) == listed(user.get("license_info_list"))


def _groups(wanted: Any, user: Mapping[str, Any]) -> bool:
    found = set(user.get("group_ids") or ())
    if wanted is None:
        return not found
    return found.issuperset(wanted.get("add", ())) and found.isdisjoint(wanted.get("remove", ()))


def _role(wanted: Any, user: Mapping[str, Any]) -> bool:
    return (_plain(wanted) or MEMBER) == str(user.get("role_id") or MEMBER)


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value or () if isinstance(item, Mapping)]


MEMBER: Final = "2"
"""The id of the role that every user has without another one."""

_SPECIAL: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], bool]]] = {
    "timezone": _time_zone,
    "language": _language,
    "manager": _ignoring_case("manager"),
    "email": _ignoring_case("email"),
    "phone_country": _ignoring_case("phone_country"),
    "plan_united_type": _as_text("plan_united_type", ("0", NO_UNITED_PLAN)),
    "zoom_one_type": _as_text("zoom_one_type", ("0",)),
    "display_name": _display_name,
    "vanity_name": _vanity,
    "phone_number": _phone_number,
    "phone_numbers": _phone_numbers,
    "custom_attributes": _custom_attributes,
    "license_info_list": _licenses,
    "groups": _groups,
    "role": _role,
}
