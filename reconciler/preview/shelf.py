"""The jobs as requests find them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.preview.errors import not_found
from reconciler.preview.jobs import Job, Life, life_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.preview.rehearsal import Rehearsal
    from reconciler.preview.store import Store
    from reconciler.preview.studio import Studio


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """All jobs that are known at this moment, by what clients call them."""

    store: Store
    studio: Studio
    rehearsal: Rehearsal

    def id_in(self, request: Request) -> str:
        """The id of the job that a path names."""
        return self.rehearsal.dialect.read_id(request.path_params["video_id"])

    def find(self, video_id: str) -> tuple[Job, Life]:
        """A job, and how it stands now.

        Raises:
            ApiError: there is none (any more).
        """
        job = self.store.get(video_id)
        if job is None or not job.is_known(time.time()):
            raise not_found(video_id)
        return job, self.look_at(job)

    def look_at(self, job: Job) -> Life:
        """How a job stands now; one whose server was killed is brought on."""
        self.studio.look_after(job)
        return life_of(job, time.time())
