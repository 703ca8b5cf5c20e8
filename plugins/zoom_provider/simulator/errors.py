"""How Zoom says no: an exception wherever a rule is broken, turned into a reply in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoom_provider.simulator.error_catalog import API_ERRORS
from zoom_provider.simulator.replies import Reply, as_json

__all__ = ["API_ERRORS", "ApiError", "invalid"]

# What an account whose language is Japanese reads; every other text is the last one.
_JAPANESE = {
    124: "無効なアクセストークンです。",
    1001: "ユーザーが存在しません。",
    1005: "このメールアドレスはすでに使用されています。",
    1107: "管理対象ドメインのユーザーを切り離すことはできません。",
    1117: "管理者ユーザーを切り離すことはできません。",
}
_JAPANESE_OTHER = "リクエストを処理できませんでした。"


class ApiError(Exception):
    """Zoom says no; raised wherever a rule is broken, turned into a reply in one place."""

    def __init__(
        self,
        cause: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        self.cause = cause
        self.status, self.code, text = API_ERRORS[cause]
        self.message = text.format(**facts) if facts else text
        self.errors = list(errors)
        self.headers = dict(headers or {})
        super().__init__(f"{self.status}/{self.code} {self.message}")

    def reply(self, language: str = "en") -> Reply:
        """Return the reply that carries this error, in English or Japanese (``ja``)."""
        message = self.message
        if language == "ja":
            message = _JAPANESE.get(self.code, _JAPANESE_OTHER)
        body: dict[str, Any] = {"code": self.code, "message": message}
        if self.errors:
            body["errors"] = self.errors
        return as_json(self.status, body, self.headers)


def invalid(*fields: str) -> ApiError:
    """Return the error for fields that have a wrong value."""
    return ApiError(
        "validation", errors=[{"field": field, "message": "Invalid field."} for field in fields]
    )
