"""The Videos API for programs: a typed, asynchronous client of any server that speaks it.

    async with VideosClient(base_url="http://127.0.0.1:8080/v1") as videos:
        video = await videos.create("A harbour at dawn")
        video = await videos.wait(video.id)
        await videos.download(video.id, "harbour.mp4")

What goes wrong is raised as a tree by what the caller may conclude (`domain.errors`). Requests
that cost money (`create`, `remix`, `edit`, `extend`) are sent exactly once: after
`NotSentError`, `RejectedError` and `UnauthorizedError` nothing was made, and the caller may
decide to send again; after `AmbiguousError` a job may exist, and may be billed.

Of the whole API characters and batches are left out.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import inf
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from pydantic import SecretStr

from reconciler import __version__
from reconciler.domain.errors import (
    BadAssetError,
    JobGoneError,
    NotSentError,
    UnavailableError,
)
from reconciler.domain.profile import Variant
from reconciler.domain.provider import Site
from reconciler.remote import answers
from reconciler.remote.answers import Answer
from reconciler.remote.content import HttpContent
from reconciler.remote.dialect import PaidPost, Upload
from reconciler.remote.door import Door
from reconciler.remote.fetching import fetch_into
from reconciler.remote.landing import landing
from reconciler.remote.magic import HEAD_BYTES, media_type_in
from reconciler.remote.official import (
    OFFICIAL,
    edit_post,
    edit_upload_post,
    extend_post,
    job_path,
    reference_upload,
    remix_post,
)
from reconciler.remote.patience import DEFAULT_PATIENCE, SYSTEM_PAUSES, Patience, Pauses
from reconciler.remote.transport import DEFAULT_TIMEOUTS, Departure, Timeouts
from reconciler.remote.video import (
    Video,
    VideoDeleted,
    VideoModel,
    VideoOrder,
    VideoPage,
    VideoSeconds,
    VideoSize,
    VideoVariant,
    page_of,
    video_of,
)

T = TypeVar("T")

VideoContent = HttpContent

POLL_S = 5.0
"""How long `wait` waits between looks where the server does not say."""

_POLL_S_MIN = 0.25
_POLL_S_MAX = 60.0
_THROTTLED = 429
_GONE = (404, 410)


class VideosClient:
    """One server's Videos API. Bound to the event loop of its first request.

    The key is asked for once, before the first request, and appears in no message, text or log.
    Reads that fail for now are asked again a few times, as the server asks to or ever more
    slowly; a delete only where it certainly was not done; a paid request never.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | Callable[[], str | None] | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        patience: Patience = DEFAULT_PATIENCE,
        pauses: Pauses = SYSTEM_PAUSES,
    ) -> None:
        """Send nothing yet.

        Args:
            base_url: like `https://videos.example.com/v1`, with its path prefix.
            api_key: the key, or what fetches it (called once, in a thread); None: there is none.
            timeouts: how long to wait for the server.
            patience: how often a read is asked in all, and how long is waited in between.
            pauses: waits, and throws dice; for tests.

        Raises:
            ValueError: `base_url` is no HTTP address, or holds more than its path prefix.
        """
        self._name = _name_of(base_url)
        self._patience = patience
        self._pauses = pauses

        async def told_url() -> str:
            return base_url

        self._door = Door(
            site=Site(name=self._name, base_url=base_url),
            base_url=told_url,
            key=_fetching(api_key),
            version=__version__,
            uptime_s=time.monotonic,
            timeouts=timeouts,
        )

    def __repr__(self) -> str:
        return f"<VideosClient of {self._name}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._door.aclose()

    async def create(
        self,
        prompt: str,
        *,
        model: VideoModel | str = "sora-2",
        seconds: VideoSeconds | str = "4",
        size: VideoSize | str = "720x1280",
        input_reference: bytes | Path | str | None = None,
    ) -> Video:
        """Make a video. Costs money, and is sent exactly once.

        Args:
            prompt: what to show.
            model: the reference's, or another that the server knows; so with `seconds`, `size`.
            seconds: its length.
            size: its width and height in pixels.
            input_reference: a jpeg, png or webp image that guides it: bytes, a file, or a data
                URL. Most servers want it to be exactly of the video's size.

        Raises:
            NotSentError: nothing left this machine, also since the image cannot be used.
            RejectedError: the server refused; nothing was made.
            UnauthorizedError: the key cannot be had, or was refused; nothing was made.
            AmbiguousError: whatever else; a job may exist. So it may after a cancellation.
        """
        reference = None if input_reference is None else await _reference(input_reference)
        fields = {"prompt": prompt, "model": model, "seconds": str(seconds), "size": size}
        return await self._pay(OFFICIAL.create(fields, reference))

    async def remix(self, video_id: str, prompt: str) -> Video:
        """Make a video from a completed one. Costs money; raises as `create`."""
        return await self._pay(remix_post(video_id, prompt))

    async def edit(
        self, prompt: str, video: str | bytes | Path, *, model: VideoModel | str | None = None
    ) -> Video:
        """Change a video as the prompt says. Costs money; raises as `create`.

        Args:
            prompt: what to change.
            video: the id of a completed video, or an mp4: bytes or a file.
            model: where the server wants one with an mp4; not sent by default.
        """
        if isinstance(video, str):
            return await self._pay(edit_post(video, prompt, model=model))
        return await self._pay(edit_upload_post(await _mp4(video), prompt, model=model))

    async def extend(self, prompt: str, seconds: VideoSeconds | str, video_id: str) -> Video:
        """Let a completed video go on for some seconds. Costs money; raises as `create`.

        The new video holds the old one too; its `seconds` are those of both.
        """
        return await self._pay(extend_post(video_id, prompt, seconds=str(seconds)))

    async def retrieve(self, video_id: str) -> Video:
        """Look at one job; its id is told as it was asked for.

        Raises:
            JobGoneError: the server knows no such job, or says that it expired.
            UnavailableError: no answer came, or a refusal that will pass, however often.
            RejectedError: the server refuses for good.
            UnauthorizedError: the key cannot be had, or is refused.
        """
        video, _ = await self._look(video_id)
        return video

    async def wait(self, video_id: str, *, poll_s: float = POLL_S) -> Video:
        """Look at a job until it is completed or failed, and return it; see its `status`.

        Waits between looks as long as the server asks to, within bounds. There is no deadline:
        put `asyncio.timeout` around it.

        Args:
            video_id: of the job.
            poll_s: the wait where the server asks for none.

        Raises:
            JobGoneError: and the others, as `retrieve`.
        """
        while True:
            video, asked_s = await self._look(video_id)
            if not video.is_running:
                return video
            wait_s = poll_s if asked_s is None else asked_s
            await self._pauses.sleep(min(max(wait_s, _POLL_S_MIN), _POLL_S_MAX))

    async def page(
        self, *, limit: int = 100, order: VideoOrder = "desc", after: str | None = None
    ) -> VideoPage:
        """One page of the list; raises as `retrieve`, but for `JobGoneError`.

        Args:
            limit: how many videos at most.
            order: by creation; newest first by default.
            after: the last id of the page before.
        """
        return page_of(
            await self._patiently(lambda: self._door.page(limit=limit, order=order, after=after))
        )

    async def list(
        self, *, limit: int = 100, order: VideoOrder = "desc", after: str | None = None
    ) -> AsyncIterator[Video]:
        """All videos, each once, page by page; `limit` is how many are asked for at once.

        Raises:
            UnavailableError: and the others, as `page`; also where the pages lead back to
                what was there already, and would never end.
        """
        ids: set[str] = set()
        cursors: set[str] = set()
        while True:
            page = await self.page(limit=limit, order=order, after=after)
            new = [video for video in page.data if video.id not in ids]
            ids.update(video.id for video in new)
            for video in new:
                yield video
            after = page.next_after
            if after is None:
                return
            if after in cursors or (page.data and not new):
                raise UnavailableError(f"the list of `{self._name}` goes round in circles")
            cursors.add(after)

    async def delete(self, video_id: str) -> VideoDeleted:
        """Delete a finished job and its assets.

        Raises:
            JobGoneError: the server knows no such job.
            RejectedError: it refuses, for one because the job still runs.
            UnavailableError: no answer came; where the request may have arrived it was not
                sent again, and `retrieve` tells whether the job is still there.
            UnauthorizedError: the key cannot be had, or is refused.
        """
        path, was_certainly_not_done = job_path(video_id), True

        async def once() -> None:
            nonlocal was_certainly_not_done
            watch = Departure(begin_by_s=inf, uptime_s=time.monotonic)
            answer: Answer | None = None
            try:
                # Without a body and its Content-Type, which QVAC refuses.
                answer = await self._door.ask("DELETE", path, watch=watch)
            finally:
                throttled = answer is not None and answer.status == _THROTTLED
                was_certainly_not_done = throttled or not watch.may_have_left
            if answer.status in _GONE:
                raise JobGoneError(f"`{self._name}` knows no such job ({answer.told()})")
            answers.check_deleted(answer)

        await self._patiently(once, may_repeat=lambda: was_certainly_not_done)
        return VideoDeleted(id=video_id)

    @asynccontextmanager
    async def content(
        self,
        video_id: str,
        variant: VideoVariant = "video",
        *,
        offset: int = 0,
        etag: str | None = None,
    ) -> AsyncIterator[VideoContent]:
        """Open an asset for reading: `async for chunk in content.chunks()`.

        The content tells its `offset`, `bytes_total`, `etag` and `media_type`. Whether the
        bytes are the asset is the reader's to check; `download` does. Eight may be open at
        once; another one waits until one of them is closed.

        Args:
            video_id: of the job.
            variant: which asset.
            offset: go on there; only done under `etag`, and where the server can. Else the
                content's own `offset` is 0, and it begins anew.
            etag: what an earlier content told.

        Raises:
            JobGoneError: the asset is gone, or was never there.
            NotReadyError: it is not there yet.
            UnavailableError: and the others, as `retrieve`; from `chunks`, too, where the
                connection breaks: all that came before was given out.
        """
        which = Variant(variant)
        stream = await self._patiently(
            lambda: self._door.open_content(video_id, which, offset=offset, etag=etag)
        )
        try:
            yield stream
        finally:
            await stream.aclose()

    async def download(
        self,
        video_id: str,
        path: Path | str,
        variant: VideoVariant = "video",
        *,
        overwrite: bool = False,
    ) -> Path:
        """Write an asset to a file, which appears whole or not at all; returns its path.

        A broken connection is taken up again where it broke, where the server can.

        Raises:
            FileInTheWayError: something lies there, and `overwrite` was not said.
            BadAssetError: what came is cut, or no video, or no picture where one was asked for.
            OSError: the disk refuses.
            JobGoneError: and the others, as `content`.
        """
        target, which = Path(path), Variant(variant)
        await self._door.url("")

        def opening(offset: int, etag: str | None) -> AbstractAsyncContextManager[HttpContent]:
            return self._door.content(video_id, which, offset=offset, etag=etag)

        with landing(target, overwrite=overwrite) as file:
            await fetch_into(file, opening, patience=self._patience, pauses=self._pauses)
            _check(file, which)
        return target

    async def _look(self, video_id: str) -> tuple[Video, float | None]:
        """A job, and how long the server asks to wait before the next look."""
        path = job_path(video_id)

        async def once() -> tuple[Video, float | None]:
            answer = await self._door.ask("GET", path)
            return video_of(answers.seen_job(answer, video_id)), answer.poll_after_s

        return await self._patiently(once)

    async def _patiently(
        self, ask: Callable[[], Awaitable[T]], *, may_repeat: Callable[[], bool] = lambda: True
    ) -> T:
        await self._door.url("")  # where there is no such place, asking again is of no use
        return await self._patience.of(ask, self._pauses, may_repeat=may_repeat)

    async def _pay(self, post: PaidPost) -> Video:
        call = await self._door.prepare(post)
        return video_of(await call.send(begin_by_s=inf))


def _name_of(base_url: str) -> str:
    """How messages name the server.

    Raises:
        ValueError: no HTTP address; what it says may be a secret, so it is not quoted.
    """
    wrong = "base_url must be written like https://videos.example.com/v1"
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(wrong) from None
    is_plain = base_url.isprintable() and not set(base_url) & set(" ?#")
    if parts.scheme not in ("http", "https") or not host or not is_plain:
        raise ValueError(wrong)
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url must hold no user and no password: give the key as api_key")
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _fetching(api_key: str | Callable[[], str | None] | None) -> Callable[[], str | None]:
    if api_key is None:
        return lambda: None
    if isinstance(api_key, str):
        return SecretStr(api_key).get_secret_value  # its text and repr hide the key
    return api_key


async def _reference(image: bytes | Path | str) -> Upload:
    """An image, ready for the wire.

    Raises:
        NotSentError: it cannot be read, or is none.
    """
    if isinstance(image, str):
        data = _from_data_url(image)
    else:
        data = await _bytes_of(image, "input_reference")
    media_type = media_type_in(data[:HEAD_BYTES]) or ""
    if not media_type.startswith("image/"):
        raise NotSentError(
            "input_reference is no jpeg, png or webp image; nothing was sent",
            fix="give the bytes of an image, a pathlib.Path to one, or a data URL of one",
        )
    return reference_upload(data, media_type)


async def _mp4(video: bytes | Path) -> bytes:
    data = await _bytes_of(video, "video")
    if media_type_in(data[:HEAD_BYTES]) != "video/mp4":
        raise NotSentError("video is no mp4; nothing was sent")
    return data


async def _bytes_of(source: bytes | Path, argument: str) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return await asyncio.to_thread(source.read_bytes)
    except OSError as error:
        raise NotSentError(
            f"{argument} cannot be read: {error.strerror or error}; nothing was sent"
        ) from error


def _from_data_url(url: str) -> bytes:
    head, comma, text = url.partition(",")
    if not head.lower().startswith("data:") or not comma:
        raise NotSentError(
            "input_reference is no data URL; nothing was sent",
            fix="give a file as a pathlib.Path, and an image of the web as its bytes",
        )
    data = unquote_to_bytes(text)
    if not head.lower().endswith(";base64"):
        return data
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise NotSentError(
            "input_reference is a data URL whose base64 is damaged; nothing was sent"
        ) from error


def _check(file: BinaryIO, variant: Variant) -> None:
    came = file.tell()
    file.seek(0)
    kind, what = ("video/", "video") if variant is Variant.VIDEO else ("image/", "picture")
    if not (media_type_in(file.read(HEAD_BYTES)) or "").startswith(kind):
        raise BadAssetError(f"what the server gave as the {variant} is no {what}: {came} bytes")
