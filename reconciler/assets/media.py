"""What bytes that a server called an asset really are, by looking into them."""

import io
import os
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from reconciler.assets.avi import looks_like_avi, measure_avi
from reconciler.assets.mp4 import looks_like_mp4, measure_mp4
from reconciler.domain.errors import BadAssetError
from reconciler.domain.profile import Variant

_VIDEO_TYPES = ("video/mp4", "video/x-msvideo")
_PICTURE_TYPES = ("image/webp", "image/jpeg", "image/png")

# A spritesheet has about 1 million pixels. These bounds keep a hostile one from the memory.
_PICTURE_BYTES_MAX = 64 << 20
_PIXELS_MAX = 32_000_000

_QUOTED_CHARACTERS = 100

# Servers repeat the key in their complaints about it.
_KEY = re.compile(r"(?i)(\bsk-|\bbearer\s+)[^\s\"'<>]+")

# Pillow's readers parse untrusted bytes and let out what their parsing meets.
_PILLOW_ERRORS = (
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,  # where the interpreter was told to raise them
    struct.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What a whole file holds, as it says itself."""

    media_type: str
    width: int  # pixels
    height: int
    duration_s: float | None = None  # None for a picture, and where a video does not say


def identify(file: BinaryIO) -> Media:
    """Look into a seekable file: a whole mp4, AVI, webp, jpeg or png, or an error.

    Of a video the container is checked, not each frame; a picture is decoded. Reads little
    of a video, whatever its length.

    Raises:
        BadAssetError: it is cut, corrupt, or something else; the message says what.
    """
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(4096)
    if not head:
        raise BadAssetError("the server gave no bytes at all")
    if looks_like_mp4(head):
        width, height, duration_s = measure_mp4(file, size_bytes)
        return Media(media_type="video/mp4", width=width, height=height, duration_s=duration_s)
    if looks_like_avi(head):
        width, height, duration_s = measure_avi(file, size_bytes)
        return Media(
            media_type="video/x-msvideo", width=width, height=height, duration_s=duration_s
        )
    picture_type = _picture_type(head)
    if picture_type is not None:
        return _picture(file, picture_type, size_bytes)
    raise BadAssetError(_what_it_is_instead(head))


def check_fits(media: Media, variant: Variant) -> None:
    """See that this kind of media may be that variant.

    Raises:
        BadAssetError: a video where a picture belongs, or a picture where a video does.
    """
    fitting = _VIDEO_TYPES if variant is Variant.VIDEO else _PICTURE_TYPES
    if media.media_type not in fitting:
        article = "an" if media.media_type.startswith("image") else "a"
        raise BadAssetError(
            f"the server gave {article} {media.media_type} where the {variant} was asked for",
            fix="See whether the server has that variant; its profile may say too much.",
        )


def _picture_type(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def _picture(file: BinaryIO, media_type: str, size_bytes: int) -> Media:
    from PIL import Image  # heavy, and most runs look at no picture

    if size_bytes > _PICTURE_BYTES_MAX:
        raise BadAssetError(f"the {media_type} has {size_bytes} bytes, too many for a picture")
    # Read here, so that an OSError of the disk is not taken for one of the picture's.
    file.seek(0)
    data = file.read()
    formats = (media_type.removeprefix("image/").upper(),)
    try:
        with Image.open(io.BytesIO(data), formats=formats) as picture:
            width, height = picture.size
            if width * height > _PIXELS_MAX:
                raise BadAssetError(f"the {media_type} is too large: {width}x{height} pixels")
            picture.verify()
        # `verify` sees the checksums of a png; only decoding sees that a jpeg is cut.
        with Image.open(io.BytesIO(data), formats=formats) as picture:
            picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadAssetError(f"the {media_type} is too large: {error}") from error
    except _PILLOW_ERRORS as error:
        raise BadAssetError(f"the {media_type} is cut or corrupt: {error}") from error
    return Media(media_type=media_type, width=width, height=height)


def _what_it_is_instead(head: bytes) -> str:
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    begin = text[:_QUOTED_CHARACTERS]
    readable = sum(character.isprintable() or character.isspace() for character in begin)
    # A stray control character is still text; the replacement character never was.
    if not text or "\ufffd" in begin or readable < 0.9 * len(begin):
        return f"the server gave no known media; it begins with the bytes {head[:16].hex(' ')}"
    kind = {"{": "JSON", "[": "JSON", "<": "HTML or XML"}.get(text[0], "text")
    return f"the server gave {kind} instead of media: {_quoted(text)}"


def _quoted(text: str) -> str:
    """The begin of a body, safe to print: one line, no control characters, no key."""
    line = _KEY.sub(r"\1…", " ".join(text.split()))
    return "".join(filter(str.isprintable, line))[:_QUOTED_CHARACTERS]
