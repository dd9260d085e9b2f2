"""The routes of the Videos API, and those about the server itself."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, Router

from reconciler.preview.errors import ApiError, not_found
from reconciler.preview.files import VIDEO, Files, Variant
from reconciler.preview.jobs import (
    Job,
    Life,
    Operation,
    Status,
    life_of,
    poll_after_ms,
    to_video,
)
from reconciler.preview.moderation import failure_rehearsed_by
from reconciler.preview.palette import hue_of, kin_hue
from reconciler.preview.prices import price_usd
from reconciler.preview.reference import check_reference
from reconciler.preview.requests import (
    VIDEO_SECONDS_MAX,
    CreateRequest,
    idempotency_key,
    parse_create,
    parse_edit,
    parse_extension,
    parse_list,
    parse_remix,
    parse_variant,
    read_fields,
)
from reconciler.preview.store import Bill, KeyReusedError
from reconciler.preview.upload import look_into

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from reconciler.preview.dialect import Place
    from reconciler.preview.jobs import Fate
    from reconciler.preview.rehearsal import Rehearsal
    from reconciler.preview.store import Store
    from reconciler.preview.studio import Studio

    Endpoint = Callable[[Request], Awaitable[Response]]

# Of the official API; it needs a real generator behind it.
_ABSENT = ("characters",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How jobs live on this server."""

    pace_s: float  # about how long one runs
    slots: int  # so many run at once
    assets_last_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A job about to be made."""

    create: CreateRequest
    operation: Operation
    new_seconds: int  # what is billed
    hue: int
    parent: Job | None
    key: str | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideosApi:
    """The operations on videos, one method for each route."""

    store: Store
    files: Files
    studio: Studio
    settings: Settings
    rehearsal: Rehearsal

    def router(self) -> Router:
        """Return the routes: the API below `/v1`, the server's own below `/preview`."""
        videos, video = "/v1/videos", "/v1/videos/{video_id}"
        return Router(
            [
                _route(videos, GET=self.page, POST=self.create),
                _route(f"{videos}/edits", POST=self.edit),
                _route(f"{videos}/extensions", POST=self.extend),
                *(_route(f"{videos}/{name}", POST=_not_offered) for name in _ABSENT),
                _route(video, GET=self.retrieve, DELETE=self.delete),
                _route(f"{video}/content", GET=self.content),
                _route(f"{video}/remix", POST=self.remix),
                _route("/preview/ledger", GET=self.ledger),
                _route("/preview/faults", GET=self.faults, PUT=self.play),
            ],
            redirect_slashes=False,
        )

    # --- paid -------------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        """`POST /videos`."""
        wanted, key = parse_create(await self._fields(request)), idempotency_key(request)
        return await self._make(
            "create",
            _Wanted(
                create=wanted,
                operation=Operation.CREATE,
                new_seconds=wanted.seconds,
                hue=hue_of(wanted.prompt),
                parent=None,
                key=key,
                fingerprint=_fingerprint(key, "create", wanted),
            ),
        )

    async def remix(self, request: Request) -> Response:
        """`POST /videos/{id}/remix`."""
        parent = self._completed(self._id_in(request), to="remixed")
        prompt, key = parse_remix(await self._fields(request)), idempotency_key(request)
        wanted = await self._derived(parent, prompt, Operation.REMIX, key)
        return await self._make("remix", wanted)

    async def edit(self, request: Request) -> Response:
        """`POST /videos/edits`: of a video of this server, or of one that comes along."""
        asked, key = parse_edit(await self._fields(request)), idempotency_key(request)
        if isinstance(asked.source, str):
            parent = self._completed(self.rehearsal.dialect.read_id(asked.source), to="edited")
            wanted = await self._derived(parent, asked.prompt, Operation.EDIT, key)
            return await self._make("edit", wanted)
        upload = await asyncio.to_thread(look_into, asked.source)
        create = CreateRequest(
            prompt=asked.prompt,
            model="sora-2",
            seconds=upload.seconds,
            size=upload.size,
            reference=upload.first_frame,
        )
        wanted = _Wanted(
            create=create,
            operation=Operation.EDIT,
            new_seconds=create.seconds,
            hue=hue_of(asked.prompt),
            parent=None,
            key=key,
            fingerprint=_fingerprint(key, "edit", asked),
        )
        return await self._make("edit", wanted)

    async def extend(self, request: Request) -> Response:
        """`POST /videos/extensions`: a video that goes on for some seconds."""
        asked, key = parse_extension(await self._fields(request)), idempotency_key(request)
        parent = self._completed(self.rehearsal.dialect.read_id(asked.source), to="extended")
        total = parent.seconds + asked.seconds
        if total > VIDEO_SECONDS_MAX:
            raise ApiError(
                f"The video would be {total} seconds long: at most {VIDEO_SECONDS_MAX} are made.",
                param="seconds",
                code="invalid_value",
            )
        wanted = await self._derived(parent, asked.prompt, Operation.EXTEND, key)
        wanted = replace(
            wanted,
            create=replace(wanted.create, seconds=total),
            new_seconds=asked.seconds,
            fingerprint=_fingerprint(key, "extend", asked),
        )
        return await self._make("extend", wanted)

    async def _derived(
        self, parent: Job, prompt: str, operation: Operation, key: str | None
    ) -> _Wanted:
        """What is made of a parent has all of it but the prompt."""
        # A copy, so that it outlives its parent.
        image = await asyncio.to_thread(self._image_of, parent) if parent.has_reference else None
        return _Wanted(
            create=CreateRequest(
                prompt=prompt,
                model=parent.model,
                seconds=parent.seconds,
                size=parent.size,
                reference=image,
            ),
            operation=operation,
            new_seconds=parent.seconds,
            hue=kin_hue(parent.hue, prompt),
            parent=parent,
            key=key,
            fingerprint=_fingerprint(key, operation, (parent.video_id, prompt)),
        )

    async def _make(self, place: Place, wanted: _Wanted) -> Response:
        faults = await self.rehearsal.before(place, wanted.create.prompt)
        job = await asyncio.to_thread(self._admit, wanted, self.rehearsal.fate(faults))
        self.studio.expect(job)
        dialect = self.rehearsal.dialect
        life = life_of(job, time.time() if wanted.key else job.created_at)
        video = dialect.tell_video(to_video(job, life), at_creation=True)
        return self.rehearsal.after(faults, JSONResponse(video, status_code=dialect.create_status))

    def _admit(self, wanted: _Wanted, fate: Fate) -> Job:
        """Check and keep the image, then store the row: no row ever lacks its image."""
        create = wanted.create
        video_id = self.rehearsal.dialect.new_id()
        if create.reference is not None:
            check_reference(create.reference, create.size)
            self.files.write_reference(video_id, create.reference)
        now = time.time()
        job = Job(
            video_id=video_id,
            prompt=create.prompt,
            model=create.model,
            seconds=create.seconds,
            size=create.size,
            hue=wanted.hue,
            has_reference=create.reference is not None,
            remixed_from=wanted.parent.video_id if wanted.parent else None,
            created_at=now,
            pace_s=self.settings.pace_s,
            bound_to_fail=fate.failure or failure_rehearsed_by(create.prompt),
            operation=wanted.operation,
            assets_last_s=self.settings.assets_last_s,
            stuck_at=fate.stuck_at,
            listed_from=now + fate.hidden_s if fate.hidden_s else 0.0,
            lost_from=None if fate.lost_after_s is None else now + fate.lost_after_s,
            idempotency_key=wanted.key,
            fingerprint=wanted.fingerprint,
        )
        try:
            made = self.store.add(job, _bill(job, wanted.new_seconds), slots=self.settings.slots)
        except KeyReusedError:
            self.files.remove(video_id)
            raise ApiError(
                "This Idempotency-Key was used for another request.",
                status=409,
                code="idempotency_key_reused",
            ) from None
        if made.video_id != video_id:
            self.files.remove(video_id)
        return made

    # --- free -------------------------------------------------------------------------------

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
            after = self.store.get(dialect.read_id(wanted.after))
            if after is None:
                raise ApiError(
                    f"There is no video with the id '{wanted.after}' to list after.",
                    param="after",
                    code="invalid_value",
                )
        # One more than asked for tells whether there is another page.
        is_whole = dialect.envelope == "bare"
        limit = -1 if is_whole else wanted.limit + 1
        jobs = self.store.page(
            after=after, newest_first=wanted.newest_first, limit=limit, now=time.time()
        )
        shown = jobs if is_whole else jobs[: wanted.limit]
        videos = [self._told(job, self._look_at(job), request) for job in shown]
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
        job, life = self._find(self._id_in(request))
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
        job, life = self._find(self._id_in(request))
        faults = await self.rehearsal.before("delete", job.prompt)
        if dialect.refuses_json_delete and "content-type" in request.headers:
            raise ApiError("The body could not be parsed as JSON.", code="invalid_json")
        if life.status not in {Status.COMPLETED, Status.FAILED}:
            raise ApiError(
                f"Only a completed or failed video can be deleted; this one is {life.status}.",
                status=409,
                code="video_in_progress",
            )
        if not self.store.remove(job.video_id):
            raise not_found(job.video_id)  # another client was faster
        self.files.remove(job.video_id)
        answer = dialect.tell_deleted(self._told(job, life, request))
        return self.rehearsal.after(faults, JSONResponse(answer))

    async def content(self, request: Request) -> Response:
        """`GET /videos/{id}/content`. Whatever the client accepts, it gets the bytes."""
        job, life = self._find(self._id_in(request))
        variant = self._variant(request)
        faults = await self.rehearsal.before("content", job.prompt)
        self._check_is_ready(job, life)
        path = await self.studio.file(job, variant)
        if life.status is not Status.COMPLETED:
            whole = await asyncio.to_thread(path.read_bytes)
            half = whole[: len(whole) // 2]  # as it is while somebody writes it
            return Response(half, media_type=variant.media_type)
        played = await self.rehearsal.content(faults, path, variant.media_type, request)
        return played or FileResponse(path, media_type=variant.media_type)

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

    # --- about the server -------------------------------------------------------------------

    async def ledger(self, _request: Request) -> Response:
        """`GET /preview/ledger`: what all jobs ever made would have cost."""
        bills = await asyncio.to_thread(self.store.bills)
        entries = [
            {
                "at": int(bill.at),
                "video_id": bill.video_id,
                "operation": bill.operation,
                "model": bill.model,
                "size": bill.size,
                "seconds": bill.seconds,
                "prompt": bill.prompt,
                "usd": bill.usd,
            }
            for bill in bills
        ]
        total = sum((Decimal(bill.usd) for bill in bills), Decimal(0))
        return JSONResponse({"object": "ledger", "usd": f"{total:.2f}", "data": entries})

    async def faults(self, _request: Request) -> Response:
        """`GET /preview/faults`: the menu in force."""
        menu = self.rehearsal.menu
        return JSONResponse({} if menu is None else menu.model_dump(mode="json"))

    async def play(self, request: Request) -> Response:
        """`PUT /preview/faults`: put another menu in force."""
        from reconciler.preview.faults import MenuError, menu_from

        try:
            menu = menu_from(json.loads(await request.body() or b"{}"))
        except (MenuError, ValueError, RecursionError) as error:
            raise ApiError(f"This is no fault menu: {error}", code="invalid_menu") from error
        self.rehearsal.serve(menu)
        return JSONResponse(menu.model_dump(mode="json"))

    # --- helpers ----------------------------------------------------------------------------

    async def _fields(self, request: Request) -> Mapping[str, Any]:
        takes_json = not self.rehearsal.dialect.multipart_only
        return await read_fields(request, takes_json=takes_json)

    def _told(self, job: Job, life: Life, request: Request) -> dict[str, Any]:
        dialect = self.rehearsal.dialect
        url = f"{request.base_url}v1/videos/{job.video_id}/content" if dialect.result_url else None
        return dialect.tell_video(to_video(job, life), url=url)

    def _image_of(self, job: Job) -> bytes:
        try:
            return self.files.read_reference(job.video_id)
        except FileNotFoundError:  # deleted a moment ago
            raise not_found(job.video_id) from None

    def _id_in(self, request: Request) -> str:
        return self.rehearsal.dialect.read_id(request.path_params["video_id"])

    def _completed(self, video_id: str, *, to: str) -> Job:
        job, life = self._find(video_id)
        if life.status is not Status.COMPLETED:
            raise ApiError(
                f"Only a completed video can be {to}; this one is {life.status}.",
                code="video_not_completed",
            )
        return job

    def _find(self, video_id: str) -> tuple[Job, Life]:
        job = self.store.get(video_id)
        if job is None or not job.is_known(time.time()):
            raise not_found(video_id)
        return job, self._look_at(job)

    def _look_at(self, job: Job) -> Life:
        self.studio.look_after(job)
        return life_of(job, time.time())


def _bill(job: Job, seconds: int) -> Bill:
    return Bill(
        at=job.created_at,
        video_id=job.video_id,
        operation=job.operation,
        model=job.model,
        size=job.size,
        seconds=seconds,
        prompt=job.prompt,
        usd=f"{price_usd(job.model, job.size, seconds):.2f}",
    )


def _fingerprint(key: str | None, operation: str, asked: object) -> str | None:
    """What tells one request from another under the same key; none is needed without a key."""
    if key is None:
        return None
    return hashlib.sha256(f"{operation} {asked!r}".encode(errors="surrogatepass")).hexdigest()


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
