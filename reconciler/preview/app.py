"""All routes, and the operations that cost nothing anywhere: list, look, delete, download."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, Router

from reconciler.preview.errors import ApiError, not_found
from reconciler.preview.files import VIDEO, Files, Variant
from reconciler.preview.jobs import Job, Life, Status, poll_after_ms, to_video
from reconciler.preview.requests import parse_list, parse_variant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from reconciler.preview.about import ServerApi
    from reconciler.preview.making import Making
    from reconciler.preview.rehearsal import Rehearsal
    from reconciler.preview.shelf import Shelf
    from reconciler.preview.studio import Studio

    Endpoint = Callable[[Request], Awaitable[Response]]

# Of the official API; it needs a real generator behind it.
_ABSENT = ("characters",)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideosApi:
    """The free operations on videos, one method for each route, and who has the others."""

    making: Making
    server: ServerApi
    shelf: Shelf
    files: Files
    studio: Studio
    rehearsal: Rehearsal

    def router(self) -> Router:
        """Return the routes: the API below `/v1`, the server's own below `/preview`."""
        videos, video = "/v1/videos", "/v1/videos/{video_id}"
        return Router(
            [
                _route(videos, GET=self.page, POST=self.making.create),
                _route(f"{videos}/edits", POST=self.making.edit),
                _route(f"{videos}/extensions", POST=self.making.extend),
                *(_route(f"{videos}/{name}", POST=_not_offered) for name in _ABSENT),
                _route(video, GET=self.retrieve, DELETE=self.delete),
                _route(f"{video}/content", GET=self.content),
                _route(f"{video}/remix", POST=self.making.remix, OPTIONS=self.remix_methods),
                _route("/v1/results/{video_id}", GET=self.result),
                _route("/preview/ledger", GET=self.server.ledger),
                _route("/preview/faults", GET=self.server.faults, PUT=self.server.play),
            ],
            redirect_slashes=False,
        )

    async def page(self, request: Request) -> Response:
        """`GET /videos`."""
        faults = await self.rehearsal.before("list")
        dialect = self.rehearsal.dialect
        query = dict(request.query_params)
        if dialect.list_needs is not None and query.pop(dialect.list_needs, None) is None:
            raise ApiError(f"'{dialect.list_needs}' is required.", param=dialect.list_needs)
        wanted = parse_list(query)
        after = None
        if wanted.after is not None:
            after = self.shelf.store.get(dialect.read_id(wanted.after))
            if after is None:
                raise ApiError(
                    f"There is no video with the id '{wanted.after}' to list after.",
                    param="after",
                    code="invalid_value",
                )
        # One more than asked for tells whether there is another page.
        is_whole = dialect.envelope == "bare"
        limit = -1 if is_whole else wanted.limit + 1
        jobs = self.shelf.store.page(
            after=after, newest_first=wanted.newest_first, limit=limit, now=time.time()
        )
        shown = jobs if is_whole else jobs[: wanted.limit]
        videos = [self._told(job, self.shelf.look_at(job), request) for job in shown]
        page = {
            "object": "list",
            "data": videos,
            "first_id": None,
            "last_id": None,
            "has_more": len(jobs) > len(shown),
        }
        return self.rehearsal.after(faults, JSONResponse(dialect.tell_list(page)))

    async def retrieve(self, request: Request) -> Response:
        """`GET /videos/{id}`."""
        job, life = self.shelf.find(self.shelf.id_in(request))
        faults = await self.rehearsal.before("retrieve", job.prompt)
        status = 200
        if life.status is Status.FAILED:
            status = self.rehearsal.dialect.failed_as or status
        headers = {"openai-poll-after-ms": str(poll_after_ms(job))}
        video = self._told(job, life, request)
        return self.rehearsal.after(
            faults, JSONResponse(video, status_code=status, headers=headers)
        )

    async def delete(self, request: Request) -> Response:
        """`DELETE /videos/{id}`. A body, if there is one, is not looked at."""
        dialect = self.rehearsal.dialect
        self.rehearsal.refuse_absent("delete")
        job, life = self.shelf.find(self.shelf.id_in(request))
        faults = await self.rehearsal.before("delete", job.prompt)
        if dialect.refuses_json_delete and "content-type" in request.headers:
            raise ApiError("The body could not be parsed as JSON.", code="invalid_json")
        if life.status not in {Status.COMPLETED, Status.FAILED}:
            raise ApiError(
                f"Only a completed or failed video can be deleted; this one is {life.status}.",
                status=409,
                code="video_in_progress",
            )
        if not self.shelf.store.remove(job.video_id):
            raise not_found(job.video_id)  # another client was faster
        self.files.remove(job.video_id)
        answer = dialect.tell_deleted(self._told(job, life, request))
        return self.rehearsal.after(faults, JSONResponse(answer))

    async def content(self, request: Request) -> Response:
        """`GET /videos/{id}/content`. Whatever the client accepts, it gets the bytes."""
        self.rehearsal.refuse_absent("content")
        job, life = self.shelf.find(self.shelf.id_in(request))
        variant = self._variant(request)
        faults = await self.rehearsal.before("content", job.prompt)
        self._check_is_ready(job, life)
        path = await self.studio.file(job, variant)
        if life.status is not Status.COMPLETED:
            whole = await asyncio.to_thread(path.read_bytes)
            half = whole[: len(whole) // 2]  # as it is while somebody writes it
            return Response(half, media_type=variant.media_type)
        played = await self.rehearsal.content(faults, path, variant.media_type, request)
        answer = played or FileResponse(path, media_type=variant.media_type)
        return self.rehearsal.after(faults, answer)

    async def result(self, request: Request) -> Response:
        """`GET /results/{id}`: the video of a job that tells where it is."""
        job, life = self.shelf.find(self.shelf.id_in(request))
        self._check_is_ready(job, life)
        path = await self.studio.file(job, VIDEO)
        return FileResponse(path, media_type=VIDEO.media_type)

    async def remix_methods(self, request: Request) -> Response:  # noqa: ARG002 - a route's signature
        """`OPTIONS /videos/{id}/remix`: whether there is such a place, at no cost."""
        self.rehearsal.refuse_absent("remix")
        return Response(status_code=204, headers={"allow": "OPTIONS, POST"})

    def _check_is_ready(self, job: Job, life: Life) -> None:
        dialect = self.rehearsal.dialect
        if life.status is Status.FAILED:
            raise ApiError(
                "This video failed, so it has no content.", code="video_generation_failed"
            )
        if life.expires_at is None:
            if dialect.serves_unfinished and job.rendered_at is not None:
                return
            retry_after_s = dialect.not_ready_retry_after_s
            raise ApiError(
                "Video is not ready yet, use GET /v1/videos/{video_id} to check status.",
                status=dialect.not_ready_status,
                code="video_not_ready",
                headers={} if retry_after_s is None else {"retry-after": str(retry_after_s)},
            )
        if time.time() >= life.expires_at:
            raise ApiError("This video has expired.", status=404, code="video_expired")

    def _variant(self, request: Request) -> Variant:
        dialect, said = self.rehearsal.dialect, request.query_params.get("variant")
        if dialect.variants == "ignored":
            return VIDEO
        if dialect.variants == "refused" and said is not None:
            raise ApiError("Variant not found.", status=404)
        variant = parse_variant(request.query_params)
        if dialect.variants == "absent" and variant is not VIDEO:
            raise ApiError("This server makes no pictures.", status=501, code="not_implemented")
        return variant

    def _told(self, job: Job, life: Life, request: Request) -> dict[str, Any]:
        dialect = self.rehearsal.dialect
        url = f"{request.base_url}v1/results/{job.video_id}" if dialect.result_url else None
        return dialect.tell_video(to_video(job, life), url=url)


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
