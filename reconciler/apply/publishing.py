"""Putting stored assets where the user wants them, and taking them away again.

A file that sorafile did not write is never overwritten and never deleted; one that it wrote
and somebody altered is kept beside.
"""

from collections.abc import Iterable
from contextlib import suppress

from reconciler.apply.journey import Journey
from reconciler.domain.address import Address
from reconciler.domain.errors import BadAssetError, FileInTheWayError, StateError
from reconciler.domain.observed import FileFact
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Sha256
from reconciler.domain.recorded import Asset, BegunFile, PublishedFile, Recorded


class Published:
    """Which files are sorafile's own, kept true in the course of a run."""

    def __init__(self, recorded: Iterable[Recorded], journey: Journey) -> None:
        self._journey = journey
        videos = tuple(recorded)
        self._owned = {
            file.path: (video.address, file) for video in videos for file in video.published
        }
        self._files_before = {path: file for path, (_, file) in self._owned.items()}
        self._assets = {
            asset.sha256: asset
            for video in videos
            for generation in video.generations
            for asset in generation.assets
        }

    def publish(self, address: Address, asset: Asset, path: str) -> None:
        """Put one asset at its place, and record it.

        Raises:
            FileInTheWayError: somebody else's file lies there.
            BadAssetError: the stored bytes are gone, or others by now.
        """
        ports = self._journey.ports
        if not ports.assets.is_whole(asset):
            raise BadAssetError(
                f"the stored {asset.variant} of {address} is missing",
                fix="get it back, if it is still somewhere, with: sorafile apply --verify",
            )
        there = ports.files.read(path)
        if there is None or there.sha256 != asset.sha256:
            if there is not None:
                self._make_room(path, there)
            self._begin(address, asset.variant, path, asset.sha256)
            there = ports.files.publish(ports.assets.path(asset.sha256), path, sha256=asset.sha256)
        self._record(
            address,
            PublishedFile(variant=asset.variant, path=path, sha256=asset.sha256, stat=there.stat),
        )

    def unpublish(self, address: Address, file: PublishedFile) -> None:
        """Take a published file away, unless the path is another video's by now."""
        ports = self._journey.ports
        owner = self._owned.get(file.path)
        if owner is None or owner[0] != address:
            return
        there = ports.files.read(file.path)
        if there is not None and there.sha256 == file.sha256:
            self._keep_in_store(file)
            ports.files.remove(file.path)
        elif there is not None:
            self._keep_beside(file.path)
        ports.state.unpublished(address, file.path)
        del self._owned[file.path]

    def rename(self, source: Address, target: Address, moves: Iterable[tuple[str, str]]) -> None:
        """Give a video's files to another address, renaming those that get a new path."""
        ports = self._journey.ports
        ports.state.rename(source, target)
        for path, (owner, file) in list(self._owned.items()):
            if owner == source:
                self._owned[path] = (target, file)
        for old, new in moves:
            file = self._files_before[old]
            self._begin(target, file.variant, new, file.sha256)
            there = self._moved(file, new, target)
            if there is None:
                continue  # somebody was quicker; the next plan sees it
            self._record(
                target,
                PublishedFile(variant=file.variant, path=new, sha256=file.sha256, stat=there.stat),
            )

    def _moved(self, file: PublishedFile, new: str, target: Address) -> FileFact | None:
        """Bring a file to its new path; from the store, where another video took the old one."""
        ports = self._journey.ports
        owner, _ = self._owned[file.path]
        if owner != target:
            return ports.files.publish(ports.assets.path(file.sha256), new, sha256=file.sha256)
        ports.files.move(file.path, new)
        del self._owned[file.path]
        return ports.files.look(new)

    def take_back(self, file: PublishedFile, asset: Asset) -> None:
        """Fill the store again from a published file.

        Raises:
            BadAssetError: its bytes are not those of the asset.
        """
        ports = self._journey.ports
        ports.assets.take_back(ports.files.locate(file.path), asset)

    def rescue(self, asset: Asset) -> bool:
        """Fill the store again from whichever published file has the bytes; whether one had."""
        for _, file in list(self._owned.values()):
            if file.sha256 == asset.sha256:
                with suppress(BadAssetError, StateError):
                    self.take_back(file, asset)
                    return True
        return False

    def _begin(self, address: Address, variant: Variant, path: str, sha256: Sha256) -> None:
        """Let the next run know whose the file is, should this one die before it is recorded."""
        self._journey.ports.state.publishing(
            BegunFile(address=address, variant=variant, path=path, sha256=sha256)
        )

    def _record(self, address: Address, file: PublishedFile) -> None:
        self._journey.ports.state.published(address, file)
        self._owned[file.path] = (address, file)

    def _make_room(self, path: str, there: FileFact) -> None:
        owner = self._owned.get(path)
        if owner is None:
            raise FileInTheWayError(
                f"{path} exists, and sorafile did not write it",
                fix="move or rename it, then apply again; the video is safe in the store",
            )
        if there.sha256 != owner[1].sha256:
            self._keep_beside(path)
        else:
            self._keep_in_store(owner[1])

    def _keep_in_store(self, file: PublishedFile) -> None:
        """See that a published file that goes is not the last copy of its bytes."""
        asset = self._assets.get(file.sha256)
        if asset is not None and not self._journey.ports.assets.is_intact(asset):
            self.take_back(file, asset)

    def _keep_beside(self, path: str) -> None:
        kept = self._journey.ports.files.set_aside(path)
        self._journey.notice(f"{path} was altered: it is kept as {kept}", code="SF0603")
