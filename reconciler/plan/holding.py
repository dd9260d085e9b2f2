"""What an address holds as its steps begin, and what of it is missing."""

from dataclasses import dataclass

from reconciler.domain.desired import Declaration
from reconciler.domain.plan import TakeBack
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Generation, PublishedFile, Recorded
from reconciler.plan.index import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The record of an address, and which of its published files are whole."""

    recorded: Recorded
    intact: frozenset[str]  # paths

    def beside(self, generation: Generation | None) -> tuple[Generation, ...]:
        """What else it holds; all of it beside None."""
        held = self.recorded.generations
        return tuple(each for each in held if generation is None or each.id != generation.id)

    def endangered(self, generation: Generation, index: Index) -> tuple[TakeBack, ...]:
        """What must be taken back before a published file goes that the store has lost."""
        lost = {a.sha256 for a in generation.assets if not index.asset_is_whole(a)}
        return tuple(
            TakeBack(file=file)
            for file in self.recorded.published
            if file.sha256 in lost and file.path in self.intact
        )


def holding(recorded: Recorded, index: Index) -> Holding:
    """What an address holds now."""
    intact = (file.path for file in recorded.published if index.is_intact(file))
    return Holding(recorded=recorded, intact=frozenset(intact))


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What is missing of a finished generation, in the store and at its place."""

    fetch: tuple[Variant, ...]
    take_back: tuple[PublishedFile, ...]
    derive: tuple[Variant, ...]  # pictures that nobody has any more, to be made here
    publish: tuple[Variant, ...]


def missing(declaration: Declaration, held: Holding, generation: Generation, index: Index) -> Files:
    """What has to be done until every variant lies where it is wanted."""
    fetch: list[Variant] = []
    back: list[PublishedFile] = []
    derive: list[Variant] = []
    publish: list[Variant] = []
    for variant in declaration.variants:
        asset, file = generation.asset(variant), held.recorded.file(variant)
        same = asset is not None and file is not None and file.sha256 == asset.sha256
        whole = file if same and file is not None and file.path in held.intact else None
        if asset is None or not index.asset_is_whole(asset):
            copy = whole or (index.copy_of(asset) if asset is not None else None)
            if copy is not None:
                back.append(copy)
            elif variant is not Variant.VIDEO and index.is_gone(generation):
                derive.append(variant)
            else:
                fetch.append(variant)
        path = declaration.outputs.get(variant)  # None: a take that was not picked
        if path is not None and (whole is None or whole.path != path):
            publish.append(variant)
    return Files(
        fetch=tuple(fetch), take_back=tuple(back), derive=tuple(derive), publish=tuple(publish)
    )
