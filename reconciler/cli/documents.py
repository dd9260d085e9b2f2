"""The JSON documents that scripts read. Their format only ever adds."""

from datetime import datetime
from decimal import Decimal
from typing import Literal, assert_never

from typing_extensions import TypedDict

from reconciler import __version__
from reconciler.cli.units import instant
from reconciler.domain.errors import Diagnostic, InvalidSpecError
from reconciler.domain.money import dollars
from reconciler.domain.plan import (
    Action,
    ActionKind,
    Change,
    Part,
    Plan,
    SeekSpare,
    Spare,
    StoreSpare,
    TakeTwin,
)

FORMAT = "1.0"

Money = str | None
"""A decimal string in dollars; null where it is unknown."""


class ChangeDocument(TypedDict):
    """One field that differs."""

    field: str
    before: str | None
    after: str | None
    effect: Literal["free", "paid", "cascade"]


class ActionDocument(TypedDict):
    """What would be done at one address."""

    address: str
    action: str
    reason: str
    because: str
    provider: str
    depends_on: list[str]
    cost_usd: Money
    recipe_digest: str | None
    changes: list[ChangeDocument]
    expires_at: str | None
    notes: list[str]


class CostDocument(TypedDict):
    """What a plan may spend."""

    usd: str
    worst_case_usd: str
    held_usd: str
    unknown: int


class PriceListDocument(TypedDict):
    """Where the prices of a provider come from, and as of when (`2026-11-22`)."""

    provider: str
    source: str
    date: str | None


class DriftDocument(TypedDict):
    """Where recorded and observed differ."""

    address: str
    what: str


class DiagnosticDocument(TypedDict):
    """One thing that is wrong, or worth a warning; line and column count from 1."""

    code: str
    severity: Literal["error", "warning"]
    message: str
    file: str | None
    line: int | None
    column: int | None
    length: int | None
    text: str | None
    allowed: str | None
    fix: str | None


class SpareDocument(TypedDict):
    """A paid generation that no address uses, and what would be done about it."""

    action: Literal["seek", "take_twin", "store"]
    address: str  # for which it was paid
    provider: str
    remote_id: str | None  # None: that is what is sought
    expires_at: str | None  # when its video goes away, where it is to be stored


class DraggedInDocument(TypedDict):
    """An address that was not selected, and is in the plan since another one needs it."""

    address: str
    by: str


class HeldBackDocument(TypedDict):
    """An address that was selected, and is not in the plan all the same."""

    address: str
    because: str


class SelectionDocument(TypedDict):
    """What a plan is of the whole one; `select` and `exclude` as they were said."""

    select: list[str]
    exclude: list[str]
    addresses: list[str]
    dragged_in: list[DraggedInDocument]
    held_back: list[HeldBackDocument]
    left_out: list[str]  # where the whole plan would do something too
    spares_left_out: int


class PlanDocument(TypedDict):
    """What `plan --json` prints."""

    format_version: str
    sorafile_version: str
    plan_id: str
    workspace: str
    created_at: str
    actions: list[ActionDocument]
    summary: dict[str, int]
    cost: CostDocument
    prices: list[PriceListDocument]
    expected_seconds: float
    spares: list[SpareDocument]
    drift: list[DriftDocument]
    diagnostics: list[DiagnosticDocument]
    unreachable: dict[str, str]
    selection: SelectionDocument | None  # None: it is the whole plan


class ErrorDocument(TypedDict):
    """Why something failed."""

    code: str
    message: str
    fix: str | None


class AssetDocument(TypedDict):
    """A published variant; `path` is relative to the project."""

    variant: str
    path: str | None
    sha256: str
    bytes: int


VideoStatus = Literal[
    "converged",
    "pending",
    "replacing",
    "failed",
    "blocked",
    "stuck",
    "lost",
    "unresolved",
    "missing",
]


class VideoDocument(TypedDict):
    """How one declared video stands."""

    address: str
    status: VideoStatus
    provider: str
    remote_id: str | None
    progress: int | None
    created_at: str | None
    completed_at: str | None
    expires_at: str | None
    cost_usd: Money
    error: ErrorDocument | None
    assets: list[AssetDocument]


class StatusDocument(TypedDict):
    """What `status --json` prints."""

    format_version: str
    videos: list[VideoDocument]


class InvalidDocument(TypedDict):
    """What any command prints with `--json` where the specs are invalid."""

    format_version: str
    diagnostics: list[DiagnosticDocument]


def plan_document(plan: Plan, *, with_unchanged: bool = False) -> PlanDocument:
    """A plan as its document."""
    actions = [_action(action) for action in plan.actions]
    if with_unchanged:
        actions += [_unchanged(str(address)) for address in plan.unchanged]
    return PlanDocument(
        format_version=FORMAT,
        sorafile_version=__version__,
        plan_id=plan.plan_id,
        workspace=plan.workspace,
        created_at=instant(plan.created_at),
        actions=actions,
        summary={
            **{kind.value: plan.count(kind) for kind in ActionKind},
            "unchanged": len(plan.unchanged),
        },
        cost=CostDocument(
            usd=dollars(plan.cost.usd),
            worst_case_usd=dollars(plan.cost.worst_case_usd),
            held_usd=dollars(plan.cost.held_usd),
            unknown=plan.cost.unknown,
        ),
        prices=[
            PriceListDocument(
                provider=each.provider,
                source=each.source,
                date=each.date.isoformat() if each.date else None,
            )
            for each in plan.prices
        ],
        expected_seconds=round(plan.expected_s, 1),
        spares=[_spare(each) for each in plan.spares],
        drift=[DriftDocument(address=str(each.address), what=each.what) for each in plan.drift],
        diagnostics=[diagnostic_document(each) for each in plan.diagnostics],
        unreachable=dict(plan.unreachable),
        selection=None if plan.part is None else _selection(plan.part),
    )


def _selection(part: Part) -> SelectionDocument:
    return SelectionDocument(
        select=list(part.choice.select),
        exclude=list(part.choice.exclude),
        addresses=[str(address) for address in part.choice.chosen],
        dragged_in=[
            DraggedInDocument(address=str(each.address), by=str(each.by))
            for each in part.dragged_in
        ],
        held_back=[
            HeldBackDocument(address=str(each.address), because=each.because)
            for each in part.held_back
        ],
        left_out=[str(address) for address in part.left_out],
        spares_left_out=part.spares_left_out,
    )


def _spare(spare: Spare) -> SpareDocument:
    match spare:
        case SeekSpare():
            return _spare_as("seek", spare, None, None)
        case TakeTwin(job=job):
            return _spare_as("take_twin", spare, job.remote_id, job.expires_at)
        case StoreSpare(remote_id=remote_id, expires_at=expires_at):
            return _spare_as("store", spare, remote_id, expires_at)
        case _:
            assert_never(spare)


def _spare_as(
    action: Literal["seek", "take_twin", "store"],
    spare: Spare,
    remote_id: str | None,
    expires_at: datetime | None,
) -> SpareDocument:
    return SpareDocument(
        action=action,
        address=str(spare.address),
        provider=spare.provider,
        remote_id=remote_id,
        expires_at=instant(expires_at) if expires_at else None,
    )


def _action(action: Action) -> ActionDocument:
    return ActionDocument(
        address=str(action.address),
        action=action.kind.value,
        reason=action.reason.value,
        because=action.because,
        provider=action.provider,
        depends_on=[str(address) for address in action.depends_on],
        cost_usd=money(action.cost_usd),
        recipe_digest=action.recipe_digest,
        changes=[_change(change) for change in action.changes],
        expires_at=instant(action.expires_at) if action.expires_at else None,
        notes=list(action.notes),
    )


def _unchanged(address: str) -> ActionDocument:
    return ActionDocument(
        address=address,
        action="unchanged",
        reason="converged",
        because="it is as declared",
        provider="",
        depends_on=[],
        cost_usd="0.00",
        recipe_digest=None,
        changes=[],
        expires_at=None,
        notes=[],
    )


def _change(change: Change) -> ChangeDocument:
    return ChangeDocument(
        field=change.field, before=change.before, after=change.after, effect=change.effect
    )


def money(amount: Decimal | None) -> Money:
    """An amount for a document."""
    return None if amount is None else dollars(amount)


def diagnostic_document(found: Diagnostic) -> DiagnosticDocument:
    """A diagnostic as its document."""
    span = found.span
    return DiagnosticDocument(
        code=found.code,
        severity=found.severity,
        message=found.summary,
        file=span.file if span else None,
        line=span.line if span else None,
        column=span.column if span else None,
        length=span.length if span else None,
        text=span.text if span else None,
        allowed=found.allowed,
        fix=found.fix,
    )


def invalid_document(error: InvalidSpecError) -> InvalidDocument:
    """All that is wrong with the specs."""
    return InvalidDocument(
        format_version=FORMAT,
        diagnostics=[diagnostic_document(each) for each in error.diagnostics],
    )
