"""The door to one server, for all who speak to it: address, key, and each kind of request.

What an answer means is decided in `answers`; what a broken connection means, here, by whether
a byte of the request can have left. Nothing is ever sent twice.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from pydantic import SecretStr

from reconciler.domain.errors import (
    AmbiguousError,
    JobGoneError,
    NotReadyError,
    NotSentError,
    RejectedError,
    UnauthorizedError,
    UnavailableError,
)
from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.profile import Variant
from reconciler.domain.provider import Site
from reconciler.remote import answers
from reconciler.remote.answers import Answer
from reconciler.remote.content import (
    HttpContent,
    first_byte,
    media_type_of,
    resume_headers,
    strong_etag,
)
from reconciler.remote.dialect import Dialect, PaidPost
from reconciler.remote.magic import HEAD_BYTES
from reconciler.remote.official import OFFICIAL
from reconciler.remote.results import REDIRECTS_MAX, ResultPlace, result_place
from reconciler.remote.transport import (
    BrokenError,
    Connections,
    Departure,
    RawAnswer,
    Timeouts,
    exchange,
    read_beginning,
    read_whole,
    reason_of,
)

PAGE_JOBS_MAX = 100

_GLANCE_BYTES_MAX = 16 * 1024
"""Enough for the words of an error; of a server that knows no ranges no more is read."""

_PARTIAL = 206
_OK = (200, _PARTIAL)
_RANGE_NOT_SATISFIABLE = 416

_Opened = Callable[[dict[str, str]], Awaitable[httpx.Response]]
"""Opens the one place where an asset lies, with the headers of a resume."""


class Door:
    """The way to one server's Videos API.

    Bound to the event loop of its first request. The key is asked for once, in a thread,
    before the first request that needs it; it stays in memory and appears nowhere else.
    """

    def __init__(
        self,
        *,
        site: Site,
        base_url: Callable[[], Awaitable[str]],
        key: Callable[[], str | None],
        version: str,
        uptime_s: Callable[[], float],
        timeouts: Timeouts,
        dialect: Dialect = OFFICIAL,
    ) -> None:
        """Send nothing yet; the arguments are those of `HttpServer`."""
        self._site = site
        self._dialect = dialect
        self._base_url = base_url
        self._ask_key = key
        self._asked_key: asyncio.Task[SecretStr | None] | None = None
        self._uptime_s = uptime_s
        self._timeouts = timeouts
        self._connections = Connections(
            site=site, user_agent=f"sorafile/{version}", timeouts=timeouts
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()

    async def prepare(self, post: PaidPost, *, token: str | None = None) -> "HttpPaidCall":
        """Build a paid request whole. Starting the embedded server for it may take a while.

        `token` names it where the server reads such a header.

        Raises:
            NotSentError: it cannot be built.
            UnauthorizedError: the key cannot be had.
        """
        try:
            url = await self.url(post.path)
            headers, key = await self._identity()
            client = self._connections.of_its_own()
        except UnavailableError as error:
            raise NotSentError(error.message, fix=error.fix) from error
        try:
            header = self._dialect.wire.token_header
            named = {header: token} if header and token is not None else {}
            paid = client.build_request("POST", url, headers=headers | named, **post.body())
        except UnicodeEncodeError:
            raise NotSentError(
                "the request holds half of a character, and cannot be sent",
                fix="look for where its text was cut, or read with the wrong encoding",
            ) from None
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

    async def ask(self, method: str, path: str, *, watch: Departure | None = None) -> Answer:
        """Send a request that costs nothing once, and return its whole answer, whatever it is.

        Raises:
            UnavailableError: no answer came; `watch` knows whether the request can have left.
            UnauthorizedError: the key cannot be had.
        """
        url = await self.url(path)
        headers, key = await self._identity()
        client = self._connections.calls
        request = client.build_request(method, url, headers=headers)
        if watch is not None:
            request.extensions["trace"] = watch
        try:
            raw = await exchange(client, request, whole_s=self._timeouts.whole_s)
        except BrokenError as broken:
            raise self._unreachable(broken.reason) from broken
        return self._answer(raw, key)

    async def glance(self, path: str) -> Answer:
        """The first bytes of what lies at a path, whatever it is.

        Raises:
            UnavailableError: none came.
            UnauthorizedError: the key cannot be had.
        """
        return await self._glance(self._at_path(path))

    async def glance_at_result(self, told: str) -> Answer:
        """The first bytes of what lies where a job says that its video is; raises as `glance`.

        Raises:
            RejectedError: nothing may be asked there.
        """
        provider = await self.url("")
        place = result_place(told, base=provider, provider=provider)
        return await self._glance(self._at_url(place))

    async def _glance(self, opened: _Opened) -> Answer:
        response = await opened({"Range": f"bytes=0-{HEAD_BYTES - 1}"})
        try:
            async with asyncio.timeout(self._timeouts.whole_s):
                raw = await read_beginning(response, _GLANCE_BYTES_MAX)
        except (httpx.RequestError, OSError) as error:
            raise self._unreachable(reason_of(error)) from error
        finally:
            await response.aclose()
        _, key = await self._identity()
        return self._answer(raw, key)

    async def page(
        self, *, limit: int = PAGE_JOBS_MAX, order: str = "desc", after: str | None = None
    ) -> JobPage:
        """One page of the list."""
        path = self._dialect.page_path(limit=limit, order=order, after=after)
        answer = await self.ask("GET", path)
        return answers.seen_page(answer, after=after)

    async def open_content(
        self, remote_id: str, variant: Variant, *, offset: int = 0, etag: str | None = None
    ) -> HttpContent:
        """Open one asset for reading; the caller closes it.

        It is resumed only under a strong `etag`. Where the server cannot go on at `offset`
        (416, or a part that begins elsewhere) the asset is asked for once more from its first
        byte, and the stream's `offset` is 0.
        """
        is_video = variant is Variant.VIDEO
        if is_video and self._dialect.wire.result == "url":
            place = await self._told_place(remote_id)
            if place is None:
                raise RejectedError(
                    f"`{self._site.name}` tells of no URL for its video", status=200
                )
            return await self._content_at(self._at_url(place), offset, etag)
        path = self._dialect.content_path(remote_id, variant)
        try:
            return await self._content_at(self._at_path(path), offset, etag)
        except (RejectedError, JobGoneError) as refused:
            if not is_video or self._dialect.wire.result != "either":
                raise
            try:
                place = await self._told_place(remote_id)
            except JobGoneError:
                raise refused from None
            if place is None:
                raise
        return await self._content_at(self._at_url(place), offset, etag)

    async def _content_at(self, opened: _Opened, offset: int, etag: str | None) -> HttpContent:
        resume = resume_headers(offset, etag)
        response = await opened(resume)
        begins_at = offset if resume else 0
        try:
            if resume and _is_elsewhere(response, offset, etag):
                await response.aclose()
                response = await opened({})
                begins_at = 0
            await self._see_that_it_is_asked_for(response, begins_at)
        except BaseException:
            await response.aclose()
            raise
        bytes_max = self._dialect.wire.result_bytes_max
        return HttpContent(response, provider=self._site.name, bytes_max=bytes_max)

    async def _told_place(self, remote_id: str) -> ResultPlace | None:
        """Where the job says that its video is; None: it is done, and does not say.

        Raises:
            NotReadyError: it still runs, so nothing else is known of its video.
            RejectedError: it leads where nothing may be asked.
            JobGoneError: there is no such job.
        """
        answer = await self.ask("GET", self._dialect.job_path(remote_id))
        job = answers.seen_job(answer, remote_id)
        told = self._dialect.result_url(answer.body)
        if told is None and job.status.is_running:
            raise NotReadyError(f"`{self._site.name}` is not done with it")
        if told is None:
            return None
        provider = await self.url("")
        return result_place(told, base=provider, provider=provider)

    @asynccontextmanager
    async def content(
        self, remote_id: str, variant: Variant, *, offset: int = 0, etag: str | None = None
    ) -> AsyncIterator[HttpContent]:
        """Open one asset for reading, as `open_content`, and close it."""
        stream = await self.open_content(remote_id, variant, offset=offset, etag=etag)
        try:
            yield stream
        finally:
            await stream.aclose()

    async def url(self, path: str) -> httpx.URL:
        """Where to send a request.

        Raises:
            UnavailableError: there is no such place.
        """
        name, settings = self._site.name, self._site.its_settings
        if self._site.is_closed_openai:
            raise UnavailableError(
                f"`{name}` names OpenAI's own server, and OpenAI closed its hosted Videos API"
                " on 2026-09-24",
                fix=f"set `base_url`{settings} to a server that speaks the protocol",
            )
        base = await self._base_url()
        fix = "write it like https://videos.example.com/v1"
        try:
            url = httpx.URL(base.rstrip("/") + path)
        except httpx.InvalidURL as error:
            raise UnavailableError(f"the `base_url` of `{name}` is no URL", fix=fix) from error
        if url.userinfo:  # it would take the place of the key, and end up in messages
            raise UnavailableError(f"the `base_url` of `{name}` holds a password", fix=fix)
        query = self._dialect.wire.query
        return url.copy_merge_params(query) if query else url

    def _at_path(self, path: str) -> _Opened:
        async def opened(resume: dict[str, str]) -> httpx.Response:
            url = await self.url(path)
            headers, _ = await self._identity()
            client = self._connections.downloads
            return await self._send(
                client, client.build_request("GET", url, headers={**headers, **resume})
            )

        return opened

    def _at_url(self, place: ResultPlace) -> _Opened:
        """Open what lies there; a redirect is followed where a URL might lead as well."""

        async def opened(resume: dict[str, str]) -> httpx.Response:
            provider, at = await self.url(""), place
            for _ in range(REDIRECTS_MAX + 1):
                headers, _key = await self._identity() if at.is_providers else ({}, None)
                url, more = await at.requested(provider=provider)
                client = (
                    self._connections.downloads if at.is_providers else self._connections.results
                )
                named = {**headers, **resume, **more.pop("headers", {})}
                request = client.build_request("GET", url, headers=named, **more)
                response = await self._send(client, request)
                if not response.has_redirect_location:
                    return response
                await response.aclose()
                told = response.headers["location"]
                at = result_place(told, base=at.url, provider=provider)
            raise RejectedError("the result's URL redirects without end", status=302)

        return opened

    async def _send(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        try:
            return await client.send(request, stream=True)
        except (httpx.RequestError, OSError) as error:
            raise self._unreachable(reason_of(error)) from error

    async def _see_that_it_is_asked_for(self, response: httpx.Response, begins_at: int) -> None:
        if response.status_code not in _OK or _is_json(response):
            raise await self._asset_refusal(response)
        if first_byte(response) not in (0, begins_at):
            raise UnavailableError(
                f"`{self._site.name}` sent another part of the asset than it was asked for"
            )

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

    async def _identity(self) -> tuple[dict[str, str], str | None]:
        """The headers that say who asks, and the key in them.

        Raises:
            UnauthorizedError: there is a key, and it cannot be sent.
        """
        if self._asked_key is None:
            self._asked_key = asyncio.create_task(self._fetch_key())
        # One caller that gives up must not take the key from the others.
        secret = await asyncio.shield(self._asked_key)
        wire = self._dialect.wire
        if secret is None:
            return dict(wire.headers), None
        key = secret.get_secret_value()
        named = {"Authorization": f"Bearer {key}"} if wire.auth == "bearer" else {"api-key": key}
        return {**wire.headers, **named}, key

    async def _fetch_key(self) -> SecretStr | None:
        key = await asyncio.to_thread(self._ask_key)
        if key is None:
            return None  # many servers on one's own machine want none; the others answer 401
        name = self._site.name
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise UnauthorizedError(
                f"the key of `{name}` cannot be sent: it is empty, or holds a space, a line"
                " break or a character outside ASCII",
                fix="check where the key comes from; a pasted one often ends in a line break",
            )
        return SecretStr(key)

    def _answer(self, raw: RawAnswer, key: str | None) -> Answer:
        return Answer(
            provider=self._site.name,
            its_settings=self._site.its_settings,
            status=raw.status,
            headers=raw.headers,
            body=raw.body,
            at=datetime.now(UTC),
            dialect=self._dialect,
            secret=key,
        )

    def _broken_submit(
        self, broken: BrokenError, departure: Departure
    ) -> NotSentError | AmbiguousError:
        name = self._site.name
        if not departure.may_have_left:
            return NotSentError(f"`{name}` was not reached: {broken.reason}; nothing was sent")
        status = "" if broken.status is None else f", HTTP {broken.status}"
        return AmbiguousError(
            f"`{name}` got the request, but its answer is lost: {broken.reason}",
            evidence=f"{departure.step}{status}; {broken.reason}",
            made=broken.status is not None and 200 <= broken.status < 300,  # noqa: PLR2004 - HTTP
        )

    def _unreachable(self, reason: str) -> UnavailableError:
        return UnavailableError(
            f"`{self._site.name}` cannot be reached: {reason}",
            fix="see that its server runs, and that"
            f" `base_url`{self._site.its_settings} leads there",
        )


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


def _is_elsewhere(response: httpx.Response, offset: int, etag: str | None) -> bool:
    """Whether the answer to a resume is of no use: no bytes, the wrong ones, or of another."""
    if response.status_code == _RANGE_NOT_SATISFIABLE:
        return True
    if response.status_code != _PARTIAL:
        return False
    told = strong_etag(response.headers.get("etag"))
    return first_byte(response) not in (0, offset) or told not in (None, etag)


def _is_json(response: httpx.Response) -> bool:
    media_type = media_type_of(response) or ""
    return media_type == "application/json" or media_type.endswith("+json")
