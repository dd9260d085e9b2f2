"""The routes of the Videos API."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route, Router

from reconciler.preview.errors import ApiError, not_found
from reconciler.preview.jobs import (
    Job,
    Life,
    Status,
    failure_rehearsed_by,
    life_of,
    poll_after_ms,
    to_video,
)
from reconciler.preview.palette import hue_of, kin_hue
from reconciler.preview.reference import check_reference
from reconciler.preview.requests import (
    CreateRequest,
    parse_create,
    parse_list,
    parse_remix,
    parse_variant,
    read_fields,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from reconciler.preview.files import Files
    from reconciler.preview.store import Store
    from reconciler.preview.studio import Studio

    Endpoint = Callable[[Request], Awaitable[Response]]

# Parts of the official API that need a real generator behind them.
_ABSENT = ("edits", "extensions", "characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideosApi:
    """The operations on videos, one method for each route."""

    store: Store
    files: Files
    studio: Studio
    pace_s: float

    def router(self) -> Router:
        """Return the routes, below `/v1`."""
        videos, video = "/v1/videos", "/v1/videos/{video_id}"
        return Router(
            [
                _route(videos, GET=self.page, POST=self.create),
                *(_route(f"{videos}/{name}", POST=_not_offered) for name in _ABSENT),
                _route(video, GET=self.retrieve, DELETE=self.delete),
                _route(f"{video}/content", GET=self.content),
                _route(f"{video}/remix", POST=self.remix),
            ],
            redirect_slashes=False,
        )

    async def create(self, request: Request) -> Response:
        """`POST /videos`."""
        wanted = parse_create(await read_fields(request))
        return await self._take_in(wanted, hue=hue_of(wanted.prompt), parent=None)

    async def remix(self, request: Request) -> Response:
        """`POST /videos/{id}/remix`."""
        parent, life = self._find(request)
        prompt = parse_remix(await read_fields(request))
        if life.status is not Status.COMPLETED:
            raise ApiError(
                f"Only a completed video can be remixed; this one is {life.status}.",
                code="video_not_completed",
            )
        # A copy, so that the remix outlives its parent.
        image = await asyncio.to_thread(self._image_of, parent) if parent.has_reference else None
        wanted = CreateRequest(
            prompt=prompt,
            model=parent.model,
            seconds=parent.seconds,
            size=parent.size,
            reference=image,
        )
        return await self._take_in(wanted, hue=kin_hue(parent.hue, prompt), parent=parent)

    async def page(self, request: Request) -> Response:
        """`GET /videos`."""
        wanted = parse_list(request.query_params)
        after = None
        if wanted.after is not None:
            after = self.store.get(wanted.after)
            if after is None:
                raise ApiError(
                    f"There is no video with the id '{wanted.after}' to list after.",
                    param="after",
                    code="invalid_value",
                )
        # One more than asked for tells whether there is another page.
        jobs = self.store.page(
            after=after, newest_first=wanted.newest_first, limit=wanted.limit + 1
        )
        shown = jobs[: wanted.limit]
        videos = [to_video(job, self._look_at(job)) for job in shown]
        return JSONResponse(
            {
                "object": "list",
                "data": videos,
                "first_id": shown[0].video_id if shown else None,
                "last_id": shown[-1].video_id if shown else None,
                "has_more": len(jobs) > len(shown),
            }
        )

    async def retrieve(self, request: Request) -> Response:
        """`GET /videos/{id}`."""
        job, life = self._find(request)
        headers = {"openai-poll-after-ms": str(poll_after_ms(job))}
        return JSONResponse(to_video(job, life), headers=headers)

    async def delete(self, request: Request) -> Response:
        """`DELETE /videos/{id}`. A body, if there is one, is not looked at."""
        job, life = self._find(request)
        if life.status not in {Status.COMPLETED, Status.FAILED}:
            raise ApiError(
                f"Only a completed or failed video can be deleted; this one is {life.status}.",
                status=409,
                code="video_in_progress",
            )
        if not self.store.remove(job.video_id):
            raise not_found(job.video_id)  # another client was faster
        self.files.remove(job.video_id)
        return JSONResponse({"id": job.video_id, "object": "video.deleted", "deleted": True})

    async def content(self, request: Request) -> Response:
        """`GET /videos/{id}/content`. Whatever the client accepts, it gets the bytes."""
        job, life = self._find(request)
        variant = parse_variant(request.query_params)
        if life.status is Status.FAILED:
            raise ApiError(
                "This video failed, so it has no content.", code="video_generation_failed"
            )
        if life.expires_at is None:
            raise ApiError(
                "Video is not ready yet, use GET /v1/videos/{video_id} to check status.",
                status=404,
                code="video_not_ready",
            )
        if time.time() >= life.expires_at:
            raise ApiError("This video has expired.", status=404, code="video_expired")
        return FileResponse(await self.studio.file(job, variant), media_type=variant.media_type)

    async def _take_in(self, wanted: CreateRequest, *, hue: int, parent: Job | None) -> Response:
        job = await asyncio.to_thread(self._admit, wanted, hue, parent)
        self.studio.expect(job)
        return JSONResponse(to_video(job, life_of(job, job.created_at)))

    def _admit(self, wanted: CreateRequest, hue: int, parent: Job | None) -> Job:
        """Check and keep the image, then store the row: no row ever lacks its image."""
        video_id = f"video_{secrets.token_hex(16)}"
        if wanted.reference is not None:
            check_reference(wanted.reference, wanted.size)
            self.files.write_reference(video_id, wanted.reference)
        return self.store.add(
            Job(
                video_id=video_id,
                prompt=wanted.prompt,
                model=wanted.model,
                seconds=wanted.seconds,
                size=wanted.size,
                hue=hue,
                has_reference=wanted.reference is not None,
                remixed_from=parent.video_id if parent else None,
                created_at=time.time(),
                pace_s=self.pace_s,
                bound_to_fail=failure_rehearsed_by(wanted.prompt),
            )
        )

    def _image_of(self, job: Job) -> bytes:
        try:
            return self.files.read_reference(job.video_id)
        except FileNotFoundError:  # deleted a moment ago
            raise not_found(job.video_id) from None

    def _find(self, request: Request) -> tuple[Job, Life]:
        video_id = request.path_params["video_id"]
        job = self.store.get(video_id)
        if job is None:
            raise not_found(video_id)
        return job, self._look_at(job)

    def _look_at(self, job: Job) -> Life:
        self.studio.look_after(job)
        return life_of(job, time.time())


def _route(path: str, **endpoints: Endpoint) -> Route:
    """Return one route for all methods of a path, so that a 405 names every one of them."""

    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await endpoints[method](request)

    return Route(path, endpoint, methods=list(endpoints))


async def _not_offered(request: Request) -> Response:
    raise ApiError(
        f"The preview server does not offer {request.url.path}.", status=404, code="not_offered"
    )
