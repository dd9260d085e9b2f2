"""What derives from what: the parent that each derived video names, and in which order."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from reconciler.domain.address import Address
from reconciler.domain.recipe import DERIVED_BY, NOUNS, Derivation
from reconciler.specs.codes import Code
from reconciler.specs.findings import Findings, Trouble, nearest_fix
from reconciler.specs.spec import Spec

DERIVATIONS: Mapping[str, Derivation] = {**DERIVED_BY, "remix_of_id": "remix"}
"""The keys of a spec that name a parent, be it declared or external."""


def parent_keys(spec: Spec) -> tuple[str, ...]:
    """The keys by which a spec names what it derives from: one at most, if it is right."""
    return tuple(
        key for key in DERIVATIONS if key in spec.wrong or getattr(spec.table, key) is not None
    )


def parent_key(spec: Spec) -> str | None:
    """The first key by which a spec names a declared parent."""
    return next((key for key in parent_keys(spec) if key in DERIVED_BY), None)


class Family:
    """All videos, by their addresses and by their names."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self.by_address: dict[Address, Spec] = {}  # the first of each
        self.by_name: dict[str, list[Spec]] = {}
        for spec in specs:
            self.by_address.setdefault(spec.address, spec)
            self.by_name.setdefault(spec.name, []).append(spec)

    def parent_of(
        self, spec: Spec, may_be_declared: Callable[[str], bool], findings: Findings
    ) -> Spec | None:
        """The one that a video derives from; None where there is none, which is told."""
        if spec.wrong.intersection(DERIVED_BY):
            return None
        key = parent_key(spec) or ""
        written = getattr(spec.table, key) or ""
        try:
            address = Address.parse(written)
        except ValueError:
            findings.add(_no_address(written), spec.value_span(key))
            return None
        found = self.by_address.get(address)
        if found is None and not may_be_declared(address.name):
            findings.add(self._why_none(spec, address), spec.value_span(key))
        return found

    def _why_none(self, spec: Spec, address: Address) -> Trouble:
        key = parent_key(spec) or ""
        noun, kin = NOUNS[DERIVATIONS[key]], self.by_name.get(address.name, ())
        if kin and not address.keys:
            return _many(address, kin, noun)
        known = [
            str(other.address) for other in (kin or self.by_address.values()) if other is not spec
        ]
        return Trouble(
            code=Code.UNKNOWN_PARENT,
            summary=f"`{spec.address}` is {noun} of `{address}`, which no spec declares",
            fix=nearest_fix(getattr(spec.table, key), known) or f"declare [video.{address.name}]",
        )


def parents_first(parents: Mapping[Spec, Spec | None], findings: Findings) -> Iterator[Spec]:
    """All derived videos, each after its parent; a long chain needs no deep stack.

    Of those that derive from each other it is told, and they come in any order.
    """
    done: set[Spec] = set()
    for spec in parents:
        chain: dict[Spec, None] = {}
        at: Spec | None = spec
        while at is not None and at in parents and at not in done and at not in chain:
            chain[at] = None
            at = parents[at]
        if at in chain:
            _tell_cycle(list(chain)[list(chain).index(at) :], findings)
        done.update(chain)
        yield from reversed(chain)


def _no_address(written: str) -> Trouble:
    return Trouble(
        code=Code.UNKNOWN_PARENT,
        summary=f"`{written}` is no address",
        fix="write one: NAME, or NAME[KEY]",
    )


def _many(address: Address, kin: Sequence[Spec], noun: str) -> Trouble:
    one_of_them = f"name one of them, as {kin[0].address}"
    return Trouble(
        code=Code.PARENT_IS_MANY,
        summary=f"`{address}` is {len(kin)} videos, and {noun} derives from one",
        fix=one_of_them if kin[0].table.takes is None else f"{one_of_them}, or pick one",
    )


def _tell_cycle(cycle: Sequence[Spec], findings: Findings) -> None:
    first, key = cycle[0], parent_key(cycle[0]) or ""
    names = " -> ".join(str(spec.address) for spec in (*cycle, first))
    trouble = Trouble(
        code=Code.REMIX_CYCLE,
        summary=f"these videos derive from each other: {names}",
        fix=f"give one of them no `{key}`",
    )
    findings.add(trouble, first.file.document.value_span((*first.path, key)))
