"""What runs do at their ports, seen from outside, and told to the oracle at that moment."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from reconciler.apply.journey import Ports
from reconciler.domain.errors import NotSentError, ServerError
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import Intent, PaidCall, PaidRequest, Server, StateWriter
from reconciler.domain.recipe import RecipeDigest
from simulated.server import SimulatedCall


@dataclass(slots=True, kw_only=True)
class Sent:
    """One paid request that left."""

    attempt: str
    digest: RecipeDigest
    kin: RecipeDigest
    call: SimulatedCall
    tags: tuple[str, ...]
    answered: str | None = None  # the remote id that came back


class Judge(Protocol):
    """Who is asked about each act that cannot be undone, before and after."""

    def against_paying(self, sent: Sent, *, is_journaled: bool) -> str | None:
        """What a paid request would break if it left now."""

    def paid(self, sent: Sent, broken: str | None) -> None:
        """It left, and was answered or its answer was lost."""

    def about_to_delete(self, remote_id: str) -> None:
        """A job is deleted now."""


@dataclass(slots=True)
class Witness:
    """Watches one run."""

    judge: Judge
    sent: list[Sent] = field(default_factory=list)
    _reserved: dict[object, tuple[str, Intent]] = field(default_factory=dict)  # by task
    _sending: set[str] = field(default_factory=set)

    def ports(self, bare: Ports) -> Ports:
        """Ports that do the same, and are watched."""
        return replace(
            bare,
            state=cast(
                "StateWriter",
                _Watched(
                    bare.state,
                    {"reserve": self._reserve(bare.state), "sending": self._send(bare.state)},
                ),
            ),
            server_of=lambda name: self._server(bare.server_of(name)),
        )

    def _server(self, server: Server) -> Server:
        async def prepare(request: PaidRequest, *, token: str | None = None) -> PaidCall:
            call = await server.prepare(request, token=token)
            return _WatchedCall(self, cast("SimulatedCall", call))

        async def delete(remote_id: str) -> None:
            self.judge.about_to_delete(remote_id)
            await server.delete(remote_id)

        return cast("Server", _Watched(server, {"prepare": prepare, "delete": delete}))

    def _reserve(self, state: StateWriter) -> Callable[..., Any]:
        def reserve(intent: Intent, *given: Any) -> Any:
            attempt = state.reserve(intent, *given)
            self._reserved[asyncio.current_task()] = (attempt, intent)
            return attempt

        return reserve

    def _send(self, state: StateWriter) -> Callable[..., Any]:
        def sending(attempt: Any, watermark: Any) -> None:
            state.sending(attempt, watermark)
            self._sending.add(attempt)

        return sending

    async def pay(self, call: SimulatedCall, begin_by_s: float) -> ObservedJob:
        """Let a paid request leave, under the judge's eyes."""
        attempt, intent = self._reserved[asyncio.current_task()]
        sent = Sent(
            attempt=attempt,
            digest=intent.digest,
            kin=intent.recipe.kin,
            call=call,
            tags=intent.tags,
        )
        broken = self.judge.against_paying(sent, is_journaled=attempt in self._sending)
        self._sending.discard(attempt)  # one request for each time that it is journaled
        self.sent.append(sent)
        try:
            job = await call.send(begin_by_s=begin_by_s)
        except NotSentError:
            self.sent.remove(sent)
            raise
        except ServerError:
            self.judge.paid(sent, broken)
            raise
        sent.answered = job.remote_id
        self.judge.paid(sent, broken)
        return job


class _WatchedCall:
    """The port `PaidCall`."""

    def __init__(self, witness: Witness, call: SimulatedCall) -> None:
        self._witness = witness
        self._call = call

    async def send(self, *, begin_by_s: float) -> ObservedJob:
        return await self._witness.pay(self._call, begin_by_s)


class _Watched:
    """A port, some of whose methods are others."""

    def __init__(self, port: object, instead: dict[str, Callable[..., Any]]) -> None:
        self._port = port
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        return self._instead.get(name) or getattr(self._port, name)
