"""Input references: what an image is, and whether a server takes it."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from reconciler.domain.desired import ReferenceFile
from reconciler.domain.profile import Profile
from reconciler.domain.recipe import Sha256
from reconciler.specs.codes import Code
from reconciler.specs.findings import Findings, Trouble, listed
from reconciler.specs.folder import ProjectFolder, UnusablePathError, read_bytes
from reconciler.specs.spec import Spec

_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """An image that may be uploaded."""

    file: ReferenceFile
    size: str | None  # WIDTHxHEIGHT in pixels; None: it cannot be read


class ReferenceImages:
    """The images that videos start from, each read once."""

    def __init__(self, folder: ProjectFolder, findings: Findings) -> None:
        self._folder = folder
        self._findings = findings
        self._images: dict[Path, _Image | Trouble] = {}

    def of(self, spec: Spec, profile: Profile, size: str) -> ReferenceFile | None:
        """The image of one video of that size; None, and a finding, where it has no fit one."""
        span = spec.file.document.value_span
        path = (*spec.path, "input_reference")
        try:
            real = self._folder.resolve(spec.table.input_reference or "", base=spec.file.folder)
            if real not in self._images:
                self._images[real] = _read_image(self._folder, real)
        except UnusablePathError as error:
            self._findings.add(error.trouble, span(path))
            return None
        image = self._images[real]
        trouble = _misfit(image, profile, size) if isinstance(image, _Image) else image
        if trouble is not None:
            self._findings.add(trouble, span(path))
        return image.file if isinstance(image, _Image) else None


def _read_image(folder: ProjectFolder, real: Path) -> _Image | Trouble:
    path = folder.relative(real)
    data = read_bytes(real, path, bytes_max=_BYTES_MAX)
    media_type = _media_type(data)
    if media_type is None:
        return Trouble(
            code=Code.REFERENCE,
            summary=f"`{path}` is no jpeg, png or webp image",
            allowed="jpeg, png, webp",
        )
    digest = Sha256(hashlib.sha256(data).hexdigest())
    file = ReferenceFile(path=path, sha256=digest, media_type=media_type)
    return _Image(file=file, size=_pixels(data))


def _misfit(image: _Image, profile: Profile, size: str) -> Trouble | None:
    path = image.file.path
    if image.file.media_type not in profile.reference_types:
        taken = listed(profile.reference_types)
        return Trouble(
            code=Code.REFERENCE,
            summary=f"profile `{profile.name}` takes no {image.file.media_type} as input reference",
            allowed=taken or "no input reference at all",
        )
    if image.size is None:
        return Trouble(code=Code.REFERENCE, summary=f"the image `{path}` is damaged")
    if profile.reference_matches_size and image.size != size:
        return Trouble(
            code=Code.REFERENCE,
            summary=f"the image `{path}` is {image.size}, the video {size}",
            allowed=f"an image of exactly {size} pixels",
            fix=f"scale or crop the image to {size}",
        )
    return None


def _media_type(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _pixels(data: bytes) -> str | None:
    import imagesize

    # It names no base of what a damaged header may raise.
    try:
        width, height = imagesize.get(io.BytesIO(data))
    except Exception:  # noqa: BLE001 - see above; whatever it is, the image is damaged
        return None
    return f"{width}x{height}" if width > 0 and height > 0 else None
