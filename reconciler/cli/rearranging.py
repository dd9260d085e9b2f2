"""Renaming and forgetting what the state holds, by a person's own word."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from reconciler.cli.asking import consent
from reconciler.cli.documents import FORMAT
from reconciler.cli.opening import open_outside, open_settings, print_document
from reconciler.cli.options import Options
from reconciler.cli.wiring import Declared, state_care, state_reader
from reconciler.domain.address import Address
from reconciler.domain.blocks import MovedBlock, RemovedBlock, destination, speaks_of
from reconciler.domain.errors import SorafileError
from reconciler.domain.ports import StateWriter
from reconciler.domain.recorded import Recorded, RecordedState


def move(said: Options, pairs: Iterable[tuple[str, str]], *, yes: bool) -> int:
    """Give what addresses hold to others, in one transaction; they may change places."""
    blocks = [MovedBlock(source=_address(old), target=_address(new)) for old, new in pairs]

    def chosen(recorded: RecordedState) -> Mapping[Address, Address]:
        return _moves(said, recorded, blocks)

    moves = chosen(state_reader(open_settings(said), said.workspace).read())
    told = [f"{before} → {after}" for before, after in moves.items()]
    if not yes:
        consent(said, f"This renames in the state: {', '.join(told)}", "Do it?")

    def rename(state: StateWriter) -> None:
        _see_that_it_is_as_told(chosen(state.read()) == moves)
        state.rename_all(moves)

    kept = _done(said, "mv", rename)
    if said.json:
        moved = [{"from": str(before), "to": str(after)} for before, after in moves.items()]
        print_document(said, {"format_version": FORMAT, "moved": moved, "kept": _text(kept)})
        return 0
    for before, after in moves.items():
        said.terminal.out.print(f"Moved {before} to {after}.", soft_wrap=True)
    said.terminal.talk(
        f"Rename {'it' if len(moves) == 1 else 'them'} in the specs too; then the files move"
        f" with: {said.command('apply')}"
    )
    _tell_how_to_undo(said, kept)
    return 0


def remove(said: Options, addresses: Iterable[str], *, yes: bool) -> int:
    """Forget what addresses hold, in one transaction; jobs and files are left alone."""
    blocks = [RemovedBlock(source=_address(each)) for each in dict.fromkeys(addresses)]

    def chosen(recorded: RecordedState) -> tuple[Address, ...]:
        found = [each for block in blocks for each in _spoken_of(said, recorded, block)]
        return tuple(dict.fromkeys(found))

    recorded = state_reader(open_settings(said), said.workspace).read()
    going = chosen(recorded)
    left = [told for each in going for told in _left_behind(recorded.videos[each])]
    if not yes:
        names = ", ".join(map(str, going))
        stays = f"; left alone: {', '.join(left)}" if left else ""
        consent(said, f"This forgets: {names}{stays}", "Do it?")

    def forget(state: StateWriter) -> None:
        _see_that_it_is_as_told(chosen(state.read()) == going)
        state.forget_all(going)

    kept = _done(said, "rm", forget)
    if said.json:
        names_ = [str(each) for each in going]
        print_document(said, {"format_version": FORMAT, "forgotten": names_, "kept": _text(kept)})
        return 0
    for each in going:
        said.terminal.out.print(f"Forgot {each}.", soft_wrap=True)
    if left:
        said.terminal.talk(f"Left alone: {', '.join(left)}.")
    _tell_how_to_undo(said, kept)
    return 0


def _done(said: Options, name: str, change: Callable[[StateWriter], None]) -> Path | None:
    """Change the state under the lease, and tell where a copy of it as it was is kept."""
    project = open_settings(said)
    settings = Declared(project=project, providers={}, desired={}, warnings=())
    with open_outside(said, settings).writer(f"state {name}") as state:
        state.void_reserved()
        kept = state_care(project).keep(f"before-{name}")
        change(state)
    return kept


def _see_that_it_is_as_told(is_same: bool) -> None:
    if not is_same:
        raise SorafileError(
            "the state changed meanwhile; nothing was done", fix="look at it, and say it again"
        )


def _moves(
    said: Options, recorded: RecordedState, blocks: Iterable[MovedBlock]
) -> Mapping[Address, Address]:
    """Where each address goes, of all blocks at once."""
    found: dict[Address, Address] = {}
    for block in blocks:
        for source, target in _moved_by(said, recorded, block).items():
            if found.get(source, target) != target:
                raise SorafileError(
                    f"{source} is to be {found[source]} and {target}", fix="name it once"
                )
            found[source] = target
    sources: dict[Address, Address] = {}
    for source, target in found.items():
        other = sources.setdefault(target, source)
        if other != source:
            raise SorafileError(
                f"{other} and {source} are both to be {target}", fix="name another one"
            )
        held = recorded.videos.get(target)
        if target not in found and held is not None and (held.generations or held.published):
            raise SorafileError(
                f"{target} holds something already",
                fix="forget that first, if it may go: "
                + said.command(f"state rm {shlex.quote(str(target))}"),
            )
    return found


def _moved_by(
    said: Options, recorded: RecordedState, block: MovedBlock
) -> Mapping[Address, Address]:
    found = {
        address: target
        for address in sorted(recorded.videos)
        if (target := destination(address, block)) is not None
    }
    if block.source in found:
        # An exact name means itself, though there are cells of that name.
        found = {block.source: block.target}
    if not found:
        _refuse_what_is_unresolved(said, recorded, block.source)
        raise _nothing_recorded(said, block.source)
    for source, target in found.items():
        if source == target:
            raise SorafileError(f"{source} is its name already", fix="name another one")
        _refuse_what_is_open(said, recorded, source)
    return found


def _spoken_of(said: Options, recorded: RecordedState, block: RemovedBlock) -> tuple[Address, ...]:
    if block.source in recorded.videos:
        found: tuple[Address, ...] = (block.source,)
    else:
        found = tuple(each for each in sorted(recorded.videos) if speaks_of(block, each))
    if not found:
        _refuse_what_is_unresolved(said, recorded, block.source)
        raise _nothing_recorded(said, block.source)
    for each in found:
        _refuse_what_is_open(said, recorded, each)
    return found


def _refuse_what_is_open(said: Options, recorded: RecordedState, address: Address) -> None:
    """See that neither a job nor a paid request of an address is under way."""
    _refuse_what_is_unresolved(said, recorded, address)
    for generation in recorded.videos[address].generations:
        if generation.status.is_running and generation.on_server and not generation.lost:
            raise SorafileError(
                f"job {generation.remote_id} of {address} runs still",
                fix=f"let it finish first: {said.command('apply')}",
            )


def _refuse_what_is_unresolved(said: Options, recorded: RecordedState, address: Address) -> None:
    """Of a first request whose answer was lost, nothing else is recorded yet."""
    for attempt in recorded.attempts:
        is_its = (attempt.workspace, attempt.address) == (said.workspace, address)
        if is_its and attempt.state.is_unresolved:
            resolve = said.command(f"resolve {shlex.quote(str(address))}")
            raise SorafileError(
                f"what became of a paid request for {address} is unknown",
                fix=f"decide that first: {resolve}",
            )


def _left_behind(video: Recorded) -> list[str]:
    jobs = [f"job {each.remote_id}" for each in video.generations if each.on_server]
    return [*jobs, *(file.path for file in video.published)]


def _nothing_recorded(said: Options, address: Address) -> SorafileError:
    return SorafileError(
        f"nothing is recorded of {address}", fix=f"see of what: {said.command('state list')}"
    )


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise SorafileError(
            f"`{text}` is no address", fix="write the name of a video, as street or 'city[Tokyo]'"
        ) from error


def _text(kept: Path | None) -> str | None:
    return None if kept is None else str(kept)


def _tell_how_to_undo(said: Options, kept: Path | None) -> None:
    if kept is not None:
        undo = said.command(f"state restore {shlex.quote(str(kept))}")
        said.terminal.talk(f"The state as it was is kept in {kept}. To go back to it: {undo}")
