"""The dialect of OpenAI's Videos API, and of the servers that keep to it more or less."""

import base64
import json
from collections.abc import Mapping
from math import gcd
from typing import Literal, assert_never
from urllib.parse import quote, urlencode

from reconciler.domain.errors import RejectedError
from reconciler.domain.observed import JobPage, ObservedJob, is_remote_id
from reconciler.domain.ports import (
    CreateRequest,
    EditRequest,
    EditUploadRequest,
    ExtendRequest,
    PaidRequest,
    RemixRequest,
)
from reconciler.domain.probing import Catalogue
from reconciler.domain.profile import OFFICIAL_WIRE, Variant, Wire
from reconciler.domain.recorded import JobStatus
from reconciler.remote import wire as reading
from reconciler.remote.dialect import PaidPost, Upload


class VideosDialect:
    """The paths and bodies of `/videos`: a `Dialect`."""

    def __init__(self, wire: Wire = OFFICIAL_WIRE) -> None:
        """Speak it as one kind of server does."""
        self.wire = wire

    @property
    def catalogue_path(self) -> str | None:
        """Nowhere: `/models` tells names alone."""
        return None

    def catalogue(self, body: bytes) -> Catalogue:  # noqa: ARG002 - the Protocol's
        """Nothing."""
        return {}

    def paid(self, request: PaidRequest) -> PaidPost:
        """A new video, or one that is made from a finished job or its video."""
        match request:
            case CreateRequest():
                return self._new(request)
            case RemixRequest(parent=parent, prompt=prompt):
                return remix_post(parent, prompt)
            case EditRequest(parent=parent, prompt=prompt):
                return edit_post(parent, prompt)
            case EditUploadRequest(prompt=prompt, video=video):
                model = request.model if self.wire.model_field else None
                return edit_upload_post(video, prompt, model=model)
            case ExtendRequest(parent=parent, prompt=prompt, seconds=seconds):
                return extend_post(parent, prompt, seconds=str(seconds))
            case _:
                assert_never(request)

    def _new(self, request: CreateRequest) -> PaidPost:
        fields: dict[str, object] = {"prompt": request.prompt}
        if self.wire.model_field:
            fields["model"] = request.model
        as_number = self.wire.create_as == "json" and self.wire.seconds_as == "number"
        fields["seconds"] = request.seconds if as_number else str(request.seconds)
        if self.wire.size_as == "size":
            fields["size"] = request.size
        else:
            fields["aspect_ratio"] = _aspect_ratio(request.size)
        return self.create({**request.extra, **fields}, reference_of(request))

    def create(self, fields: Mapping[str, object], reference: Upload | None) -> PaidPost:
        """A new video of these fields."""
        name = self.wire.reference_field
        if self.wire.create_as == "json":
            image = {} if reference is None else {name: {"image_url": data_url(reference)}}
            return PaidPost(path="/videos", json={**fields, **image})
        form: dict[str, str | Upload] = {key: _form_text(value) for key, value in fields.items()}
        if reference is not None:
            form[name] = self._form_reference(reference)
        return PaidPost(path="/videos", form=form)

    def _form_reference(self, reference: Upload) -> str | Upload:
        if self.wire.reference_as == "file":
            return reference
        return json.dumps({"image_url": data_url(reference)})

    def job_path(self, remote_id: str) -> str:
        """Where one job is."""
        return job_path(remote_id)

    def delete_path(self, remote_id: str) -> str:
        """Where one job is deleted: where it is."""
        return job_path(remote_id)

    def content_path(self, remote_id: str, variant: Variant) -> str:
        """Where an asset of a job is."""
        path = f"{job_path(remote_id)}/content"
        # The video is the default everywhere, and SGLang refuses its name.
        return path if variant is Variant.VIDEO else f"{path}?variant={variant.value}"

    def page_path(self, *, limit: int, order: str, after: str | None) -> str:
        """Where a page of the list is."""
        query = {"limit": str(min(limit, self.wire.page_jobs_max)), "order": order}
        if after is not None:
            query["after"] = after
        return f"/videos?{urlencode(query)}"

    def job(self, body: bytes, *, remote_id: str | None = None) -> ObservedJob:
        """The video object that a body is."""
        return reading.job_from(
            reading.parse(body), remote_id=remote_id, statuses=self.wire.statuses
        )

    def page(self, body: bytes, *, after: str | None) -> JobPage:
        """The list that a body is."""
        return reading.page_from(reading.parse(body), after=after, statuses=self.wire.statuses)

    def told_status(self, body: bytes, *, remote_id: str | None = None) -> JobStatus | None:  # noqa: ARG002 - the Protocol's
        """The status of the video object that a body plainly is."""
        return reading.told_status(body)

    def end(self, body: bytes) -> Literal["expired", "deleted"] | None:
        """What the status of a video object says of it."""
        return reading.end_of(reading.parse(body))

    def result_url(self, body: bytes) -> str | None:
        """The `url` of a video object, by whichever of its names."""
        return reading.result_url(reading.parse(body))


OFFICIAL = VideosDialect()


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


def reference_upload(data: bytes, media_type: str) -> Upload:
    """A reference image, under a name of its kind: its own is nobody's business there."""
    name = f"reference.{media_type.rpartition('/')[2]}"
    return Upload(name=name, data=data, media_type=media_type)


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


def reference_of(request: CreateRequest) -> Upload | None:
    """The reference image of a create, as it travels."""
    if request.reference is None:
        return None
    if request.reference_bytes is None:
        raise ValueError("a reference without its bytes")
    return reference_upload(request.reference_bytes, request.reference.media_type)


def data_url(image: Upload) -> str:
    """An image as a URL that holds all of it."""
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"


def _form_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _aspect_ratio(size: str) -> str:
    width, height = (int(side) for side in size.split("x"))
    shared = gcd(width, height)
    return f"{width // shared}:{height // shared}"
