"""Connections, and what one of them can tell of a request that got no answer.

Nothing here repeats a request or follows a redirect.
"""

import asyncio
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from reconciler.domain.errors import UnavailableError
from reconciler.domain.provider import Site

CONNECTIONS_MAX = 8
"""For each client: the cost of a request in httpx grows with the square of its pool."""

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""More than 100 jobs with prompts of 32000 characters, in the longest spelling that is likely."""

# Uvicorn and Node close an idle connection after 5 s: one kept longer than this would often
# be half dead when it is used again.
_IDLE_S_MAX = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for a server."""

    connect_s: float = 5.0
    submit_s: float = 120.0  # the longest silence of a server that answers a paid request
    read_s: float = 30.0  # the longest silence of any other
    whole_s: float = 600.0  # one exchange in all, but for downloads

    def of_reads(self, read_s: float) -> httpx.Timeout:
        """As httpx takes it. A place in the pool is waited for: its users end by themselves."""
        return httpx.Timeout(connect=self.connect_s, read=read_s, write=self.read_s, pool=None)


DEFAULT_TIMEOUTS = Timeouts()


class BrokenError(Exception):
    """An exchange that did not end in a whole answer; the text tells why, without secrets."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status  # of the answer that broke off


class Departure:
    """Watches one paid request through httpcore's `trace` extension.

    Until it says otherwise no byte of the request can have left: the connection, the TLS
    handshake and a proxy's CONNECT come before. A request that would begin later than
    `begin_by_s`, by `uptime_s`, is stopped just before its first byte.
    """

    def __init__(self, *, begin_by_s: float, uptime_s: Callable[[], float]) -> None:
        self.may_have_left = False
        self.step = "nothing sent"
        self._begin_by_s = begin_by_s
        self._uptime_s = uptime_s

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Take note of one step."""
        if event.endswith(".send_request_headers.started"):
            # A tunnelling proxy is asked with a request of its own, under the same watch.
            if info["request"].method != b"CONNECT":
                self._leave()
        elif self.may_have_left and event.endswith(".send_request_body.complete"):
            self.step = "the whole request sent"
        elif self.may_have_left and event.endswith(".receive_response_headers.complete"):
            self.step = "an answer begun"

    def _leave(self) -> None:
        if self._uptime_s() > self._begin_by_s:
            raise BrokenError("the request could not begin in time")
        self.may_have_left = True
        self.step = "the request sent in part"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    """One whole answer, before anybody judges it."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes


class Connections:
    """The HTTP clients of one server, made when they are first needed.

    Proxies from the environment are used but for loopback, where they could only do harm.
    """

    def __init__(self, *, site: Site, user_agent: str, timeouts: Timeouts) -> None:
        self._site = site
        self._user_agent = user_agent
        self._timeouts = timeouts
        self._authorities: ssl.SSLContext | None = None

    @cached_property
    def calls(self) -> httpx.AsyncClient:
        """For small free requests."""
        return self._to_site(read_s=self._timeouts.read_s, kept=CONNECTIONS_MAX)

    @cached_property
    def downloads(self) -> httpx.AsyncClient:
        """For assets, so that a long download never keeps a small request waiting."""
        return self._to_site(read_s=self._timeouts.read_s, kept=CONNECTIONS_MAX)

    @cached_property
    def results(self) -> httpx.AsyncClient:
        """For assets that lie outside the provider's own origin."""
        return self._client(
            read_s=self._timeouts.read_s, kept=0, trust=self._public_trust, uses_proxies=True
        )

    def of_its_own(self) -> httpx.AsyncClient:
        """For one paid request: no connection that may have died in a pool."""
        return self._to_site(read_s=self._timeouts.submit_s, kept=0)

    async def aclose(self) -> None:
        """Close what was opened."""
        for name in ("calls", "downloads", "results"):
            client = self.__dict__.pop(name, None)
            if client is not None:
                await client.aclose()

    def _to_site(self, *, read_s: float, kept: int) -> httpx.AsyncClient:
        return self._client(
            read_s=read_s,
            kept=kept,
            trust=self._site_trust,
            uses_proxies=not self._site.is_loopback,
        )

    def _site_trust(self) -> ssl.SSLContext:
        is_tls = (self._site.base_url or "").lower().startswith("https:")
        if self._site.is_loopback and not is_tls:
            # Nothing will ask for it, and reading the authorities costs 40 ms: trust nobody.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return self._public_trust()

    def _public_trust(self) -> ssl.SSLContext:
        if self._authorities is None:
            self._authorities = httpx.create_ssl_context()
        return self._authorities

    def _client(
        self, *, read_s: float, kept: int, trust: Callable[[], ssl.SSLContext], uses_proxies: bool
    ) -> httpx.AsyncClient:
        try:
            return httpx.AsyncClient(
                # Bytes are hashed, counted and resumed as they are: no content encoding.
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
                verify=trust(),
                trust_env=uses_proxies,
                timeout=self._timeouts.of_reads(read_s),
                limits=httpx.Limits(
                    max_connections=CONNECTIONS_MAX,
                    max_keepalive_connections=kept,
                    keepalive_expiry=_IDLE_S_MAX,
                ),
                follow_redirects=False,
            )
        except (OSError, ValueError, ImportError) as error:
            # Their texts may hold a proxy's password.
            raise UnavailableError(
                "the proxy or certificate settings of the environment cannot be used",
                fix="check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE",
            ) from error


async def exchange(
    client: httpx.AsyncClient, request: httpx.Request, *, whole_s: float
) -> RawAnswer:
    """Send a request once, and read its whole answer.

    Raises:
        BrokenError: no whole answer came.
    """
    status: int | None = None
    try:
        async with asyncio.timeout(whole_s):
            response = await client.send(request, stream=True)
            status = response.status_code
            try:
                return await read_whole(response)
            finally:
                await response.aclose()
    except (httpx.RequestError, OSError) as error:
        raise BrokenError(reason_of(error), status=status) from error


async def read_whole(response: httpx.Response) -> RawAnswer:
    """Read the body of an answer that is small by its nature.

    Raises:
        BrokenError: it is far too long.
        httpx.RequestError: it broke off.
    """
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > ANSWER_BYTES_MAX:
            raise BrokenError("the answer is far too long", status=response.status_code)
    return _raw(response, body)


async def read_beginning(response: httpx.Response, bytes_max: int) -> RawAnswer:
    """Read so many bytes of an answer's body at most, and leave the rest.

    Raises:
        httpx.RequestError: it broke off before.
    """
    body = bytearray()
    async for piece in response.aiter_bytes(bytes_max):
        body += piece
        if len(body) >= bytes_max:
            break
    return _raw(response, body[:bytes_max])


def _raw(response: httpx.Response, body: bytearray) -> RawAnswer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return RawAnswer(status=response.status_code, headers=headers, body=bytes(body))


def _cause(error: BaseException) -> str:
    """What the system says of a connection that was not made: `Connection refused`."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, BaseExceptionGroup):  # an address each
            inner = inner.exceptions[0]
        if isinstance(inner, OSError) and inner.errno is not None:
            # asyncio's own words name the address.
            return os.strerror(inner.errno) if inner.errno > 0 else inner.strerror or "no address"
        inner = inner.__cause__ or inner.__context__
    return str(error) or "no reason told"


def reason_of(error: Exception) -> str:
    """Why an exchange broke, in words that hold no header and no address."""
    match error:
        case httpx.ConnectTimeout():
            return "no connection in time"
        case httpx.ConnectError():
            return f"no connection: {_cause(error)}"
        case httpx.ProxyError():
            return f"the proxy refused: {error}"
        case httpx.UnsupportedProtocol():
            return "its `base_url` does not begin with http:// or https://"
        case httpx.WriteTimeout() | httpx.WriteError():
            return "the connection broke while the request was sent"
        case httpx.TimeoutException() | TimeoutError():
            return "no answer in time"
        case httpx.RemoteProtocolError():
            return "the connection was closed before the answer was whole"
        case httpx.ReadError():
            return "the connection broke"
        case httpx.DecodingError():
            return "the answer is compressed wrongly"
        case _:
            return type(error).__name__
