"""How a real server differs from the official one, as data, and what that does to an answer."""

from __future__ import annotations

import base64
import binascii
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PaidPlace = Literal["create", "remix", "edit", "extend"]
Place = Literal["create", "remix", "edit", "extend", "retrieve", "list", "delete", "content"]
Takes = Literal["official", "anything"]

_YEAR_9999 = 253_402_300_799
_WRAPPED = "litellm:custom_llm_provider:openai;model_id:{model};video_id:{video_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The differences; without any it is the official protocol."""

    absent: tuple[Place, ...] = ()
    absent_status: int = 404
    takes: Takes = "official"  # which models, lengths, sizes, images and fields
    create_status: int = 200
    multipart_only: bool = False
    ids: Literal["official", "uuid", "wrapped", "drifting"] = "official"
    statuses: Mapping[str, str] = field(default_factory=dict)  # official word: its own
    omitted: tuple[str, ...] = ()  # fields of a video that are not told
    seconds: Literal["text", "number", "duration"] = "text"
    progress: Literal["official", "absent", "jumps"] = "official"
    expires: Literal["official", "absent", "year_9999"] = "official"
    envelope: Literal["official", "bare"] = "official"  # of a list
    list_needs: str | None = None  # a query parameter without which there is no list
    deleted: Literal["official", "video", "bare"] = "official"
    refuses_json_delete: bool = False  # a DELETE that calls its empty body JSON
    errors: Literal["official", "detail", "nested"] = "official"
    job_error: Literal["official", "message", "text"] = "official"
    failed_as: int | None = None  # the HTTP status of a failed job, with the video as body
    variants: Literal["official", "ignored", "refused", "absent"] = "official"
    not_ready_status: int = 404
    not_ready_retry_after_s: int | None = None
    serves_unfinished: bool = False  # content of a job that still runs, cut short
    result_url: bool = False  # the content is at a `url` of the video
    retry_after_header: str = "retry-after"

    def new_id(self) -> str:
        """Return an id for a new job."""
        return str(uuid.uuid4()) if self.ids == "uuid" else f"video_{secrets.token_hex(16)}"

    def read_id(self, told: str) -> str:
        """Return the id of a job by what a client calls it."""
        if self.ids not in {"wrapped", "drifting"}:
            return told
        try:
            inner = base64.b64decode(told.removeprefix("video_"), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return told
        return inner.rpartition("video_id:")[2] if inner.startswith("litellm:") else told

    def tell_id(self, video_id: str, model: str, *, at_creation: bool) -> str:
        """Return what a client is told that a job is called."""
        if self.ids == "wrapped" or (self.ids == "drifting" and at_creation):
            return self._wrapped(video_id, model)
        return self._wrapped(video_id, "") if self.ids == "drifting" else video_id

    @staticmethod
    def _wrapped(video_id: str, model: str) -> str:
        inner = _WRAPPED.format(model=model, video_id=video_id)
        return "video_" + base64.b64encode(inner.encode()).decode()

    def tell_video(
        self, video: Mapping[str, Any], *, at_creation: bool = False, url: str | None = None
    ) -> dict[str, Any]:
        """Return a Video object as this server tells it; `url` is where its content is."""
        told = dict(video)
        told["id"] = self.tell_id(video["id"], video["model"], at_creation=at_creation)
        told["status"] = self.statuses.get(video["status"], video["status"])
        is_done = video["status"] == "completed"
        if self.seconds == "number":
            told["seconds"] = int(video["seconds"])
        elif self.seconds == "duration":
            told["duration"] = float(told.pop("seconds"))
        if self.progress == "absent":
            del told["progress"]
        elif self.progress == "jumps":
            told["progress"] = 100 if is_done else 0
        if self.expires == "absent":
            del told["expires_at"]
        elif self.expires == "year_9999" and is_done:
            told["expires_at"] = _YEAR_9999
        if video["error"] is not None and self.job_error != "official":
            message = video["error"]["message"]
            told["error"] = message if self.job_error == "text" else {"message": message}
        if self.result_url and is_done:
            told["url"] = url
        return {name: value for name, value in told.items() if name not in self.omitted}

    def tell_list(self, page: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page as this server tells it; the videos in it are told already."""
        if self.envelope == "bare":
            return {"object": "list", "data": page["data"]}
        videos = page["data"]
        edges = {"first_id": videos[0]["id"], "last_id": videos[-1]["id"]} if videos else {}
        return {**page, **edges}

    def tell_deleted(self, video: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a deletion; the video is told already."""
        if self.deleted == "video":
            return {**video, "status": "deleted"}
        if self.deleted == "bare":
            return {"deleted": True}
        return {"id": video["id"], "object": "video.deleted", "deleted": True}

    def tell_error(self, status: int, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a refusal, given as the official one, as this server tells it."""
        if self.errors == "detail":
            return {"detail": body["error"]["message"]}
        if self.errors == "nested":
            error = {**body["error"], "message": f"litellm.APIError: OpenAIException - {body}"}
            return {"error": {**error, "param": None, "code": str(status)}}
        return dict(body)


OFFICIAL = Dialect()
