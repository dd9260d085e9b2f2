"""Looks into an input image by its bytes; what the client says about it is not believed."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING

from reconciler.preview.errors import ApiError

if TYPE_CHECKING:
    from PIL.Image import Image

_KINDS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"RIFF": "WEBP"}
_PIXELS_MAX = 64_000_000  # decoded they take four bytes each
_FAR_TOO_LARGE = "far too many pixels"
_JPEG_QUALITY = 92


def exact_reference(image: bytes, size: str) -> bytes:
    """Return the image, a whole jpeg, png or webp of exactly `size` pixels.

    Decodes it, so it belongs in a thread.

    Raises:
        ApiError: it is another one.
    """
    opened = _opened(image)
    found = _FAR_TOO_LARGE if opened is None else _size_of(opened)
    if opened is None or found != size:
        raise _refused(
            "Inpaint image must match the requested width and height: "
            f"expected {size}, found {found}."
        )
    _load(opened)
    return image


def covering_reference(image: bytes, size: str) -> bytes:
    """Return the image, or one of exactly `size` pixels of its middle, upright, to cover them.

    Decodes it, so it belongs in a thread.

    Raises:
        ApiError: it is no whole jpeg, png or webp, or a huge one.
    """
    from PIL import ImageOps
    from PIL.Image import Resampling

    opened = _opened(image)
    if opened is None or opened.width * opened.height > _PIXELS_MAX:
        raise _refused(f"The input reference has {_FAR_TOO_LARGE}.")
    _load(opened)
    if _is_turned(opened):
        ImageOps.exif_transpose(opened, in_place=True)
    elif _size_of(opened) == size:
        return image
    has_holes = opened.has_transparency_data
    width, _, height = size.partition("x")
    fitted = ImageOps.fit(
        opened.convert("RGBA" if has_holes else "RGB"),
        (int(width), int(height)),
        Resampling.LANCZOS,
    )
    data = BytesIO()
    if has_holes:
        fitted.save(data, "PNG")
    else:
        fitted.save(data, "JPEG", quality=_JPEG_QUALITY)
    return data.getvalue()


def _opened(image: bytes) -> Image | None:
    """The image, of which no pixel is decoded yet; None where it claims to be huge."""
    from PIL import Image, UnidentifiedImageError

    kind = next((kind for magic, kind in _KINDS.items() if image.startswith(magic)), None)
    if kind is None:
        raise _refused("The input reference must be a jpeg, png or webp image.")
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    try:
        return Image.open(BytesIO(image), formats=(kind,))
    except Image.DecompressionBombError:
        return None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise _damaged() from error


def _load(opened: Image) -> None:
    try:
        opened.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged() from error


def _is_turned(image: Image) -> bool:
    """Whether a camera stored that it was held another way."""
    from PIL.ExifTags import Base

    try:
        return image.getexif().get(Base.Orientation, 1) in range(2, 9)
    except Exception:  # noqa: BLE001 - damaged metadata raise anything; the pixels are whole
        return False


def _size_of(image: Image) -> str:
    return f"{image.width}x{image.height}"


def _damaged() -> ApiError:
    return _refused("The input reference is a damaged image.")


def _refused(message: str) -> ApiError:
    return ApiError(message, param="input_reference", code="invalid_input_reference")
