"""A watch that cannot go on, since nobody can be told any more: its run is not torn off."""

import errno
from dataclasses import dataclass
from decimal import Decimal

import pytest

from apply.studio import Studio
from reconciler.domain.errors import ExitCode
from reconciler.domain.profile import Price
from reconciler.watch.rim import Ending, News, Planned
from watch.session import Session
from worlds import a_declaration

FREE = (Price(model="sora-2", usd_per_second=Decimal(0)),)
STREET, NIGHT = a_declaration("street"), a_declaration("night")


@dataclass(kw_only=True)
class Deaf(Session):
    """Its terminal goes away with the news of one kind."""

    last: type[News]

    def tell(self, news: News) -> None:
        Session.tell(self, news)
        if isinstance(news, self.last) and self.events:
            raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("last", [Planned, Ending])
def test_a_run_is_ended_kindly_where_nobody_can_be_told(studio: Studio, last: type[News]) -> None:
    studio.provider(prices=FREE)
    session = Deaf(studio=studio, files=(STREET,), last=last)

    async def story(film: Session) -> None:
        await film.wait(10)  # its job is made, and takes a minute
        if last is Planned:
            film.save(STREET, NIGHT)
            await film.wait(10)

    with pytest.raises(OSError, match="Input/output"):
        session.run(story)
    assert session.codes() == [ExitCode.INTERRUPTED]
    assert len(session.bought()) == 1
