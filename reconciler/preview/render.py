"""Renders a shot into the files that can be downloaded: a video, a thumbnail, a spritesheet.

Equal shots give equal bytes, so a file may be rendered again at any time, by any process.
The only importer of PyAV here; importing it takes a tenth of a second, so the server
does so only when it renders.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from reconciler.preview.scene import FRAMES_PER_SECOND, Scene, Shot

if TYPE_CHECKING:
    from pathlib import Path

    from av.video.codeccontext import VideoCodecContext

_THUMBNAIL_PX = 640  # the longer side
_TILE_PX = 320  # the longer side
_TILES_MAX = 20
_COLUMNS = 4
_BT709 = 1  # how H.264 numbers the colours of HDTV: primaries, transfer and matrix alike
_TICK = Fraction(1, FRAMES_PER_SECOND)


class Film:
    """The frames of a shot, as the encoder wants them: YUV planes in video range."""

    def __init__(self, shot: Shot) -> None:
        self._scene = Scene(shot)
        self._size = (shot.width, shot.height)
        self._luma = bytes(_to_yuv(self._scene.ground).planes[0])
        self._chroma = [bytes(plane) for plane in _to_yuv(self._scene.titled).planes[1:]]

    def frame(self, index: int) -> av.VideoFrame:
        """Return frame `index`, counted from 0, with its time."""
        frame = av.VideoFrame(*self._size, "yuv420p")
        stride = frame.planes[0].line_size
        luma = Image.frombytes("L", self._size, self._luma, "raw", "L", stride)
        self._scene.paint(luma, index)
        frame.planes[0].update(luma.tobytes("raw", "L", stride))
        for plane, still in zip(frame.planes[1:], self._chroma, strict=True):
            plane.update(still)
        frame.pts, frame.time_base = index, _TICK
        return frame

    def picture(self, index: int) -> Image.Image:
        """Return frame `index` in RGB, in the very colours of the video."""
        frame = self.frame(index).reformat(
            format="rgb24",
            src_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
        )
        plane = frame.planes[0]
        return Image.frombytes("RGB", self._size, bytes(plane), "raw", "RGB", plane.line_size)


def _to_yuv(picture: Image.Image) -> av.VideoFrame:
    frame = av.VideoFrame(picture.width, picture.height, "rgb24")
    plane = frame.planes[0]
    plane.update(picture.tobytes("raw", "RGB", plane.line_size))
    return frame.reformat(
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )


def render_video(shot: Shot, path: Path) -> None:
    """Write H.264 in mp4, exactly `shot.seconds` long; the cost does not grow with the length."""
    film = Film(shot)
    # faststart: what describes the video comes first, so that it plays while it loads.
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_encoder_options())
        stream.width, stream.height, stream.pix_fmt = shot.width, shot.height, "yuv420p"
        stream.time_base = _TICK
        _tag_colours(stream.codec_context)
        second = _encode_second(film, stream.codec_context)
        for index in range(shot.seconds * FRAMES_PER_SECOND):
            # One second was encoded as a closed group of pictures; here it is written
            # again and again with later times.
            payload, is_keyframe = second[index % FRAMES_PER_SECOND]
            packet = av.Packet(payload)
            packet.stream = stream
            packet.pts = packet.dts = index
            packet.duration = 1
            packet.time_base = _TICK
            packet.is_keyframe = is_keyframe
            container.mux(packet)


def render_thumbnail(shot: Shot, path: Path) -> None:
    """Write the first frame as a small webp."""
    thumbnail = _shrunk(Film(shot).picture(0), _THUMBNAIL_PX)
    thumbnail.save(path, "WEBP", quality=82, method=4)


def render_spritesheet(shot: Shot, path: Path) -> None:
    """Write a jpeg grid of one tile for each second, in reading order.

    Every second of an animatic is the same; so tiles are taken from the first frame to
    the last in even steps, and show the scene at different moments of its second.
    """
    film = Film(shot)
    count = min(shot.seconds, _TILES_MAX)
    last = shot.seconds * FRAMES_PER_SECOND - 1
    moments = [round(last * number / max(count - 1, 1)) for number in range(count)]
    tiles = [_shrunk(film.picture(moment), _TILE_PX) for moment in moments]
    width, height = tiles[0].size
    rows = -(-count // _COLUMNS)
    sheet = Image.new("RGB", (width * min(count, _COLUMNS), height * rows))
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % _COLUMNS * width, number // _COLUMNS * height))
    sheet.save(path, "JPEG", quality=85)


def _encoder_options() -> dict[str, str]:
    return {
        "preset": "superfast",
        "tune": "zerolatency",  # a packet for each frame at once, no frame held back
        "crf": "24",
        "g": str(FRAMES_PER_SECOND),
        "keyint_min": str(FRAMES_PER_SECOND),
        "sc_threshold": "0",  # no key frame but the first
        "bf": "0",
        # One thread: with more, the bytes would depend on the number of processors.
        "threads": "1",
    }


def _tag_colours(encoder: VideoCodecContext) -> None:
    encoder.color_primaries = encoder.color_trc = encoder.colorspace = _BT709
    encoder.color_range = ColorRange.MPEG


def _encode_second(film: Film, encoder: VideoCodecContext) -> list[tuple[bytes, bool]]:
    packets = []
    for index in range(FRAMES_PER_SECOND):
        packets += encoder.encode(film.frame(index))
    packets += encoder.encode(None)
    return [(bytes(packet), packet.is_keyframe) for packet in packets]


def _shrunk(picture: Image.Image, longer_px: int) -> Image.Image:
    scale = longer_px / max(picture.size)
    width, height = (round(side * scale) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
