"""The routes about the server itself: what jobs would have cost, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from reconciler.preview.errors import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.preview.rehearsal import Rehearsal
    from reconciler.preview.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerApi:
    """What no Videos API has, below `/preview`."""

    store: Store
    rehearsal: Rehearsal

    async def ledger(self, _request: Request) -> Response:
        """`GET /preview/ledger`: what all jobs ever made would have cost."""
        bills = await asyncio.to_thread(self.store.bills)
        entries = [
            {
                "at": int(bill.at),
                "video_id": bill.video_id,
                "operation": bill.operation,
                "model": bill.model,
                "size": bill.size,
                "seconds": bill.seconds,
                "prompt": bill.prompt,
                "usd": bill.usd,
            }
            for bill in bills
        ]
        total = sum((Decimal(bill.usd) for bill in bills), Decimal(0))
        return JSONResponse({"object": "ledger", "usd": f"{total:.2f}", "data": entries})

    async def faults(self, _request: Request) -> Response:
        """`GET /preview/faults`: the menu in force."""
        menu = self.rehearsal.menu
        return JSONResponse({} if menu is None else menu.model_dump(mode="json"))

    async def play(self, request: Request) -> Response:
        """`PUT /preview/faults`: put another menu in force."""
        from reconciler.preview.faults import MenuError, menu_from

        try:
            menu = menu_from(json.loads(await request.body() or b"{}"))
        except (MenuError, ValueError, RecursionError) as error:
            raise ApiError(f"This is no fault menu: {error}", code="invalid_menu") from error
        self.rehearsal.serve(menu)
        return JSONResponse(menu.model_dump(mode="json"))
