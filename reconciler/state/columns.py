"""How values are kept in columns, alike on every database."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Dialect, Text, TypeDecorator

from reconciler.domain.desired import Lifecycle
from reconciler.domain.echo import Echo
from reconciler.domain.money import from_micros, micros

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SIGNED_64 = 1 << 63

Value = TypeVar("Value")


class _Coded(TypeDecorator[Value]):
    """A value that the database keeps in a form of its own; None is NULL."""

    cache_ok = True

    @staticmethod
    def encode(value: Any) -> Any:
        """Into the database."""
        return value

    @staticmethod
    def decode(value: Any) -> Any:
        """Out of the database."""
        return value

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:  # noqa: ARG002 - SQLAlchemy's hook
        """What every value passes on its way in."""
        encode = self.encode
        return lambda value: None if value is None else encode(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002 - SQLAlchemy's hook
        """What every value passes on its way out; one call each, since there are many."""
        decode = self.decode
        return lambda value: None if value is None else decode(value)


class Moment(_Coded[datetime]):
    """An aware datetime, kept as microseconds since 1970 in UTC.

    A number is exact and in order on every database; a text or a native timestamp is one of
    the two only on some.
    """

    impl = BigInteger
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        """Aware."""
        return datetime

    @staticmethod
    def encode(value: datetime) -> int:
        """Microseconds since 1970."""
        return (value - _EPOCH) // _MICROSECOND

    @staticmethod
    def decode(value: int) -> datetime:
        """In UTC."""
        return _EPOCH + timedelta(microseconds=value)


class Money(_Coded[Decimal]):
    """Dollars, kept as whole micro-dollars, rounded up; NULL is unknown."""

    impl = BigInteger
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        """Dollars."""
        return Decimal

    @staticmethod
    def encode(value: Decimal) -> int:
        """Micro-dollars."""
        return micros(value)

    @staticmethod
    def decode(value: int) -> Decimal:
        """Dollars."""
        return from_micros(value)


class Tags(_Coded[tuple[str, ...]]):
    """Tags in their order, kept as a JSON list."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: tuple[str, ...]) -> str:
        """A JSON list."""
        return json.dumps(value, ensure_ascii=False)

    @staticmethod
    def decode(value: str) -> tuple[str, ...]:
        """The tags."""
        return tuple(json.loads(value))


class EchoText(_Coded[Echo]):
    """What a request says, kept as JSON: only ever compared as a whole."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: Echo) -> str:
        """A JSON object, the same for equal echoes."""
        return json.dumps(asdict(value), sort_keys=True)

    @staticmethod
    def decode(value: str) -> Echo:
        """The echo."""
        form = json.loads(value)
        return Echo(**form | {"blind": tuple(form["blind"])})


class LifecycleText(_Coded[Lifecycle]):
    """A lifecycle as a spec says it, with what it leaves open, kept as JSON."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: Lifecycle) -> str:
        """A JSON object."""
        return json.dumps(asdict(value), sort_keys=True)

    @staticmethod
    def decode(value: str) -> Lifecycle:
        """The lifecycle."""
        return Lifecycle(**json.loads(value))


class RemoteIds(_Coded[tuple[str, ...]]):
    """Remote ids in a server's order, kept as a JSON list."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: tuple[str, ...]) -> str:
        """A JSON list; its escapes let through whatever a server calls an id."""
        return json.dumps(value)

    @staticmethod
    def decode(value: str) -> tuple[str, ...]:
        """The ids."""
        return tuple(json.loads(value))


class ForeignText(_Coded[str]):
    """Words of a server, which may hold what no database takes: lone surrogates and NUL.

    They are only ever read by people, and journaling an outcome must not fail for them.
    """

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: str) -> str:
        """What can be kept of it."""
        return value.replace("\0", "?").encode(errors="replace").decode()


class Inode(_Coded[int]):
    """An unsigned number of 64 bits in a signed column: some file systems use the last bit."""

    impl = BigInteger
    cache_ok = True

    @staticmethod
    def encode(value: int) -> int:
        """Signed."""
        return (value + _SIGNED_64) % (2 * _SIGNED_64) - _SIGNED_64

    @staticmethod
    def decode(value: int) -> int:
        """Unsigned."""
        return value % (2 * _SIGNED_64)
