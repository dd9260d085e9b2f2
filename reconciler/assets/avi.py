"""The headers of an AVI, which some servers give where no encoder for mp4 is at hand.

Source: Microsoft, "AVI RIFF File Reference"; OpenDML 1.02 for files of several RIFF chunks.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from reconciler.domain.errors import BadAssetError

_CHUNK = struct.Struct("<4sI")
_CHUNKS_MAX = 10_000

# What a writer leaves in the size that could not go back to fill it in.
_STREAMED = frozenset({0, 0xFFFFFFFF})


def looks_like_avi(head: bytes) -> bool:
    """Whether a file that begins so may be meant as an AVI."""
    return head[:4] == b"RIFF" and head[8:12] == b"AVI "


def measure_avi(file: BinaryIO, size_bytes: int) -> tuple[int, int, float | None]:
    """Width and height in pixels, and the seconds that it lasts, None where it does not say.

    Raises:
        BadAssetError: it is cut, or no whole AVI with pictures.
    """
    lists: dict[bytes, tuple[int, int]] = {}
    for kind, start, end in _chunks(file, 0, size_bytes):
        if kind == b"RIFF" and not lists:
            for inner, inner_start, inner_end in _chunks(file, start + 4, end):
                if inner == b"LIST":
                    lists.setdefault(_read(file, inner_start, 4), (inner_start + 4, inner_end))
    if b"hdrl" not in lists or b"movi" not in lists:
        raise BadAssetError("the AVI is not whole: it has no header, or no pictures")
    for kind, start, end in _chunks(file, *lists[b"hdrl"]):
        if kind == b"avih" and end - start >= 40:  # noqa: PLR2004 - up to dwHeight
            return _main_header(_read(file, start, 40))
    raise BadAssetError("the AVI is not whole: it has no main header")


def _main_header(header: bytes) -> tuple[int, int, float | None]:
    frame_us, frames = struct.unpack_from("<I12xI", header)
    width, height = struct.unpack_from("<II", header, 32)
    if not (width and height):
        raise BadAssetError("the AVI says that its pictures have no size")
    return width, height, frames * frame_us / 1e6 or None


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's kind, and where its content begins and ends."""
    position = start
    for _ in range(_CHUNKS_MAX):
        if end - position < _CHUNK.size:  # a byte of padding, if anything
            return
        kind, size = _CHUNK.unpack(_read(file, position, _CHUNK.size))
        content = position + _CHUNK.size
        if size in _STREAMED and kind in {b"RIFF", b"LIST"}:
            size = end - content
        if content + size > end:
            name = kind.decode("latin-1")
            missing = content + size - end
            raise BadAssetError(f"the AVI is cut: its chunk {name!r} lacks {missing} bytes")
        yield kind, content, content + size
        position = content + size + size % 2
    raise BadAssetError(f"the AVI has more than {_CHUNKS_MAX} chunks in a row")


def _read(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    data = file.read(count)
    if len(data) != count:
        raise BadAssetError(f"the AVI is cut at byte {position + len(data)}")
    return data
