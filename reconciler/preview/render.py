"""Renders a shot into the files that can be downloaded: a video, a thumbnail, a spritesheet.

Equal shots give equal bytes, so a file may be rendered again at any time, by any process.
The only importer of PyAV here; importing it takes a tenth of a second, so the server
does so only when it renders.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from reconciler.preview.scene import Scene, Shot
from reconciler.preview.sound import sound_of
from reconciler.preview.strip import FRAMES_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
        self._size = (shot.width, shot.height)
        self._scene = Scene(shot)
        self._body = _Planes(_to_yuv(self._scene.ground), _to_yuv(self._scene.titled))
        opening = self._scene.opening
        self._opening = None if opening is None else _Planes(_to_yuv(opening))
        stride = self._body.stride
        self._moments = self._scene.strip.moments(self._luma(self._body.luma, stride))

    @property
    def first_moving_second(self) -> int:
        """From which second on the lights move: all of these have the same moving frames."""
        return 0 if self._opening is None else 1

    def frame(self, number: int) -> av.VideoFrame:
        """Return frame `number`, counted from 0, with its time."""
        second, index = divmod(number, FRAMES_PER_SECOND)
        frame = self._drawn(second, index)
        frame.pts, frame.time_base = number, _TICK
        return frame

    def moving(self) -> Iterator[av.VideoFrame]:
        """Yield the frames of a second in which the lights move, without what tells which."""
        for index in range(FRAMES_PER_SECOND):
            yield self._drawn(None, index)

    def _drawn(self, second: int | None, index: int) -> av.VideoFrame:
        is_opening = second is not None and second < self.first_moving_second
        planes = self._opening if is_opening and self._opening else self._body
        frame = av.VideoFrame(*self._size, "yuv420p")
        stride = frame.planes[0].line_size
        luma = self._luma(planes.luma, stride)
        if not is_opening:
            self._scene.paint(luma, index)
        self._moments.paint(luma, second, index)
        frame.planes[0].update(luma.tobytes("raw", "L", stride))
        for plane, still in zip(frame.planes[1:], planes.chroma, strict=True):
            plane.update(still)
        return frame

    def _luma(self, plane: bytes, stride: int) -> Image.Image:
        return Image.frombytes("L", self._size, plane, "raw", "L", stride)

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


class _Planes:
    """Brightness from one picture, colours from another."""

    def __init__(self, bright: av.VideoFrame, coloured: av.VideoFrame | None = None) -> None:
        self.stride = bright.planes[0].line_size
        self.luma = bytes(bright.planes[0])
        self.chroma = [bytes(plane) for plane in (coloured or bright).planes[1:]]


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
    """Write H.264 and AAC in mp4, exactly `shot.seconds` long.

    The moving frames of one second are encoded once and shown in every second, each time after
    a key frame of that second: so the cost hardly grows with the length. They are encoded after
    a key frame that tells no second, which is not shown. So they say nothing of the bar and the
    digits of the seconds, which stay as each key frame has them; and what they say of the rest
    holds for each of the key frames, which are equal there to the last bit.
    """
    film = Film(shot)
    # faststart: what describes the video comes first, so that it plays while it loads.
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_encoder_options())
        stream.width, stream.height, stream.pix_fmt = shot.width, shot.height, "yuv420p"
        stream.time_base = _TICK
        _tag_colours(stream.codec_context)
        sound = sound_of(shot.seed, shot.prompt, shot.seconds, container)
        encoder = stream.codec_context
        _, *moving = _encoded(film.moving(), encoder)
        for second in range(shot.seconds):
            first = second * FRAMES_PER_SECOND
            if second < film.first_moving_second:
                shown = _encoded(map(film.frame, range(first, first + FRAMES_PER_SECOND)), encoder)
            else:
                shown = [*_encoded([film.frame(first)], encoder), *moving]
            for index, payload in enumerate(shown):
                packet = av.Packet(payload)
                packet.stream = stream
                packet.pts = packet.dts = first + index
                packet.duration = 1
                packet.time_base = _TICK
                packet.is_keyframe = index == 0
                container.mux(packet)
            sound.mux(container, until_s=second + 1)


def render_thumbnail(shot: Shot, path: Path) -> None:
    """Write the first frame as a small webp."""
    thumbnail = _shrunk(Film(shot).picture(0), _THUMBNAIL_PX)
    thumbnail.save(path, "WEBP", quality=82, method=4)


def render_spritesheet(shot: Shot, path: Path) -> None:
    """Write a jpeg grid of one tile for each second, in reading order.

    Tiles are taken from the first frame to the last in even steps, and show the scene at
    different moments of its second.
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
        "qp": "21",  # whatever came before: equal pictures give equal key frames
        "g": "100000",
        "forced-idr": "1",  # a key frame where one is asked for, and nowhere else
        "sc_threshold": "0",
        "bf": "0",
        "weightp": "0",
        "me_range": "4",  # nothing moves faster, and nothing is taken from further away
        # Soft lights and a still ground gain nothing by a finer search or smaller blocks.
        "subq": "0",
        "partitions": "none",
        "8x8dct": "0",
        # At this quality it smooths little, but smears an edge of type that lies near a block's.
        "x264-params": "no-deblock=1",
        # One thread: with more, the bytes would depend on the number of processors.
        "threads": "1",
    }


def _tag_colours(encoder: VideoCodecContext) -> None:
    encoder.color_primaries = encoder.color_trc = encoder.colorspace = _BT709
    encoder.color_range = ColorRange.MPEG


def _encoded(frames: Iterable[av.VideoFrame], encoder: VideoCodecContext) -> list[bytes]:
    """Encode frames that follow each other, the first of them as a key frame."""
    packets: list[bytes] = []
    for index, frame in enumerate(frames):
        frame.pict_type = PictureType.P if index else PictureType.I
        packets += map(bytes, encoder.encode(frame))
    return packets


def _shrunk(picture: Image.Image, longer_px: int) -> Image.Image:
    scale = longer_px / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
