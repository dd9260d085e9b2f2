"""Refusals in the shape that the official API gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.preview.dialect import Dialect


class ApiError(Exception):
    """A request that is refused, as the client will read it; nothing has happened."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})
        self.status = status
        self.param = param
        self.code = code

    @property
    def body(self) -> dict[str, Any]:
        """The official error object, for JSON."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"  # noqa: PLR2004 - HTTP
        error = {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        # What a client sent may be echoed here, and need not be encodable text.
        return {"error": {key: value and _encodable(value) for key, value in error.items()}}

    def to_response(self, dialect: Dialect, headers: Mapping[str, str]) -> JSONResponse:
        """Return the answer to send."""
        return JSONResponse(
            dialect.tell_error(self.status, self.body),
            status_code=self.status,
            headers={**self.headers, **headers},
        )


def not_found(video_id: str) -> ApiError:
    """Return the refusal of an id that names no job (any more)."""
    return ApiError(
        f"There is no video with the id '{video_id}'.", status=404, code="video_not_found"
    )


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()
