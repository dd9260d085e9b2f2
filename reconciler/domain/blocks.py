"""What the specs say of the state itself: renamed, forgotten, taken over."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.domain.address import Address
from reconciler.domain.errors import SourceSpan

_NOWHERE = SourceSpan(file="", line=1, column=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedBlock:
    """`[[moved]]`: what the state holds at `source` is `target`'s from now on."""

    source: Address
    target: Address
    at: SourceSpan = field(default=_NOWHERE, compare=False)  # where it is written


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedBlock:
    """`[[removed]]`: the state forgets `source`; its job and its files are left alone."""

    source: Address
    at: SourceSpan = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportBlock:
    """`[[import]]`: a job that its server has already is the video of `target`."""

    target: Address
    remote_id: str
    at: SourceSpan = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """All blocks of a project. Each may stay for ever: once done, it says nothing more."""

    moved: tuple[MovedBlock, ...] = ()
    removed: tuple[RemovedBlock, ...] = ()
    imports: Mapping[Address, ImportBlock] = field(default_factory=dict)


NO_BLOCKS = Blocks()


def destination(source: Address, block: MovedBlock) -> Address | None:
    """Where a block takes an address; None where it does not speak of it.

    A name without keys, given another, takes all of its takes and cells along.
    """
    if source == block.source:
        return block.target
    is_whole = not block.source.keys and not block.target.keys
    if is_whole and source.name == block.source.name:
        return Address(block.target.name, source.keys)
    return None


def speaks_of(block: RemovedBlock, address: Address) -> bool:
    """Whether a block forgets an address; a name without keys means all takes and cells."""
    is_among = not block.source.keys and block.source.name == address.name
    return is_among or block.source == address
