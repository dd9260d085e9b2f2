"""Input references: what an image is, whether it is whole, and whether a server takes it."""

import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reconciler.domain.desired import ReferenceFile
from reconciler.domain.profile import Profile
from reconciler.domain.recipe import ReferenceFit, Sha256
from reconciler.specs.codes import Code
from reconciler.specs.findings import Findings, Trouble, listed
from reconciler.specs.fitting import UnfitImageError, enlargement, upright_size
from reconciler.specs.folder import ProjectFolder, UnusablePathError, read_bytes
from reconciler.specs.spec import Spec

_BYTES_MAX = 64 * 1024 * 1024
_ENLARGED_MAX = 2.0  # what is made larger than that looks soft

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_FRAME_BYTES = 12  # of a chunk beside its data: length, type, checksum


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """An image that may be uploaded."""

    file: ReferenceFile
    width: int  # pixels: as they are stored, or as it is meant to be seen where it is fitted
    height: int
    is_turned: bool = False  # its EXIF data has the sides change places, which is not done yet

    @property
    def size(self) -> str:
        """WIDTHxHEIGHT."""
        return f"{self.width}x{self.height}"


_Look = Callable[[bytes, str], _Image | Trouble]


class ReferenceImages:
    """The images that videos start from, each looked at once, or twice if some are fitted."""

    def __init__(self, folder: ProjectFolder, findings: Findings) -> None:
        self._folder = folder
        self._findings = findings
        self._images: dict[tuple[Path, _Look], _Image | Trouble] = {}

    def of(
        self, spec: Spec, profile: Profile, size: str, fit: ReferenceFit
    ) -> ReferenceFile | None:
        """The image of one video of that size; None, and a finding, where it has no usable one."""
        span = spec.file.document.value_span((*spec.path, "input_reference"))
        try:
            real = self._folder.resolve(spec.table.input_reference or "", base=spec.file.folder)
            image = self._image(real, _as_it_is if fit == "exact" else _to_be_fitted)
        except UnusablePathError as error:
            self._findings.add(error.trouble, span)
            return None
        if isinstance(image, Trouble):
            self._findings.add(image, span)
            return None
        trouble = _untaken(image, profile, fit)
        if trouble is None and fit == "exact":
            trouble = _misfit(image, profile, size)
        if trouble is not None:
            self._findings.add(trouble, span)
        elif fit != "exact" and profile.offers_size(size):
            warning = _softness(image, size, fit)
            if warning is not None:
                self._findings.add(warning, span, severity="warning")
        return image.file

    def _image(self, real: Path, look: _Look) -> _Image | Trouble:
        if (real, look) not in self._images:
            path = self._folder.relative(real)
            self._images[real, look] = look(read_bytes(real, path, bytes_max=_BYTES_MAX), path)
        return self._images[real, look]


def _as_it_is(data: bytes, path: str) -> _Image | Trouble:
    """An image that is sent as it is stored."""
    media_type = _media_type(data)
    if media_type is None:
        return Trouble(
            code=Code.REFERENCE,
            summary=f"`{path}` is no jpeg, png or webp image",
            allowed="jpeg, png, webp",
        )
    stored, shown = _sides(data, as_shown=False), _sides(data, as_shown=True)
    if stored is None or not _is_whole(data, media_type):
        summary = f"the image `{path}` is cut or damaged"
        return Trouble(code=Code.REFERENCE, summary=summary, fix="save it anew")
    digest = Sha256(hashlib.sha256(data).hexdigest())
    file = ReferenceFile(path=path, sha256=digest, media_type=media_type)
    return _Image(file=file, width=stored[0], height=stored[1], is_turned=stored != shown)


def _to_be_fitted(data: bytes, path: str) -> _Image | Trouble:
    """An image that is scaled for the video, as it is meant to be seen."""
    image = _as_it_is(data, path)
    if isinstance(image, Trouble):
        return image
    try:
        width, height = upright_size(data)
    except UnfitImageError as error:
        summary = f"the image `{path}` cannot be fitted: {error.message}"
        return Trouble(code=Code.REFERENCE, summary=summary, fix=error.fix)
    return _Image(file=image.file, width=width, height=height)


def _untaken(image: _Image, profile: Profile, fit: ReferenceFit) -> Trouble | None:
    """Why the server takes no such image; what is fitted is saved as a type that it takes."""
    types = profile.reference_types
    if image.file.media_type in types or (fit != "exact" and types):
        return None
    return Trouble(
        code=Code.REFERENCE,
        summary=f"profile `{profile.name}` takes no {image.file.media_type} as input reference",
        allowed=listed(types) or "no input reference at all",
        fix='save it as one of these, or write reference_fit = "cover"' if types else None,
    )


def _misfit(image: _Image, profile: Profile, size: str) -> Trouble | None:
    if not profile.reference_matches_size or image.size == size:
        return None
    turned = " before its EXIF data turns it" if image.is_turned else ""
    return Trouble(
        code=Code.REFERENCE,
        summary=f"the image `{image.file.path}` is {image.size}{turned}, the video {size}",
        allowed=f"an image of exactly {size} pixels",
        fix=f'scale or crop the image to {size}, or write reference_fit = "cover"',
    )


def _softness(image: _Image, size: str, fit: ReferenceFit) -> Trouble | None:
    factor = enlargement((image.width, image.height), size, fit)
    if factor <= _ENLARGED_MAX:
        return None
    return Trouble(
        code=Code.SOFT_REFERENCE,
        summary=f"the image `{image.file.path}` is {image.size}, and is made {factor:.1f} times"
        f" as large for the video ({size})",
        fix="take a larger image",
    )


def _media_type(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(_PNG):
        return "image/png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _is_whole(data: bytes, media_type: str) -> bool:
    """Whether nothing of an image is missing, as far as that is told without decoding it."""
    if media_type == "image/png":
        return _is_whole_png(data)
    if media_type == "image/webp":
        return int.from_bytes(data[4:8], "little") + 8 <= len(data)
    return _is_whole_jpeg(data)


def _is_whole_png(data: bytes) -> bool:
    at = len(_PNG)
    while at + _PNG_FRAME_BYTES <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4]):
            return False
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


def _is_whole_jpeg(data: bytes) -> bool:
    """Whether it ends after its picture; a preview in its head has an end of its own."""
    at = 2
    while data[at : at + 1] == b"\xff":
        if data[at + 1 : at + 2] == b"\xda":  # the picture starts
            return data.find(b"\xff\xd9", at) >= 0
        is_filling = data[at + 1 : at + 2] == b"\xff"
        at += 1 if is_filling else 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
    return False


def _sides(data: bytes, *, as_shown: bool) -> tuple[int, int] | None:
    import imagesize

    # It names no base of what a damaged header may raise.
    try:
        width, height = imagesize.get(io.BytesIO(data), exif_rotation=as_shown)
    except Exception:  # noqa: BLE001 - see above; whatever it is, the image is damaged
        return None
    return (width, height) if width > 0 and height > 0 else None
