"""A power cut before or after the n-th effect of a run, at whichever port it happens."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Literal, TypeVar, cast

from reconciler.apply.journey import Ports
from reconciler.domain.ports import (
    AssetStore,
    ContentStream,
    Files,
    PaidCall,
    PaidRequest,
    Partial,
    Server,
    StateWriter,
)

T = TypeVar("T")
When = Literal["before", "after"]

_SERVER = frozenset({"retrieve", "page", "delete", "content"})
_PAID = frozenset({"send"})
_STATE = frozenset(
    {
        "begin_run",
        "end_run",
        "reserve",
        "sending",
        "acknowledged",
        "not_sent",
        "rejected",
        "ambiguous",
        "adopted",
        "disproved",
        "written_off",
        "twin",
        "found",
        "saw",
        "saw_missing",
        "deleted",
        "lost",
        "stored",
        "recover",
        "recover_all",
        "bind",
        "promote",
        "publishing",
        "published",
        "not_published",
        "unpublished",
        "rename",
        "rename_all",
        "retired",
        "forget",
        "forget_all",
        "void_reserved",
    }
)
_ASSETS = frozenset({"take_back", "write_sidecar", "derive", "move_in"})
_PARTIAL = frozenset({"begin", "write", "finish", "move_in"})
_FILES = frozenset({"publish", "set_aside", "move", "remove", "clear_up"})


class PowerCut(BaseException):
    """The machine is gone at this very moment."""


class Power:
    """Counts the effects of a run, and goes out at one of them.

    Once it is out, every effect raises `PowerCut`: what is left of the run reaches nothing.
    Without `cut_at` it only counts. What else happens to the machine happens in `before_effect`,
    between an effect that is over and the one of that number.
    """

    def __init__(
        self,
        cut_at: int | None = None,
        when: When = "before",
        before_effect: Callable[[int], None] = lambda _number: None,
    ) -> None:
        self.effects: list[str] = []  # their names, in order
        self._cut_at = cut_at
        self._when: When = when
        self._before_effect = before_effect
        self._is_out = asyncio.Event()

    @property
    def is_out(self) -> bool:
        """Whether the cut came."""
        return self._is_out.is_set()

    async def lasts(self, main: Coroutine[Any, Any, T]) -> T:
        """Run for as long as there is power.

        Raises:
            PowerCut: it went out first; all that ran is dead.
        """
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        running = asyncio.ensure_future(main)
        dark = asyncio.ensure_future(self._is_out.wait())
        await asyncio.wait({running, dark}, return_when=asyncio.FIRST_COMPLETED)
        if self.is_out:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            raise PowerCut
        dark.cancel()
        return running.result()

    def ports(self, bare: Ports) -> Ports:
        """Ports whose effects are counted, and end with the power."""
        return replace(
            bare,
            server_of=lambda name: self.server(bare.server_of(name)),
            state=self.state(bare.state),
            assets=self.assets(bare.assets),
            files=self.files(bare.files),
        )

    def server(self, port: Server) -> Server:
        """A server whose requests are effects."""
        return cast("Server", _Wired(port, _SERVER, self))

    def state(self, port: StateWriter) -> StateWriter:
        """A state whose transactions are effects."""
        return cast("StateWriter", _Wired(port, _STATE, self))

    def assets(self, port: AssetStore) -> AssetStore:
        """A store whose changes are effects."""
        return cast("AssetStore", _Wired(port, _ASSETS, self))

    def files(self, port: Files) -> Files:
        """Published files whose changes are effects."""
        return cast("Files", _Wired(port, _FILES, self))

    def around(self, name: str, effect: Callable[[], T]) -> T:
        """Do one effect, or go out."""
        self._pass(name, "before")
        result = effect()
        self._pass(name, "after")
        return result

    async def around_async(self, name: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Do one effect that takes time, or go out."""
        self._pass(name, "before")
        number = len(self.effects)
        result = await effect()
        self._pass(name, "after", number)
        return result

    def _pass(self, name: str, when: When, number: int | None = None) -> None:
        if self.is_out:
            raise PowerCut
        if when == "before":
            self.effects.append(name)
            self._before_effect(len(self.effects))
        at = len(self.effects) if number is None else number
        if at == self._cut_at and when == self._when:
            self._is_out.set()
            raise PowerCut


class _Wired:
    """A port, some of whose methods are effects."""

    def __init__(self, port: object, effects: frozenset[str], power: Power) -> None:
        self._port = port
        self._effects = effects
        self._power = power

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if name == "content":
            return self._content(attribute)
        if name == "partial":
            return lambda *given: self._partial(attribute(*given))
        if name == "prepare":
            return self._prepare(attribute)
        if name not in self._effects:
            return attribute
        if inspect.iscoroutinefunction(attribute):
            return self._taking_time(name, attribute)
        return lambda *given, **named: self._power.around(name, lambda: attribute(*given, **named))

    def _taking_time(self, name: str, effect: Callable[..., Awaitable[Any]]) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            return await self._power.around_async(name, lambda: effect(*given, **named))

        return call

    def _partial(self, partial: Partial) -> Partial:
        return cast("Partial", _Wired(partial, _PARTIAL, self._power))

    def _prepare(
        self, prepare: Callable[..., Awaitable[PaidCall]]
    ) -> Callable[..., Awaitable[PaidCall]]:
        async def prepared(request: PaidRequest, *, token: str | None = None) -> PaidCall:
            call = await prepare(request, token=token)
            return cast("PaidCall", _Wired(call, _PAID, self._power))

        return prepared

    def _content(
        self, opens: Callable[..., AbstractAsyncContextManager[ContentStream]]
    ) -> Callable[..., AbstractAsyncContextManager[ContentStream]]:
        @asynccontextmanager
        async def opened(*given: Any, **named: Any) -> AsyncIterator[ContentStream]:
            manager = opens(*given, **named)
            stream = await self._power.around_async("content", manager.__aenter__)
            try:
                yield stream
            finally:
                await manager.__aexit__(None, None, None)

        return opened
