"""Real media, and generations to have them, for the tests of the asset store."""

import hashlib
import io
import struct
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
from PIL import Image

from reconciler.domain.observed import Sidecar
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Recipe, Sha256
from reconciler.domain.recorded import Asset, Generation, GenerationId, JobStatus

if TYPE_CHECKING:
    from av.video.stream import VideoStream

MADE_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def a_clip(
    *,
    container: str = "mp4",
    codec: str = "libx264",
    size: tuple[int, int] = (64, 48),
    frames: int = 12,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """A moving picture of 24 frames a second."""
    with tempfile.TemporaryDirectory() as place:
        made = Path(place) / "clip"
        with av.open(made, "w", format=container, options=dict(options or {})) as output:
            stream = cast("VideoStream", output.add_stream(codec, rate=24))
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            for number in range(frames):
                frame = av.VideoFrame(*size, "rgb24")
                frame.planes[0].update(bytes([number * 20 % 256]) * frame.planes[0].buffer_size)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return made.read_bytes()


def a_sound() -> bytes:
    """An mp4 that holds sound only."""
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 16000
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return made.getvalue()


def a_picture(form: str, size: tuple[int, int] = (40, 30)) -> bytes:
    """A picture with something in it."""
    made = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(made, form)
    return made.getvalue()


def a_free_box(size_bytes: int) -> bytes:
    """A box that players pass over."""
    return struct.pack(">I4s", size_bytes, b"free") + bytes(size_bytes - 8)


def sha256(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


def an_asset(data: bytes, variant: Variant = Variant.VIDEO) -> Asset:
    return Asset(variant=variant, sha256=sha256(data), bytes=len(data), media_type="video/mp4")


def a_generation(remote_id: str = "video_1", *, identity: str = "g1") -> Generation:
    recipe = Recipe(account="studio", prompt="a cat", model="sora-2", seconds=4, size="64x48")
    return Generation(
        id=GenerationId(identity),
        recipe=recipe,
        digest=recipe.digest,
        provider="studio",
        account="studio",
        remote_id=remote_id,
        origin="bought",
        status=JobStatus.COMPLETED,
        progress=100,
        created_at=MADE_AT,
    )


def a_sidecar(
    *assets: Asset,
    remote_id: str = "video_1",
    prompt: str = "a cat",
    completed_at: datetime | None = MADE_AT,
) -> Sidecar:
    recipe = Recipe(account="studio", prompt=prompt, model="sora-2", seconds=4, size="64x48")
    return Sidecar(
        recipe=recipe,
        digest=recipe.digest,
        provider="studio",
        account="studio",
        remote_id=remote_id,
        created_at=MADE_AT,
        completed_at=completed_at,
        cost_usd=Decimal("0.40"),
        assets=assets,
    )


def listed(folder: Path) -> list[str]:
    """The names in a folder, hidden ones too."""
    return sorted(each.name for each in folder.iterdir())
