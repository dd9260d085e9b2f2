"""The door to one server, for all who speak to it: address, key, and each kind of request.

What an answer means is decided in `answers`; what a broken connection means, here, by whether
a byte of the request can have left. Nothing is ever sent twice.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
from reconciler.remote.transport import (
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that travels with a request."""

    name: str
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPost:
    """A paid request as it goes on the wire: JSON, or a form where it has `form`."""

    path: str
    json: Mapping[str, object] | None = None
    form: Mapping[str, str | Upload] | None = None

    def body(self) -> dict[str, Any]:
        """The body as httpx takes it.

        The form is multipart even without a file, as the official clients send it. A file has
        a name and a media type, without which servers take it for text.
        """
        if self.form is None:
            return {"json": self.json}
        parts: list[tuple[str, Any]] = [
            (name, (None, value))
            if isinstance(value, str)
            else (name, (value.name, value.data, value.media_type))
            for name, value in self.form.items()
        ]
        return {"files": parts}


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
    ) -> None:
        """Send nothing yet; the arguments are those of `HttpServer`."""
        self._site = site
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

    async def prepare(self, post: PaidPost) -> "HttpPaidCall":
        """Build a paid request whole. Starting the embedded server for it may take a while.

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
            paid = client.build_request("POST", url, headers=headers, **post.body())
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

    async def page(
        self, *, limit: int = PAGE_JOBS_MAX, order: str = "desc", after: str | None = None
    ) -> JobPage:
        """One page of the list."""
        query = {"limit": str(limit), "order": order}
        if after is not None:
            query["after"] = after
        answer = await self.ask("GET", f"/videos?{urlencode(query)}")
        return answers.seen_page(answer, after=after)

    async def open_content(
        self, remote_id: str, variant: Variant, *, offset: int = 0, etag: str | None = None
    ) -> HttpContent:
        """Open one asset for reading; the caller closes it.

        It is resumed only under a strong `etag`. Where the server cannot go on at `offset`
        (416, or a part that begins elsewhere) the asset is asked for once more from its first
        byte, and the stream's `offset` is 0.
        """
        path = f"{job_path(remote_id)}/content"
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
            await self._see_that_it_is_asked_for(response, begins_at)
        except BaseException:
            await response.aclose()
            raise
        return HttpContent(response, provider=self._site.name)

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
        return url

    async def _open(self, path: str, resume: dict[str, str]) -> httpx.Response:
        url = await self.url(path)
        headers, _ = await self._identity()
        client = self._connections.downloads
        request = client.build_request("GET", url, headers={**headers, **resume})
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
        if secret is None:
            return {}, None
        key = secret.get_secret_value()
        return {"Authorization": f"Bearer {key}"}, key

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
        return UnavailableError(f"`{self._site.name}` cannot be reached: {reason}")


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


def create_post(
    *, prompt: str, model: str, seconds: str, size: str, reference: Upload | None = None
) -> PaidPost:
    """A new video."""
    form: dict[str, str | Upload] = {
        "prompt": prompt,
        "model": model,
        "seconds": seconds,
        "size": size,
    }
    if reference is not None:
        form["input_reference"] = reference
    return PaidPost(path="/videos", form=form)


def reference_upload(data: bytes, media_type: str) -> Upload:
    """A reference image, under a name of its kind: its own is nobody's business there."""
    name = f"reference.{media_type.rpartition('/')[2]}"
    return Upload(name=name, data=data, media_type=media_type)


def remix_post(parent: str, prompt: str) -> PaidPost:
    """A new video made from a finished job."""
    return PaidPost(path=f"{job_path(parent)}/remix", json={"prompt": prompt})


def edit_post(parent: str, prompt: str, *, model: str | None = None) -> PaidPost:
    """A finished job's video, changed.

    Raises:
        RejectedError: a job cannot have that id; nothing was asked.
    """
    check_remote_id(parent)
    more = {} if model is None else {"model": model}
    return PaidPost(path="/videos/edits", json={"prompt": prompt, **more, "video": {"id": parent}})


def edit_upload_post(video: bytes, prompt: str, *, model: str | None = None) -> PaidPost:
    """An mp4 that goes along, changed. Its form is built whole, so it is in memory twice."""
    more: dict[str, str | Upload] = {} if model is None else {"model": model}
    upload = Upload(name="video.mp4", data=video, media_type="video/mp4")
    return PaidPost(path="/videos/edits", form={"prompt": prompt, **more, "video": upload})


def extend_post(parent: str, prompt: str, *, seconds: str) -> PaidPost:
    """A finished job's video, and what comes after it.

    Raises:
        RejectedError: a job cannot have that id; nothing was asked.
    """
    check_remote_id(parent)
    body = {"prompt": prompt, "seconds": seconds, "video": {"id": parent}}
    return PaidPost(path="/videos/extensions", json=body)


def job_path(remote_id: str) -> str:
    """The path of one job; ids are opaque, and may hold slashes.

    Raises:
        RejectedError: the text would lead elsewhere; nothing was asked.
    """
    check_remote_id(remote_id)
    return f"/videos/{quote(remote_id, safe='')}"


def check_remote_id(remote_id: str) -> None:
    """See that a job can be asked for under that id.

    Raises:
        RejectedError: it cannot; nothing was asked.
    """
    if not is_remote_id(remote_id):
        raise RejectedError(f"{remote_id[:40]!r} cannot be a remote id", status=400)


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
