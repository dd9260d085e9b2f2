"""Checks an input image by its bytes; what the client says about it is not believed."""

from __future__ import annotations

import warnings
from io import BytesIO

from reconciler.preview.errors import ApiError

_KINDS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"RIFF": "WEBP"}


def check_reference(image: bytes, size: str) -> None:
    """Refuse an image that is not a whole jpeg, png or webp of exactly `size` pixels.

    Decodes the image, so it belongs in a thread.

    Raises:
        ApiError: the image is refused.
    """
    from PIL import Image, UnidentifiedImageError

    kind = next((kind for magic, kind in _KINDS.items() if image.startswith(magic)), None)
    if kind is None:
        raise _refused("The input reference must be a jpeg, png or webp image.")
    # An image may claim to be huge: its size is compared before a pixel is decoded.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    try:
        with Image.open(BytesIO(image), formats=(kind,)) as opened:
            found = "x".join(map(str, opened.size))
            if found == size:
                opened.load()
    except Image.DecompressionBombError:
        found = "far too many pixels"
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise _refused("The input reference is a damaged image.") from error
    if found != size:
        raise _refused(
            "Inpaint image must match the requested width and height: "
            f"expected {size}, found {found}."
        )


def _refused(message: str) -> ApiError:
    return ApiError(message, param="input_reference", code="invalid_input_reference")
