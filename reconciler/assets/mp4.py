"""The boxes of an mp4: whether all of them are there, and what they say of the video.

Source: ISO/IEC 14496-12, sections 4.2 (boxes) and 8 (what each box holds).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from reconciler.domain.errors import BadAssetError

# A clip of minutes has a few thousand boxes at most, even cut into fragments.
_BOXES_MAX = 100_000

_SHORT_HEADER = struct.Struct(">I4s")
_LONG_SIZE = struct.Struct(">Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    kind: bytes
    start: int  # of its content, in bytes from the begin of the file
    end: int


def looks_like_mp4(head: bytes) -> bool:
    """Whether a file that begins so may be meant as an mp4."""
    return head[4:8] in {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"}


def measure_mp4(file: BinaryIO, size_bytes: int) -> tuple[int, int, float | None]:
    """Width and height in pixels, and the seconds that the first video track lasts.

    The seconds are None where the file does not say them, as some fragmented ones do not.

    Raises:
        BadAssetError: it is cut, or no whole mp4 with a video track.
    """
    top = _all_boxes(file, 0, size_bytes)
    _first(top, b"ftyp", "the file")
    movie = _all_boxes_in(file, _first(top, b"moov", "the file"))
    # Cut between two boxes, all boxes are whole: only what is missing tells.
    if not any(box.kind == b"mdat" and box.end > box.start for box in top):
        raise BadAssetError("the mp4 is cut, or empty: it holds no media (no `mdat` box)")
    track = _video_track(file, movie)
    return *_dimensions(file, track), _duration_s(file, movie, track)


def _video_track(file: BinaryIO, movie: list[_Box]) -> list[_Box]:
    for box in movie:
        if box.kind == b"trak":
            track = _all_boxes_in(file, box)
            if _is_video(file, track):
                return track
    raise BadAssetError("the mp4 holds no video track")


def _is_video(file: BinaryIO, track: list[_Box]) -> bool:
    media = _all_boxes_in(file, _first(track, b"mdia", "a track"))
    handler = _first(media, b"hdlr", "a track")
    if _content(file, handler, 12)[8:12] != b"vide":
        return False
    return _sample_description(file, media) is not None


def _sample_description(file: BinaryIO, media: list[_Box]) -> _Box | None:
    information = _all_boxes_in(file, _first(media, b"minf", "a track"))
    samples = _all_boxes_in(file, _first(information, b"stbl", "a track"))
    described = _first(samples, b"stsd", "a track")
    (count,) = struct.unpack_from(">I", _content(file, described, 8), 4)
    return next(_boxes(file, described.start + 8, described.end), None) if count else None


def _dimensions(file: BinaryIO, track: list[_Box]) -> tuple[int, int]:
    header = _first(track, b"tkhd", "the video track")
    version = _content(file, header, 4)[0]
    at = 88 if version == 1 else 76
    wide, high = struct.unpack_from(">II", _content(file, header, at + 8), at)
    width, height = wide >> 16, high >> 16  # 16.16 fixed point
    if not (width and height):  # not presented by itself; its samples say more
        media = _all_boxes_in(file, _first(track, b"mdia", "the video track"))
        entry = _sample_description(file, media)
        if entry is not None:
            width, height = struct.unpack_from(">HH", _content(file, entry, 28), 24)
    if not (width and height):
        raise BadAssetError("the mp4 says that its pictures have no size")
    return width, height


def _duration_s(file: BinaryIO, movie: list[_Box], track: list[_Box]) -> float | None:
    timescale, movie_duration = _timescale_and_duration(file, _first(movie, b"mvhd", "`moov`"))
    # The track's own header counts what is shown; its media's also what is edited away, as
    # the frames before the first that reordering makes.
    shown = _track_duration(file, _first(track, b"tkhd", "the video track"))
    duration = shown or _fragments_duration(file, movie) or movie_duration
    if timescale and duration:
        return duration / timescale
    media = _all_boxes_in(file, _first(track, b"mdia", "the video track"))
    timescale, duration = _timescale_and_duration(file, _first(media, b"mdhd", "the video track"))
    return duration / timescale if timescale and duration else None


def _track_duration(file: BinaryIO, header: _Box) -> int:
    """In the movie's timescale; 0 where it is not known."""
    return _duration_at(file, header, short_at=20, long_at=28)


def _fragments_duration(file: BinaryIO, movie: list[_Box]) -> int:
    """What a movie in fragments says in advance, in its timescale; 0 where it does not."""
    extends = next((box for box in movie if box.kind == b"mvex"), None)
    if extends is not None:
        for box in _all_boxes_in(file, extends):
            if box.kind == b"mehd":
                return _duration_at(file, box, short_at=4, long_at=4)
    return 0


def _timescale_and_duration(file: BinaryIO, header: _Box) -> tuple[int, int]:
    """What `mvhd` and `mdhd` begin with alike; a duration of 0 is not known."""
    at = 20 if _content(file, header, 4)[0] == 1 else 12
    (timescale,) = struct.unpack_from(">I", _content(file, header, at + 4), at)
    return timescale, _duration_at(file, header, short_at=16, long_at=24)


def _duration_at(file: BinaryIO, header: _Box, *, short_at: int, long_at: int) -> int:
    """A duration that version 1 of a box widens to 64 bits; all ones say that it is unknown."""
    long = _content(file, header, 4)[0] == 1
    form, at, unknown = (">Q", long_at, 2**64 - 1) if long else (">I", short_at, 2**32 - 1)
    content = _content(file, header, at + struct.calcsize(form))
    (duration,) = struct.unpack_from(form, content, at)
    return 0 if duration == unknown else duration


def _all_boxes_in(file: BinaryIO, box: _Box) -> list[_Box]:
    return _all_boxes(file, box.start, box.end)


def _all_boxes(file: BinaryIO, start: int, end: int) -> list[_Box]:
    found = list(islice(_boxes(file, start, end), _BOXES_MAX + 1))
    if len(found) > _BOXES_MAX:
        raise BadAssetError(f"the mp4 has more than {_BOXES_MAX} boxes in a row")
    return found


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    position = start
    while position < end:
        if end - position < _SHORT_HEADER.size:
            raise BadAssetError(f"the mp4 is cut, or goes on after its end, at byte {position}")
        size, kind = _SHORT_HEADER.unpack(_read(file, position, _SHORT_HEADER.size))
        header = _SHORT_HEADER.size
        if not all(0x20 <= byte <= 0x7E or byte == 0xA9 for byte in kind):  # noqa: PLR2004 - ASCII
            raise BadAssetError(f"the mp4 holds something that is no box at byte {position}")
        if size == 1:
            header += _LONG_SIZE.size
            (size,) = _LONG_SIZE.unpack(_read(file, position + 8, _LONG_SIZE.size))
        elif size == 0:  # the last one, as long as the file
            size = end - position
        name = kind.decode("latin-1")
        if size < header:
            raise BadAssetError(f"the mp4's box `{name}` at byte {position} has no room for itself")
        if position + size > end:
            missing = position + size - end
            raise BadAssetError(f"the mp4 is cut: its box `{name}` lacks {missing} bytes")
        yield _Box(kind=kind, start=position + header, end=position + size)
        position += size


def _first(boxes: list[_Box], kind: bytes, where: str) -> _Box:
    found = next((box for box in boxes if box.kind == kind), None)
    if found is None:
        raise BadAssetError(f"the mp4 is not whole: {where} has no `{kind.decode()}` box")
    return found


def _content(file: BinaryIO, box: _Box, count: int) -> bytes:
    if box.end - box.start < count:
        raise BadAssetError(f"the mp4's box `{box.kind.decode('latin-1')}` is too short")
    return _read(file, box.start, count)


def _read(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    data = file.read(count)
    if len(data) != count:
        raise BadAssetError(f"the mp4 is cut at byte {position + len(data)}")
    return data
