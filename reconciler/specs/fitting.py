"""A reference image made to fit: decoded whole, upright, of exactly the video's size.

Servers differ in what they make of a turned photo or of transparent pixels. What is sent has
neither, so that what a person sees is what a video starts from.
"""

import io
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from reconciler.domain.errors import SorafileError
from reconciler.domain.ports import FittedImage
from reconciler.domain.recipe import ReferenceFit

if TYPE_CHECKING:
    from PIL.Image import Image

PIXELS_MAX = 64_000_000
"""Of an image that is fitted: decoded, it takes four bytes a pixel, and twice that to turn."""

# What loses nothing goes first.
_WAYS_TO_SAVE: dict[str, tuple[str, dict[str, object]]] = {
    "image/png": ("PNG", {}),
    "image/jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "image/webp": ("WEBP", {"lossless": True}),
}
_COLOURS_OF_RGB = ("RGB", "RGBA", "P")


class UnfitImageError(SorafileError):
    """An image cannot be fitted to any size; the text says why."""


class Fitting:
    """Fits images off the event loop, which has answers to paid requests to wait for."""

    async def fitted(
        self, image: bytes, *, size: str, fit: ReferenceFit, types: Sequence[str]
    ) -> FittedImage:
        """An image as it is sent, as `ImageFitter` promises it; without a loss where it can be.

        Raises:
            UnfitImageError: it cannot be decoded, or is too large.
        """
        import asyncio  # which reading specs needs not

        media_type = next(each for each in _WAYS_TO_SAVE if each in types)
        data = await asyncio.to_thread(_fitted, image, size, fit, media_type)
        return FittedImage(data=data, media_type=media_type)


def upright_size(image: bytes) -> tuple[int, int]:
    """Decode an image whole; its width and height in pixels, as it is meant to be seen.

    Raises:
        UnfitImageError: it cannot be decoded, or is too large.
    """
    return _upright(image).size


def enlargement(image: tuple[int, int], size: str, fit: ReferenceFit) -> float:
    """How many times as large an image of that width and height is made for a video."""
    ratios = [wanted / own for wanted, own in zip(_sides(size), image, strict=True)]
    return min(ratios) if fit == "contain" else max(ratios)


def _fitted(image: bytes, size: str, fit: ReferenceFit, media_type: str) -> bytes:
    from PIL import Image as Pillow

    picture = _upright(image)
    # Of the picture as it was: what it becomes below has other colours.
    profile = picture.info.get("icc_profile") if picture.mode in _COLOURS_OF_RGB else None
    picture = _opaque(picture)
    width, height = _sides(size)
    scale = enlargement(picture.size, size, fit)
    if fit == "contain":
        inner = (
            min(width, max(1, round(picture.width * scale))),
            min(height, max(1, round(picture.height * scale))),
        )
        box = (0.0, 0.0, float(picture.width), float(picture.height))
    else:
        inner = (width, height)
        box = _middle(picture.size, (width / scale, height / scale))
    made = Pillow.new("RGB", (width, height))
    made.paste(
        picture.resize(inner, Pillow.Resampling.LANCZOS, box=box),
        ((width - inner[0]) // 2, (height - inner[1]) // 2),
    )
    data = io.BytesIO()
    kind, how = _WAYS_TO_SAVE[media_type]
    made.save(data, kind, **how, **({"icc_profile": profile} if profile else {}))
    return data.getvalue()


def _upright(data: bytes) -> "Image":
    """The picture as its maker saw it: cameras store how they were held beside the pixels."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    with warnings.catch_warnings(action="ignore"):  # they would be printed among our own words
        # Pillow names no base of what damaged bytes may raise.
        try:
            picture = Pillow.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        except Pillow.DecompressionBombError as error:
            raise _too_large("far too many pixels") from error
        except Exception as error:
            raise _damaged() from error
        if picture.width * picture.height > PIXELS_MAX:
            raise _too_large(f"{picture.width}x{picture.height} pixels")
        try:
            picture.load()
        except Exception as error:
            raise _damaged() from error
        with suppress(Exception):  # what tells of the holding may be damaged, the picture whole
            ImageOps.exif_transpose(picture, in_place=True)
    return picture


def _opaque(picture: "Image") -> "Image":
    """In red, green and blue; what is transparent lies on black, as what is around it does."""
    from PIL import Image as Pillow

    if picture.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut to 255
        return picture.convert("I").point(lambda grey: grey * (1 / 256)).convert("L").convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    shown = picture.convert("RGBA")
    ground = Pillow.new("RGB", shown.size)
    ground.paste(shown, mask=shown)
    return ground


def _middle(whole: tuple[int, int], part: tuple[float, float]) -> tuple[float, float, float, float]:
    """The box of a part in the middle; rounding leads it out of the whole nowhere."""
    left, top = (max(0.0, (own - wanted) / 2) for own, wanted in zip(whole, part, strict=True))
    right, bottom = min(float(whole[0]), left + part[0]), min(float(whole[1]), top + part[1])
    return left, top, right, bottom


def _sides(size: str) -> tuple[int, int]:
    width, height = size.split("x")
    return int(width), int(height)


def _damaged() -> UnfitImageError:
    return UnfitImageError("it cannot be decoded: it is cut or damaged", fix="save it anew")


def _too_large(what: str) -> UnfitImageError:
    return UnfitImageError(
        f"it is too large to be fitted: {what}",
        fix=f"scale it down to at most {PIXELS_MAX // 1_000_000} million pixels",
    )
