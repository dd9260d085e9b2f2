"""A poster and a spritesheet made from a stored video, where a server gives none."""

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.domain.errors import BadAssetError
from reconciler.domain.profile import Variant

if TYPE_CHECKING:
    from PIL.Image import Image

_POSTER_PX = 640  # the longer side
_TILE_PX = 320
_TILES_MAX = 20
_QUALITY = 80


def picture_of(video: Path, variant: Variant) -> bytes:
    """A thumbnail (webp: the first frame) or a spritesheet (jpeg: a frame a second, 20 at most).

    Raises:
        BadAssetError: no frame of the video can be decoded.
    """
    # PyAV takes a quarter of a second to import, and is needed nowhere else in a run.
    from av.error import FFmpegError

    try:
        if variant is Variant.THUMBNAIL:
            return _encoded(_fitted(_frames(video, 1)[0], _POSTER_PX), "WEBP")
        return _encoded(
            _sheet([_fitted(each, _TILE_PX) for each in _frames(video, _TILES_MAX)]), "JPEG"
        )
    except (FFmpegError, IndexError) as error:
        raise BadAssetError(
            f"no {variant} can be made of {video.name}: its frames cannot be decoded"
        ) from error


def _frames(video: Path, most: int) -> "list[Image]":
    """Frames at even distances from the first one on, a second apart where that is enough."""
    import av

    found: list[Image] = []
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        length_s = float(container.duration or 0) / av.time_base
        count = min(max(math.ceil(length_s), 1), most)
        step_s = length_s / count if count else 0.0
        for frame in container.decode(stream):
            if (frame.time or 0.0) >= len(found) * step_s:
                picture: Image = frame.to_image()  # type: ignore[no-untyped-call] # PyAV leaves it untyped
                found.append(picture)
            if len(found) == count:
                break
    return found


def _fitted(picture: "Image", longer_px: int) -> "Image":
    scale = longer_px / max(picture.size)
    width, height = (max(round(side * scale), 1) for side in picture.size)
    return picture.resize((width, height))


def _sheet(tiles: "list[Image]") -> "Image":
    from PIL import Image as Pillow

    width, height = tiles[0].size
    columns = math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    sheet = Pillow.new("RGB", (columns * width, rows * height))
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        sheet.paste(tile, (column * width, row * height))
    return sheet


def _encoded(picture: "Image", kind: str) -> bytes:
    data = io.BytesIO()
    picture.save(data, kind, quality=_QUALITY)
    return data.getvalue()
