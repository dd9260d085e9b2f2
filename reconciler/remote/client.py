"""The Videos API over HTTP: one method for each request that the program makes.

What an answer means is decided in `answers`; what a broken connection means, here, by whether
a byte of the request can have left. Nothing is ever sent twice.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from pydantic import SecretStr

from reconciler.domain.errors import (
    AmbiguousError,
    NotSentError,
    RejectedError,
    UnauthorizedError,
    UnavailableError,
)
from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.ports import CreateRequest, PaidRequest, RemixRequest
from reconciler.domain.profile import Variant
from reconciler.domain.provider import Provider
from reconciler.remote import answers
from reconciler.remote.answers import Answer
from reconciler.remote.content import HttpContent, first_byte, resume_headers, strong_etag
from reconciler.remote.transport import (
    DEFAULT_TIMEOUTS,
    BrokenError,
    Connections,
    Departure,
    RawAnswer,
    Timeouts,
    exchange,
    read_whole,
    reason_of,
)
from reconciler.remote.wire import is_remote_id

PAGE_JOBS_MAX = 100

_PARTIAL = 206
_OK = (200, _PARTIAL)
_RANGE_NOT_SATISFIABLE = 416


class HttpServer:
    """One provider's Videos API: the port `Server`.

    Bound to the event loop of its first request. The key is asked for once, in a thread,
    before the first request that needs it; it stays in memory and appears nowhere else.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        base_url: Callable[[], Awaitable[str]],
        key: Callable[[], str | None],
        version: str,
        uptime_s: Callable[[], float],
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        """Send nothing yet.

        Args:
            provider: whose server it is.
            base_url: asked before each request, since the embedded server may come back on
                another port; may raise `UnavailableError`.
            key: fetches the key; may block and raise `UnauthorizedError`. None: there is none.
            version: the program's, for the user agent.
            uptime_s: as of the port `Clock`.
            timeouts: how long to wait for the server.
        """
        self._provider = provider
        self._base_url = base_url
        self._ask_key = key
        self._asked_key: asyncio.Task[SecretStr | None] | None = None
        self._uptime_s = uptime_s
        self._timeouts = timeouts
        self._connections = Connections(
            provider=provider, user_agent=f"sorafile/{version}", timeouts=timeouts
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()

    async def prepare(self, request: PaidRequest) -> "HttpPaidCall":
        """Build a paid request whole. Starting the embedded server for it may take a while."""
        try:
            url = await self._url(_paid_path(request))
            headers, key = await self._identity()
            client = self._connections.of_its_own()
        except UnavailableError as error:
            raise NotSentError(error.message, fix=error.fix) from error
        paid = client.build_request("POST", url, headers=headers, **_paid_body(request))
        await paid.aread()  # the whole body is there before the first byte leaves

        async def send(begin_by_s: float) -> ObservedJob:
            departure = Departure(begin_by_s=begin_by_s, uptime_s=self._uptime_s)
            paid.extensions["trace"] = departure
            async with client:
                try:
                    raw = await exchange(client, paid, whole_s=self._timeouts.whole_s)
                except BrokenError as broken:
                    raise self._broken_submit(broken, departure) from broken
            return answers.made_job(self._answer(raw, key))

        return HttpPaidCall(send)

    async def retrieve(self, remote_id: str) -> ObservedJob:
        """Look at one job; its id is told as it was asked for."""
        answer = await self._free("GET", _job_path(remote_id))
        return answers.seen_job(answer, remote_id)

    async def page(self, *, after: str | None = None) -> JobPage:
        """One page of up to 100 jobs, newest first."""
        query = {"limit": str(PAGE_JOBS_MAX), "order": "desc"}
        if after is not None:
            query["after"] = after
        answer = await self._free("GET", f"/videos?{urlencode(query)}")
        return answers.seen_page(answer, after=after)

    async def delete(self, remote_id: str) -> None:
        """Delete a finished job; one that is gone already is no error."""
        # Without a body and its Content-Type: QVAC refuses an empty one that calls itself JSON.
        answers.check_deleted(await self._free("DELETE", _job_path(remote_id)))

    @asynccontextmanager
    async def content(
        self, remote_id: str, variant: Variant, *, offset: int = 0, etag: str | None = None
    ) -> AsyncIterator[HttpContent]:
        """Open one asset for reading.

        It is resumed only under a strong `etag`. Where the server cannot go on at `offset`
        (416, or a part that begins elsewhere) the asset is asked for once more from its first
        byte, and the stream's `offset` is 0.
        """
        path = f"{_job_path(remote_id)}/content"
        if variant is not Variant.VIDEO:  # the default everywhere; SGLang refuses its name
            path += f"?variant={variant.value}"
        resume = resume_headers(offset, etag)
        response = await self._open(path, resume)
        begins_at = offset if resume else 0
        try:
            if resume and _is_elsewhere(response, offset, etag):
                await response.aclose()
                response = await self._open(path, {})
                begins_at = 0
            if response.status_code not in _OK or _is_json(response):
                raise await self._asset_refusal(response)
            if first_byte(response) not in (0, begins_at):
                raise UnavailableError(
                    f"`{self._provider.name}` sent another part of the asset than it was asked for"
                )
            yield HttpContent(response, provider=self._provider.name)
        finally:
            await response.aclose()

    async def _free(self, method: str, path: str) -> Answer:
        url = await self._url(path)
        headers, key = await self._identity()
        client = self._connections.calls
        request = client.build_request(method, url, headers=headers)
        try:
            raw = await exchange(client, request, whole_s=self._timeouts.whole_s)
        except BrokenError as broken:
            raise self._unreachable(broken.reason) from broken
        return self._answer(raw, key)

    async def _open(self, path: str, resume: dict[str, str]) -> httpx.Response:
        url = await self._url(path)
        headers, _ = await self._identity()
        client = self._connections.downloads
        request = client.build_request("GET", url, headers={**headers, **resume})
        try:
            return await client.send(request, stream=True)
        except (httpx.RequestError, OSError) as error:
            raise self._unreachable(reason_of(error)) from error

    async def _asset_refusal(self, response: httpx.Response) -> Exception:
        _, key = await self._identity()
        try:
            async with asyncio.timeout(self._timeouts.whole_s):
                raw = await read_whole(response)
        except (httpx.RequestError, OSError) as error:
            return self._unreachable(reason_of(error))
        except BrokenError as broken:
            return self._unreachable(broken.reason)
        return answers.asset_refusal(self._answer(raw, key))

    async def _url(self, path: str) -> httpx.URL:
        """Where to send a request.

        Raises:
            UnavailableError: there is no such place.
        """
        name = self._provider.name
        if self._provider.is_closed_openai:
            raise UnavailableError(
                f"`{name}` names OpenAI's own server, and OpenAI closed its hosted Videos API"
                " on 2026-09-24",
                fix=f"set `base_url` of [providers.{name}] to a server that speaks the protocol",
            )
        base = await self._base_url()
        fix = "write it like https://videos.example.com/v1"
        try:
            url = httpx.URL(base.rstrip("/") + path)
        except httpx.InvalidURL as error:
            raise UnavailableError(f"the `base_url` of `{name}` is no URL", fix=fix) from error
        if url.userinfo:  # it would take the place of the key, and end up in messages
            raise UnavailableError(f"the `base_url` of `{name}` holds a password", fix=fix)
        return url

    async def _identity(self) -> tuple[dict[str, str], str | None]:
        """The headers that say who asks, and the key in them.

        Raises:
            UnauthorizedError: there is a key, and it cannot be sent.
        """
        if self._asked_key is None:
            self._asked_key = asyncio.create_task(self._fetch_key())
        # One caller that gives up must not take the key from the others.
        secret = await asyncio.shield(self._asked_key)
        if secret is None:
            return {}, None
        key = secret.get_secret_value()
        return {"Authorization": f"Bearer {key}"}, key

    async def _fetch_key(self) -> SecretStr | None:
        key = await asyncio.to_thread(self._ask_key)
        if key is None:
            return None  # many servers on one's own machine want none; the others answer 401
        name = self._provider.name
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise UnauthorizedError(
                f"the key of `{name}` cannot be sent: it is empty, or holds a space, a line"
                " break or a character outside ASCII",
                fix="check where the key comes from; a pasted one often ends in a line break",
            )
        return SecretStr(key)

    def _answer(self, raw: RawAnswer, key: str | None) -> Answer:
        return Answer(
            provider=self._provider.name,
            status=raw.status,
            headers=raw.headers,
            body=raw.body,
            at=datetime.now(UTC),
            secret=key,
        )

    def _broken_submit(
        self, broken: BrokenError, departure: Departure
    ) -> NotSentError | AmbiguousError:
        name = self._provider.name
        if not departure.may_have_left:
            return NotSentError(f"`{name}` was not reached: {broken.reason}; nothing was sent")
        status = "" if broken.status is None else f", HTTP {broken.status}"
        return AmbiguousError(
            f"`{name}` got the request, but its answer is lost: {broken.reason}",
            evidence=f"{departure.step}{status}; {broken.reason}",
            made=broken.status is not None and 200 <= broken.status < 300,  # noqa: PLR2004 - HTTP
        )

    def _unreachable(self, reason: str) -> UnavailableError:
        return UnavailableError(f"`{self._provider.name}` cannot be reached: {reason}")


class HttpPaidCall:
    """One paid request, built whole: the port `PaidCall`.

    A cancellation passes through as it is. Where it comes after the first byte may have left,
    nothing here can tell the outcome any more: the attempt stays `sending` in the journal, and
    that is what makes it ambiguous.
    """

    def __init__(self, send: Callable[[float], Awaitable[ObservedJob]]) -> None:
        self._send = send

    async def send(self, *, begin_by_s: float) -> ObservedJob:
        """Send it. Costs money; a second call sends nothing, and is a bug."""
        return await self._send(begin_by_s)


def _paid_path(request: PaidRequest) -> str:
    match request:
        case CreateRequest():
            return "/videos"
        case RemixRequest():
            return f"{_job_path(request.parent)}/remix"


def _paid_body(request: PaidRequest) -> dict[str, Any]:
    """The body as httpx takes it: JSON for a remix, a form for a create.

    The form is multipart even without a file, as the official clients send it. Its file has
    a name and an image's media type, without which servers take it for text.
    """
    if isinstance(request, RemixRequest):
        return {"json": {"prompt": request.prompt}}
    fields = {
        "prompt": request.prompt,
        "model": request.model,
        "seconds": str(request.seconds),
        "size": request.size,
    }
    form: list[tuple[str, Any]] = [(name, (None, value)) for name, value in fields.items()]
    if request.reference is not None:
        if request.reference_bytes is None:
            raise ValueError("a reference without its bytes")
        media_type = request.reference.media_type
        # Not the file's own name, which is nobody's business there.
        name = f"reference.{media_type.rpartition('/')[2]}"
        form.append(("input_reference", (name, request.reference_bytes, media_type)))
    return {"files": form}


def _job_path(remote_id: str) -> str:
    """The path of one job; ids are opaque, and may hold slashes.

    Raises:
        RejectedError: the text would lead elsewhere; nothing was asked.
    """
    if not is_remote_id(remote_id):
        raise RejectedError(f"{remote_id[:40]!r} cannot be a remote id", status=400)
    return f"/videos/{quote(remote_id, safe='')}"


def _is_elsewhere(response: httpx.Response, offset: int, etag: str | None) -> bool:
    """Whether the answer to a resume is of no use: no bytes, the wrong ones, or of another."""
    if response.status_code == _RANGE_NOT_SATISFIABLE:
        return True
    if response.status_code != _PARTIAL:
        return False
    told = strong_etag(response.headers.get("etag"))
    return first_byte(response) not in (0, offset) or told not in (None, etag)


def _is_json(response: httpx.Response) -> bool:
    content_type: str = response.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")
