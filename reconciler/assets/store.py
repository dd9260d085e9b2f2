"""The asset store in a folder.

    bytes/<first 2 of the sha256>/<sha256>       an asset, read-only
    recipes/<recipe digest>/<generation>.json    a sidecar; <generation> is the sha256 of the
                                                 account and remote id, so twins stay apart
    recipes/…/<generation>.json.damaged-<hex>    what lay there and could not be read
    partial/<generation id>.<variant>            a download under way, or one that is finished
                                                 and was not moved to `bytes/` yet
    partial/<generation id>.<variant>.json       what its bytes belong to

All folders are the user's alone. Reading creates nothing.
"""

import hashlib
import io
import os
import re
import secrets
import stat
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from reconciler.assets.disk import (
    CHUNK_BYTES,
    disk_errors,
    make_folders,
    open_regular,
    refuse_link_to_nowhere,
    replacing,
    sha256_of,
    sync_folder,
)
from reconciler.assets.media import identify
from reconciler.assets.partial import FolderPartial, move_finished
from reconciler.assets.pictures import picture_of
from reconciler.assets.sidecars import (
    SIDECAR_BYTES_MAX,
    completed_sidecar,
    decode_sidecar,
    encode_sidecar,
    sidecar_name,
)
from reconciler.domain.errors import BadAssetError
from reconciler.domain.observed import Sidecar, SidecarReading, UnreadableSidecar
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import RecipeDigest, Sha256
from reconciler.domain.recorded import Asset, Generation

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PROBE_BYTES = 1 << 18  # of a disk that is all but full, more than its last blocks


class FolderStore:
    """An `AssetStore` in one folder, which the first write creates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check_writable(self) -> None:
        """See that something can be stored, by storing a little for a moment.

        Raises:
            StateError: the store cannot be made or written, or its disk is full.
        """
        probe = self._folder / "partial" / "probe"
        with disk_errors(f"the asset store {self._folder} cannot be written"):
            make_folders(probe.parent, mode=0o700)
            with replacing(probe, mode=0o600) as file:
                file.write(bytes(_PROBE_BYTES))
            probe.unlink(missing_ok=True)

    def is_whole(self, asset: Asset) -> bool:
        """Whether the bytes are there, by their length.

        Raises:
            StateError: the store cannot be looked into, so nobody knows.
        """
        return self._lies_in_place(asset) or self._was_finished(asset)

    def _lies_in_place(self, asset: Asset) -> bool:
        with disk_errors(f"the asset store {self._folder} cannot be read"):
            try:
                found = self.path(asset.sha256).lstat()
            except (FileNotFoundError, NotADirectoryError):
                refuse_link_to_nowhere(self._folder)
                return False
            return stat.S_ISREG(found.st_mode) and found.st_size == asset.bytes

    def _finished(self, asset: Asset) -> Path | None:
        """A download that has all the bytes of an asset, and was not moved in yet.

        A sidecar tells of it already, so a run that dies in between loses nothing.
        """
        with disk_errors(f"the asset store {self._folder} cannot be read"):
            for path in sorted((self._folder / "partial").glob(f"*.{asset.variant}")):
                try:
                    file = open_regular(path)
                except FileNotFoundError:
                    continue
                if file is None:
                    continue
                with file:
                    has_its_size = os.fstat(file.fileno()).st_size == asset.bytes
                    if has_its_size and sha256_of(file) == asset.sha256:
                        return path
        return None

    def _was_finished(self, asset: Asset) -> bool:
        """Whether it is about to be moved in, or was while its download was looked for."""
        return self._finished(asset) is not None or self._lies_in_place(asset)

    def move_in(self, asset: Asset) -> None:
        """Put an asset that a killed run finished, and did not move in, where it belongs.

        Raises:
            StateError: the disk refuses.
        """
        finished = None if self._lies_in_place(asset) else self._finished(asset)
        if finished is not None:
            with disk_errors(f"{finished} cannot be moved into the asset store"):
                move_finished(finished, self.path(asset.sha256))

    def is_intact(self, asset: Asset) -> bool:
        """Whether the bytes are there, by reading them all.

        Raises:
            StateError: the store cannot be read, so nobody knows.
        """
        if not self._lies_in_place(asset):
            return self._was_finished(asset)
        with disk_errors(f"the asset {asset.sha256} cannot be read"):
            file = open_regular(self.path(asset.sha256))
            if file is None:
                return False
            with file:
                return sha256_of(file) == asset.sha256

    def read(self, asset: Asset) -> bytes:
        """All bytes of an asset, in memory at once.

        Raises:
            BadAssetError: it is not whole in the store.
            StateError: the store cannot be read.
        """
        with disk_errors(f"the asset {asset.sha256} cannot be read"):
            path = self.path(asset.sha256) if self._lies_in_place(asset) else self._finished(asset)
            file = open_regular(path) if path is not None else None
            if file is not None:
                with file:
                    found = file.read(asset.bytes + 1)  # one that grew meanwhile is another
                if hashlib.sha256(found).hexdigest() == asset.sha256:
                    return found
        raise BadAssetError(
            f"the stored {asset.variant} is damaged, or missing",
            fix="get it back, if it is still somewhere, with: sorafile apply --verify",
        )

    def path(self, sha256: Sha256) -> Path:
        """Where the bytes lie, or would."""
        return self._folder / "bytes" / sha256[:2] / sha256

    def partial(self, generation: Generation, variant: Variant) -> FolderPartial:
        """Begin or go on with one download.

        Raises:
            StateError: what came of it earlier cannot be looked at.
        """
        return FolderPartial(
            file=self._folder / "partial" / f"{quote(generation.id, safe='')}.{variant}",
            account=generation.account,
            remote_id=generation.remote_id,
            variant=variant,
            place=self.path,
        )

    def take_back(self, file: Path, asset: Asset) -> None:
        """Copy a whole published file into the store.

        Raises:
            BadAssetError: its bytes are not those of the asset, or it is no file.
            StateError: it cannot be read, or the disk is full or refuses.
        """
        target = self.path(asset.sha256)
        with disk_errors(f"{file} cannot be taken back into the asset store"):
            source = open_regular(file)
            if source is None:
                raise BadAssetError(f"{file} is not a regular file")
            with source:
                make_folders(target.parent, mode=0o700)
                with replacing(target, mode=0o444) as copy:
                    if _copy(source, copy) != asset.sha256:
                        raise BadAssetError(f"{file} does not hold the {asset.variant} any more")

    def derive(self, video: Asset, variant: Variant) -> Asset:
        """Make a picture from a stored video, and store it.

        Raises:
            BadAssetError: the stored video is damaged, or cannot be decoded.
            StateError: the disk is full or refuses.
        """
        if not self.is_intact(video):
            raise BadAssetError(
                f"no {variant} can be made: the stored video is damaged",
                fix="get it back, if it is still somewhere, with: sorafile apply --verify",
            )
        picture = picture_of(self.path(video.sha256), variant)
        media = identify(io.BytesIO(picture))
        sha256 = Sha256(hashlib.sha256(picture).hexdigest())
        target = self.path(sha256)
        with disk_errors(f"the {variant} cannot be written into the asset store"):
            make_folders(target.parent, mode=0o700)
            with replacing(target, mode=0o444) as file:
                file.write(picture)
        return Asset(
            variant=variant,
            sha256=sha256,
            bytes=len(picture),
            media_type=media.media_type,
            width=media.width,
            height=media.height,
        )

    def write_sidecar(self, sidecar: Sidecar) -> None:
        """Write or complete the sidecar of one generation, durably.

        What lies there and cannot be read is set aside first.

        Raises:
            StateError: the disk is full or refuses.
        """
        target = self._recipe_folder(sidecar.digest) / sidecar_name(sidecar)
        with disk_errors(f"the sidecar of job {sidecar.remote_id} cannot be written"):
            make_folders(target.parent, mode=0o700)
            match read_sidecar(target, sidecar.digest):
                case Sidecar() as older:
                    sidecar = completed_sidecar(older, sidecar)
                    if sidecar == older:
                        return
                case UnreadableSidecar():
                    target.rename(f"{target}.damaged-{secrets.token_hex(4)}")
                    sync_folder(target.parent)
                case None:
                    pass
            with replacing(target, mode=0o444) as file:
                file.write(encode_sidecar(sidecar))

    def every_sidecar(self) -> tuple[Sidecar, ...]:
        """All paid generations that the store tells of, sorted by recipe digest and file name.

        The assets of each are those that lie whole in the store.

        Raises:
            StateError: the store cannot be looked into, so nobody knows.
        """
        told = self.read_sidecars(self._recipes()).sidecars
        return tuple(map(self._as_stored, told))

    def _as_stored(self, told: Sidecar) -> Sidecar:
        return replace(told, assets=tuple(asset for asset in told.assets if self.is_whole(asset)))

    def read_sidecars(self, digests: Collection[RecipeDigest]) -> SidecarReading:
        """Every sidecar of these recipes, whether its bytes are here or not, and what is none.

        Raises:
            StateError: a folder of the store cannot be listed.
        """
        read = [
            read_sidecar(path, digest)
            for digest in sorted(set(digests))
            for path in self._sidecar_paths(digest)
        ]
        return SidecarReading(
            sidecars=tuple(each for each in read if isinstance(each, Sidecar)),
            unreadable=tuple(each for each in read if isinstance(each, UnreadableSidecar)),
        )

    def _recipes(self) -> list[RecipeDigest]:
        """Of which recipes there may be sidecars."""
        with disk_errors(f"the asset store {self._folder} cannot be read"):
            try:
                folders = sorted(each.name for each in (self._folder / "recipes").iterdir())
            except (FileNotFoundError, NotADirectoryError):
                return []
        return [RecipeDigest(f"sha256:{name}") for name in folders if _DIGEST.fullmatch(name)]

    def _sidecar_paths(self, digest: RecipeDigest) -> list[Path]:
        folder = self._recipe_folder(digest)
        with disk_errors(f"the asset store {self._folder} cannot be read"):
            try:
                # Hidden ones are still being written.
                return sorted(
                    path
                    for path in folder.iterdir()
                    if path.suffix == ".json" and not path.name.startswith(".")
                )
            except FileNotFoundError:
                refuse_link_to_nowhere(self._folder)
                return []
            except NotADirectoryError:
                return [folder] if os.path.lexists(folder) else []

    def _recipe_folder(self, digest: RecipeDigest) -> Path:
        return self._folder / "recipes" / digest.removeprefix("sha256:")


def read_sidecar(path: Path, digest: RecipeDigest) -> Sidecar | UnreadableSidecar | None:
    """What lies at the place of a recipe's sidecar; None for nothing."""
    try:
        file = open_regular(path)
        if file is None:
            return _unreadable(path, digest, "it is not a regular file")
        with file:
            data = file.read(SIDECAR_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _unreadable(path, digest, error.strerror or str(error))
    if len(data) > SIDECAR_BYTES_MAX:
        return _unreadable(path, digest, "it is too large")
    try:
        return decode_sidecar(data, digest)
    except (ValueError, RecursionError) as error:
        return _unreadable(path, digest, str(error))


def _unreadable(path: Path, digest: RecipeDigest, why: str) -> UnreadableSidecar:
    return UnreadableSidecar(digest=digest, path=str(path), why=why)


def _copy(source: BinaryIO, target: BinaryIO) -> Sha256:
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        target.write(chunk)
    return Sha256(digest.hexdigest())
