"""Looks at a video that a client sends to be edited: its size, its length, its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from reconciler.preview.errors import ApiError

if TYPE_CHECKING:
    from reconciler.preview.intake import Intake


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What an edit needs to know of it."""

    size: str
    seconds: int  # whole ones, as long as a video that was extended can be
    first_frame: bytes  # png


def look_into(video: bytes, intake: Intake) -> Upload:
    """Decode the beginning of a video that was uploaded to a server with that intake.

    Belongs in a thread.

    Raises:
        ApiError: it is no video, or of a size that cannot be made.
    """
    import av
    from av.error import FFmpegError

    try:
        with av.open(BytesIO(video), mode="r", format="mp4") as container:
            stream = container.streams.video[0]
            frame = next(container.decode(stream))
            length_s = float(container.duration or 0) / 1_000_000
            picture = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV has no type for it
    except (FFmpegError, IndexError, StopIteration) as error:
        raise _refused("'video' is not a whole mp4 video.") from error
    size = f"{picture.width}x{picture.height}"
    if not intake.size.allow(size):
        raise _refused(f"'video' is {size}. {intake.size.expected}")
    first_frame = BytesIO()
    picture.save(first_frame, "PNG")
    seconds = min(max(round(length_s), 1), intake.video_seconds_max)
    return Upload(size=size, seconds=seconds, first_frame=first_frame.getvalue())


def _refused(message: str) -> ApiError:
    return ApiError(message, param="video", code="invalid_video")
