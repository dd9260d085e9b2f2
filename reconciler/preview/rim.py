"""The outermost layer: who may ask, how much they may send, and the shape of every refusal.

Whatever goes wrong further in, and whoever says so, leaves here as an official error
object, and every answer carries a request id.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect

from reconciler.preview.connections import cut
from reconciler.preview.dialect import OFFICIAL, Dialect
from reconciler.preview.errors import ApiError
from reconciler.preview.rehearsal import DisconnectedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES_MAX = 25_000_000
# A client that sends too much hears so only when it is done sending. It is listened to
# for this much longer; then the connection is cut.
_DRAINED_BYTES_MAX = 4 * BODY_BYTES_MAX

_log = logging.getLogger(__name__)


class Rim:
    """An ASGI application around another one."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        bound_host: str,
        api_key: str | None = None,
        dialect: Callable[[], Dialect] = lambda: OFFICIAL,
    ) -> None:
        """Let nobody in without `api_key`, where there is one; refuse in the words of `dialect`."""
        self._app = app
        self._bound_host = bound_host
        self._api_key = api_key
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, answer = _Body(receive), _Answer(scope, send, self._dialect())
        headers = Headers(scope=scope)
        try:
            self._refuse_strangers(headers)
            self._refuse_without_key(headers)
            body.refuse_if_announced_too_large(headers)
            await self._app(scope, body.receive, answer.send)
        except ApiError as error:
            await body.drain()
            await answer.refuse(error)
        except DisconnectedError:
            cut(scope["client"])
        except ClientDisconnect:
            pass  # nobody is left to be told
        except Exception:
            # The last resort for bugs: the client hears of it in the official shape, the
            # operator in full.
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if answer.has_started:
                raise
            await answer.refuse(ApiError("The server had an error.", status=500))

    def _refuse_strangers(self, headers: Headers) -> None:
        """Keep web pages out, those too whose name was made to point to this machine."""
        origin = headers.get("origin")
        if not self._is_ours(_host_in(f"//{headers.get('host', '')}")):
            raise ApiError("This host name is not served.", status=403, code="host_not_allowed")
        if origin is not None and not self._is_ours(_host_in(origin)):
            raise ApiError("This origin is not served.", status=403, code="origin_not_allowed")

    def _refuse_without_key(self, headers: Headers) -> None:
        if self._api_key is None:
            return
        scheme, _, key = headers.get("authorization", "").partition(" ")
        is_right = secrets.compare_digest(key.encode(), self._api_key.encode())
        if scheme.lower() != "bearer" or not is_right:
            raise ApiError(
                "Incorrect API key provided.",
                status=401,
                code="invalid_api_key",
                headers={"www-authenticate": "Bearer"},
            )

    def _is_ours(self, host: str) -> bool:
        if host in {"localhost", self._bound_host.lower()}:
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


class _Body:
    """The body of one request, counted while it comes in."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0
        self._is_over = False

    def refuse_if_announced_too_large(self, headers: Headers) -> None:
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
            raise _too_large()

    async def receive(self) -> Message:
        message = await self._receive()
        self._is_over = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        if self._bytes > BODY_BYTES_MAX:
            raise _too_large()
        return message

    async def drain(self) -> None:
        """Take in what is still coming, so that the client gets to read the refusal."""
        while not self._is_over and self._bytes < _DRAINED_BYTES_MAX:
            message = await self._receive()
            self._is_over = not message.get("more_body", False)
            self._bytes += len(message.get("body", b""))


class _Answer:
    """The answer to one request. Libraries refuse in plain text; that is put into shape."""

    def __init__(self, scope: Scope, send: Send, dialect: Dialect) -> None:
        self._dialect = dialect
        self._scope = scope
        self._send = send
        self._request_id = f"req_{secrets.token_hex(16)}"
        self._plain: Message | None = None  # the start of a refusal in plain text
        self._text = b""
        self.has_started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers["x-request-id"] = self._request_id
            is_text = headers.get("content-type", "text/plain").startswith("text/plain")
            if message["status"] >= HTTPStatus.BAD_REQUEST and is_text:
                self._plain = message
                return
            self.has_started = True
        if self._plain is None:
            await self._send(message)
            return
        self._text += message.get("body", b"")
        if not message.get("more_body", False):
            await self._reshape(self._plain)

    async def refuse(self, error: ApiError, headers: dict[str, str] | None = None) -> None:
        self._plain = None
        told = {"x-request-id": self._request_id} | (headers or {})
        response = error.to_response(self._dialect, told)
        self.has_started = True
        await response(self._scope, _no_more, self._send)

    async def _reshape(self, start: Message) -> None:
        status = HTTPStatus(start["status"])
        asked = f"{self._scope['method']} {self._scope['path']}"
        message = {
            HTTPStatus.NOT_FOUND: f"There is no such URL: {asked}.",
            HTTPStatus.METHOD_NOT_ALLOWED: f"This method is not allowed here: {asked}.",
        }.get(status, self._text.decode(errors="replace") or f"{status.phrase}.")
        kept = Headers(raw=start["headers"])
        headers = {name: kept[name] for name in ("allow", "content-range") if name in kept}
        await self.refuse(ApiError(message, status=status), headers)


def _too_large() -> ApiError:
    return ApiError(
        f"The body is too large: at most {BODY_BYTES_MAX // 1_000_000} MB are taken.",
        status=413,
        code="request_too_large",
    )


def _host_in(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # not an address at all
        return ""


async def _no_more() -> Message:
    return {"type": "http.disconnect"}
