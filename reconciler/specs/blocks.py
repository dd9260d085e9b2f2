"""The blocks of all spec files, and what they contradict in the specs themselves.

What they contradict in the state, `plan.blocks` finds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.domain.address import Address
from reconciler.domain.blocks import (
    Blocks,
    ImportBlock,
    MovedBlock,
    RemovedBlock,
    destination,
    speaks_of,
)
from reconciler.domain.desired import Desired
from reconciler.domain.errors import SourceSpan
from reconciler.specs.codes import Code
from reconciler.specs.document import Document
from reconciler.specs.findings import Findings, Trouble, nearest_fix
from reconciler.specs.places import KeyPath
from reconciler.specs.shape import SpecFile


@dataclass(frozen=True, slots=True, eq=False)
class FileBlocks:
    """The blocks of one file as written."""

    document: Document
    tables: SpecFile


def read_blocks(
    files: Iterable[FileBlocks],
    desired: Desired,
    may_be_declared: Callable[[str], bool],
    findings: Findings,
) -> Blocks:
    """Read the blocks of all files; what is wrong in them is noted, and left out.

    Args:
        files: the files that could be read.
        desired: what they declare.
        may_be_declared: whether a name may stand in what could not be read.
        findings: for the mistakes.
    """
    written = [
        each
        for file in files
        if file.tables.moved or file.tables.removed or file.tables.import_
        for each in _written(file)
    ]
    check = _Check(desired, may_be_declared, findings)
    check.sources(written)
    check.moves([each for each in written if isinstance(each.block, MovedBlock)])
    check.removals([each for each in written if isinstance(each.block, RemovedBlock)])
    check.imports([each for each in written if isinstance(each.block, ImportBlock)])
    good = [each.block for each in written if each not in check.wrong]
    return Blocks(
        moved=tuple(each for each in good if isinstance(each, MovedBlock)),
        removed=tuple(each for each in good if isinstance(each, RemovedBlock)),
        imports={each.target: each for each in good if isinstance(each, ImportBlock)},
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Written:
    """One block, and where its keys stand."""

    block: MovedBlock | RemovedBlock | ImportBlock
    document: Document
    path: KeyPath

    def span(self, key: str) -> SourceSpan:
        return self.document.value_span((*self.path, key))


def _written(file: FileBlocks) -> Iterator[_Written]:
    document, tables = file.document, file.tables
    for number, moved in enumerate(tables.moved):
        path: KeyPath = ("moved", number)
        block = MovedBlock(
            source=Address.parse(moved.from_),
            target=Address.parse(moved.to),
            at=document.value_span((*path, "to")),
        )
        yield _Written(block, document, path)
    for number, removed in enumerate(tables.removed):
        path = ("removed", number)
        at = document.value_span((*path, "from"))
        yield _Written(RemovedBlock(source=Address.parse(removed.from_), at=at), document, path)
    for number, wanted in enumerate(tables.import_):
        path = ("import", number)
        taken = ImportBlock(
            target=Address.parse(wanted.to),
            remote_id=wanted.id,
            at=document.value_span((*path, "id")),
        )
        yield _Written(taken, document, path)


class _Check:
    """What the blocks contradict: each other, and what is declared."""

    def __init__(
        self, desired: Desired, may_be_declared: Callable[[str], bool], findings: Findings
    ) -> None:
        self._desired = desired
        self._may_be_declared = may_be_declared
        self._findings = findings
        self._removed: set[Address] = set()
        self.wrong: set[_Written] = set()

    def sources(self, written: Iterable[_Written]) -> None:
        """See that no address leaves twice."""
        first: dict[Address, _Written] = {}
        for each in written:
            if isinstance(each.block, ImportBlock):
                continue
            source = each.block.source
            if isinstance(each.block, RemovedBlock):
                self._removed.add(source)
            before = first.setdefault(source, each)
            if before is not each:
                where = before.span("from")
                self._note(
                    each,
                    "from",
                    f"two blocks say what becomes of `{source}`",
                    fix=f"remove one of them; the other is at {where.file}:{where.line}",
                )

    def moves(self, written: list[_Written]) -> None:
        """See that each move leads from what is not declared to what is, and to its own place."""
        first: dict[Address, _Written] = {}
        for each in written:
            block = each.block
            if not isinstance(block, MovedBlock):
                continue
            before = first.setdefault(block.target, each)
            if before is not each:
                where = before.span("to")
                self._note(
                    each,
                    "to",
                    f"two blocks move something to `{block.target}`",
                    fix=f"remove one of them; the other is at {where.file}:{where.line}",
                )
                continue
            still = self._still_declared(block)
            if still is not None:
                self._note(
                    each,
                    "from",
                    f"`{still}` is declared still, so it cannot move away",
                    fix="remove its declaration, or this block",
                )
        self._circles([each for each in written if each not in self.wrong])
        self._ends([each for each in written if each not in self.wrong])

    def removals(self, written: list[_Written]) -> None:
        """See that nothing is forgotten that is declared."""
        for each in written:
            block = each.block
            if not isinstance(block, RemovedBlock):
                continue
            still = next((a for a in self._desired if speaks_of(block, a)), None)
            if still is not None and each not in self.wrong:
                self._note(
                    each,
                    "from",
                    f"`{still}` is declared still, so it cannot be forgotten",
                    fix="remove its declaration, or this block",
                )

    def imports(self, written: list[_Written]) -> None:
        """See that each job is taken once, for a declared video that takes one."""
        targets: dict[Address, _Written] = {}
        jobs: dict[tuple[str, str], _Written] = {}
        for each in written:
            block = each.block
            if not isinstance(block, ImportBlock):
                continue
            declaration = self._desired.get(block.target)
            if declaration is None:
                self._not_declared(each, block.target)
                continue
            before = targets.setdefault(block.target, each)
            if before is not each:
                where = before.span("to")
                self._note(
                    each,
                    "to",
                    f"two blocks import a job into `{block.target}`",
                    fix=f"remove one of them; the other is at {where.file}:{where.line}",
                )
                continue
            before = jobs.setdefault((declaration.recipe.account, block.remote_id), each)
            if before is not each:
                where = before.span("id")
                self._note(
                    each,
                    "id",
                    f"job `{block.remote_id}` is imported twice",
                    fix=f"remove one of the blocks; the other is at {where.file}:{where.line}",
                )

    def _still_declared(self, block: MovedBlock) -> Address | None:
        return next((a for a in self._desired if destination(a, block) is not None), None)

    def _circles(self, written: list[_Written]) -> None:
        """See that no chain of blocks comes back to where it began."""
        routes: Mapping[Address, _Written] = {
            each.block.source: each for each in written if isinstance(each.block, MovedBlock)
        }
        for source, each in routes.items():
            passed = [source]
            while (step := routes.get(passed[-1])) is not None:
                target = step.block.target if isinstance(step.block, MovedBlock) else source
                passed.append(target)
                if target in passed[:-1]:
                    break
            if passed[-1] == source and len(passed) > 1:
                chain = " → ".join(f"`{address}`" for address in passed)
                self._note(
                    each,
                    "to",
                    f"these blocks move in a circle: {chain}",
                    fix="remove the blocks that are done already",
                )

    def _ends(self, written: list[_Written]) -> None:
        """See that each chain ends at a declared video, or at one that is forgotten."""
        sources = {
            each.block.source for each in written if isinstance(each.block, MovedBlock)
        } | self._removed
        for each in written:
            block = each.block
            if not isinstance(block, MovedBlock) or self._is_passed_on(block.target, sources):
                continue
            is_whole = not block.source.keys and not block.target.keys
            names = {address.name for address in self._desired}
            if block.target not in self._desired and not (is_whole and block.target.name in names):
                self._not_declared(each, block.target)

    def _is_passed_on(self, target: Address, sources: set[Address]) -> bool:
        return target in sources or Address(target.name) in sources

    def _not_declared(self, each: _Written, target: Address) -> None:
        if self._may_be_declared(target.name):
            self.wrong.add(each)
            return
        names = [str(address) for address in self._desired]
        self._note(
            each,
            "to",
            f"no video `{target}` is declared",
            fix=nearest_fix(str(target), names) or "declare it, or remove this block",
        )

    def _note(self, each: _Written, key: str, summary: str, *, fix: str) -> None:
        self.wrong.add(each)
        trouble = Trouble(code=Code.BLOCK, summary=summary, fix=fix)
        self._findings.add(trouble, each.span(key))
