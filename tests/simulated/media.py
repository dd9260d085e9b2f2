"""Real media, small and different for every job, so that what is checked of them is true."""

import hashlib
import io
import struct
import tempfile
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
from PIL import Image

from reconciler.domain.profile import Variant

_FRAMES_PER_SECOND = 1


def asset_bytes(variant: Variant, remote_id: str, *, size: str, seconds: int) -> bytes:
    """What one job made: a video of that size (WIDTHxHEIGHT) and length, or a picture."""
    if variant is Variant.VIDEO:
        width, _, height = size.partition("x")
        return _clip(int(width), int(height), seconds) + _free_box(remote_id.encode())
    return _picture("WEBP" if variant is Variant.THUMBNAIL else "JPEG", remote_id)


@cache
def _clip(width: int, height: int, seconds: int) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        made = Path(place) / "clip.mp4"
        with av.open(made, "w") as output:
            stream = output.add_stream("libx264", rate=_FRAMES_PER_SECOND)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = Fraction(1, _FRAMES_PER_SECOND)
            for number in range(seconds * _FRAMES_PER_SECOND):
                frame = av.VideoFrame(width, height, "rgb24")
                frame.planes[0].update(bytes(frame.planes[0].buffer_size))
                frame.pts = number
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return made.read_bytes()


def _free_box(content: bytes) -> bytes:
    """A box that players pass over, which tells one job's bytes from another's."""
    return struct.pack(">I4s", len(content) + 8, b"free") + content


def _picture(form: str, remote_id: str) -> bytes:
    made = io.BytesIO()
    red, green, blue = hashlib.sha256(remote_id.encode()).digest()[:3]
    Image.new("RGB", (16, 16), (red, green, blue)).save(made, form)
    return made.getvalue()
