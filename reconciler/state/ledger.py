"""The ledger: money held, freed, spent and wasted. It only ever grows.

What is held is the sum of `hold` less that of `release`; what is spent, the sum of `spend`.
`waste` says which part of the spent bought nothing. An unknown amount is NULL, and nobody's
zero.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import Text, insert, literal, select

from reconciler.domain.recorded import AttemptId, GenerationId
from reconciler.state.columns import Moment
from reconciler.state.tables import ledger
from reconciler.state.transaction import Transaction

Kind = Literal["hold", "release", "spend", "waste"]

# What every entry of an attempt has in common.
_SHARED = (
    ledger.c.attempt_id,
    ledger.c.amount_usd,
    ledger.c.account,
    ledger.c.provider,
    ledger.c.workspace,
    ledger.c.address,
    ledger.c.tags,
)


def hold(
    transaction: Transaction,
    attempt: AttemptId,
    *,
    amount_usd: Decimal | None,
    account: str,
    provider: str,
    address: str,
    tags: tuple[str, ...],
) -> None:
    """Set the cost of an attempt aside."""
    transaction.connection.execute(
        insert(ledger).values(
            kind="hold",
            amount_usd=amount_usd,
            attempt_id=attempt,
            account=account,
            provider=provider,
            workspace=transaction.workspace,
            address=address,
            tags=tags,
            at=transaction.at,
        )
    )


def release(transaction: Transaction, attempt: AttemptId) -> None:
    """Free what was held for an attempt."""
    _copy(transaction, attempt, "hold", to="release", generation=None)


def spend(transaction: Transaction, attempt: AttemptId, generation: GenerationId) -> None:
    """Turn what was held for an attempt into the price of its generation."""
    _copy(transaction, attempt, "hold", to="release", generation=None)
    _copy(transaction, attempt, "hold", to="spend", generation=generation)


def write_off(transaction: Transaction, attempt: AttemptId) -> None:
    """Turn what was held for an attempt into money that bought nothing anybody knows of."""
    _copy(transaction, attempt, "hold", to="release", generation=None)
    _copy(transaction, attempt, "hold", to="spend", generation=None)
    _copy(transaction, attempt, "hold", to="waste", generation=None)


def take_twin(transaction: Transaction, attempt: AttemptId, generation: GenerationId) -> None:
    """Book a job that its server made though it was disproved: its money was spent."""
    _copy(transaction, attempt, "hold", to="spend", generation=generation)


def spend_found(
    transaction: Transaction,
    *,
    amount_usd: Decimal | None,
    at: datetime,
    account: str,
    provider: str,
    attempt: AttemptId | None,
    generation: GenerationId,
    address: str | None = None,
    tags: tuple[str, ...] = (),
) -> None:
    """Book what a generation cost that was paid for when nobody here took note of it."""
    transaction.connection.execute(
        insert(ledger).values(
            kind="spend",
            amount_usd=amount_usd,
            attempt_id=attempt,
            generation_id=generation,
            account=account,
            provider=provider,
            workspace=transaction.workspace,
            address=address,
            tags=tags,
            at=at,
        )
    )


def waste_found(transaction: Transaction, generation: GenerationId) -> None:
    """Say that what was booked for a generation alone bought nothing. It stays spent."""
    spent = select(
        *_SHARED,
        literal("waste", Text()),
        ledger.c.generation_id,
        literal(transaction.at, Moment()),
    ).where(ledger.c.generation_id == generation, ledger.c.kind == "spend")
    transaction.connection.execute(
        insert(ledger).from_select(
            [*_SHARED, ledger.c.kind, ledger.c.generation_id, ledger.c.at], spent
        )
    )


def waste(transaction: Transaction, attempt: AttemptId, generation: GenerationId) -> None:
    """Say that what was spent for an attempt bought nothing. It stays spent."""
    _copy(transaction, attempt, "spend", to="waste", generation=generation)


def _copy(
    transaction: Transaction,
    attempt: AttemptId,
    of: Kind,
    *,
    to: Kind,
    generation: GenerationId | None,
) -> None:
    # Copied within the database: so what is freed, spent or wasted is what was held, under
    # the same tags and address, whatever these have become since.
    entry = select(
        *_SHARED,
        literal(to, Text()),
        literal(generation, Text()),
        literal(transaction.at, Moment()),
    ).where(ledger.c.attempt_id == attempt, ledger.c.kind == of)
    transaction.connection.execute(
        insert(ledger).from_select(
            [*_SHARED, ledger.c.kind, ledger.c.generation_id, ledger.c.at], entry
        )
    )
