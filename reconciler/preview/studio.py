"""Has the files of jobs rendered, away from the event loop, at most two at once."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from reconciler.preview.files import VIDEO, Files, Variant, whole

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.preview.jobs import Job
    from reconciler.preview.scene import Shot
    from reconciler.preview.store import Store

_RENDERS_MAX = 2

_log = logging.getLogger(__name__)


class Studio:
    """The renders of one server. Others may work in the same folder.

    Equal jobs give equal bytes, so a file that two servers render at the same time
    costs a little time and does no harm; there is no lock between them.
    """

    def __init__(self, store: Store, files: Files) -> None:
        self._store = store
        self._files = files
        self._pool = ThreadPoolExecutor(_RENDERS_MAX, thread_name_prefix="render")
        self._under_way: dict[str, Future[None]] = {}

    def expect(self, job: Job) -> None:
        """Render a job that was just created, as soon as it is due to start."""
        if job.needs_rendering:
            delay_s = max(0.0, job.starts_at - time.time())
            asyncio.get_running_loop().call_later(delay_s, self._start, job)

    def look_after(self, job: Job) -> None:
        """Render a job whose time is over and whose file is missing: its server was killed.

        Whoever looks at a job brings it on. Until it is due it is left to the server
        that took it in.
        """
        if job.needs_rendering and time.time() >= job.due_at:
            self._start(job)

    async def file(self, job: Job, variant: Variant) -> Path:
        """Return one file of a finished job; render it first if it is not there."""
        path = self._files.path(job.video_id, variant)
        if not path.exists():
            await asyncio.wrap_future(self._pool.submit(self._render, job, variant))
        return path

    def close(self) -> None:
        """Finish the renders that are under way, and start no more."""
        self._pool.shutdown(cancel_futures=True)

    def _start(self, job: Job) -> None:
        if job.video_id not in self._under_way:
            render = self._pool.submit(self._complete, job)
            self._under_way[job.video_id] = render
            render.add_done_callback(lambda _: self._under_way.pop(job.video_id, None))

    def _complete(self, job: Job) -> None:
        """Render the video of a job and note how it went."""
        now = self._store.get(job.video_id)
        if now is None or not now.needs_rendering:
            return  # done meanwhile, here or by another server
        try:
            self._render(job, VIDEO)
        except Exception:  # noqa: BLE001 - see below
            # A full disk or a fault in the drawing: the client must hear of it as a failed
            # job, or it waits for ever.
            _log.exception("rendering %s failed", job.video_id)
            self._store.mark_render_failed(job.video_id, time.time())
        else:
            self._store.mark_rendered(job.video_id, time.time())
        if self._store.get(job.video_id) is None:  # deleted meanwhile, through another server
            self._files.remove(job.video_id)

    def _render(self, job: Job, variant: Variant) -> None:
        # Imported when first needed: a tenth of a second that the start is spared.
        from reconciler.preview import render

        renderers = {
            "video": render.render_video,
            "thumbnail": render.render_thumbnail,
            "spritesheet": render.render_spritesheet,
        }
        with whole(self._files.path(job.video_id, variant)) as part:
            renderers[variant.name](self._shot(job), part)

    def _shot(self, job: Job) -> Shot:
        from reconciler.preview.scene import Shot

        width, _, height = job.size.partition("x")
        return Shot(
            prompt=job.prompt,
            model=job.model,
            seconds=job.seconds,
            width=int(width),
            height=int(height),
            hue=job.hue,
            family=job.family,
            remix_of=job.remixed_from,
            reference=self._files.read_reference(job.video_id) if job.has_reference else None,
        )
