"""The operations that make a job: create, remix, edit, extend."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from reconciler.preview.errors import ApiError, not_found
from reconciler.preview.intake import INTAKES
from reconciler.preview.jobs import Job, Operation, Status, life_of, to_video
from reconciler.preview.moderation import failure_rehearsed_by
from reconciler.preview.palette import family_of, hue_of, kin_hue
from reconciler.preview.prices import price_usd
from reconciler.preview.requests import (
    CreateRequest,
    idempotency_key,
    parse_create,
    parse_edit,
    parse_extension,
    parse_remix,
    read_fields,
)
from reconciler.preview.store import Bill, KeyReusedError
from reconciler.preview.upload import look_into

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from reconciler.preview.dialect import Place
    from reconciler.preview.files import Files
    from reconciler.preview.intake import Intake
    from reconciler.preview.jobs import Fate
    from reconciler.preview.rehearsal import Rehearsal
    from reconciler.preview.shelf import Shelf
    from reconciler.preview.studio import Studio


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
class Making:
    """What would be paid for elsewhere, one method for each route."""

    shelf: Shelf
    files: Files
    studio: Studio
    settings: Settings
    rehearsal: Rehearsal

    async def create(self, request: Request) -> Response:
        """`POST /videos`."""
        wanted, key = (
            parse_create(await self._fields(request), self._intake),
            idempotency_key(request),
        )
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
        parent = self._completed(self.shelf.id_in(request), to="remixed")
        prompt, key = (
            parse_remix(await self._fields(request), self._intake),
            idempotency_key(request),
        )
        wanted = await self._derived(parent, prompt, Operation.REMIX, key)
        return await self._make("remix", wanted)

    async def edit(self, request: Request) -> Response:
        """`POST /videos/edits`: of a video of this server, or of one that comes along."""
        asked = parse_edit(await self._fields(request), self._intake)
        key = idempotency_key(request)
        if isinstance(asked.source, str):
            parent = self._completed(self.rehearsal.dialect.read_id(asked.source), to="edited")
            wanted = await self._derived(parent, asked.prompt, Operation.EDIT, key)
            return await self._make("edit", wanted)
        upload = await asyncio.to_thread(look_into, asked.source, self._intake)
        create = CreateRequest(
            prompt=asked.prompt,
            model=asked.model,
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
        asked, key = (
            parse_extension(await self._fields(request), self._intake),
            idempotency_key(request),
        )
        parent = self._completed(self.rehearsal.dialect.read_id(asked.source), to="extended")
        total = parent.seconds + asked.seconds
        most = self._intake.video_seconds_max
        if total > most:
            raise ApiError(
                f"The video would be {total} seconds long: at most {most} are made.",
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
        # Under a key it may be an older one, and stand otherwise than at its beginning.
        life = life_of(job, time.time() if wanted.key else job.created_at)
        video = dialect.tell_video(to_video(job, life), at_creation=True)
        return self.rehearsal.after(faults, JSONResponse(video, status_code=dialect.create_status))

    def _admit(self, wanted: _Wanted, fate: Fate) -> Job:
        """Check and keep the image, then store the row: no row ever lacks its image."""
        create = wanted.create
        video_id = self.rehearsal.dialect.new_id()
        if create.reference is not None:
            image = self._intake.reference(create.reference, create.size)
            self.files.write_reference(video_id, image)
        now = time.time()
        job = Job(
            video_id=video_id,
            prompt=create.prompt,
            model=create.model,
            seconds=create.seconds,
            size=create.size,
            hue=wanted.hue,
            family=_family(wanted),
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
            made = self.shelf.store.add(
                job, _bill(job, wanted.new_seconds), slots=self.settings.slots
            )
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

    @property
    def _intake(self) -> Intake:
        return INTAKES[self.rehearsal.dialect.takes]

    async def _fields(self, request: Request) -> Mapping[str, Any]:
        takes_json = not self.rehearsal.dialect.multipart_only
        return await read_fields(request, takes_json=takes_json)

    def _image_of(self, job: Job) -> bytes:
        try:
            return self.files.read_reference(job.video_id)
        except FileNotFoundError:  # deleted a moment ago
            raise not_found(job.video_id) from None

    def _completed(self, video_id: str, *, to: str) -> Job:
        job, life = self.shelf.find(video_id)
        if life.status is not Status.COMPLETED:
            raise ApiError(
                f"Only a completed video can be {to}; this one is {life.status}.",
                code="video_not_completed",
            )
        return job


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


def _family(wanted: _Wanted) -> str:
    parent = wanted.parent
    if parent is None:
        return family_of(wanted.create.prompt)
    return parent.family or family_of(parent.prompt)  # an older server stored none


def _fingerprint(key: str | None, operation: str, asked: object) -> str | None:
    """What tells one request from another under the same key; none is needed without a key."""
    if key is None:
        return None
    return hashlib.sha256(f"{operation} {asked!r}".encode(errors="surrogatepass")).hexdigest()
