"""Assets come whole or not at all, the one that expires first before the others."""

import pytest

from apply.studio import Studio
from reconciler.apply.journey import Limits
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import ActionKind, Reason
from reconciler.domain.profile import Variant
from simulated.faults import (
    Away,
    Cut,
    Ends,
    Instead,
    Missing,
    NotYet,
    Operation,
    always,
    out_of_reach,
    times,
)
from simulated.server import SimulatedServer
from simulated.workshop import Fate
from worlds import a_declaration

JSON = b'{"error": {"message": "the server is overloaded", "type": "server_error"}}'


def test_a_broken_download_goes_on_where_it_broke(studio: Studio) -> None:
    studio.server.rules.append(times(1, Cut(after_bytes=700), on=Operation.CONTENT))
    studio.server.rules.append(times(1, Cut(after_bytes=1500), on=Operation.CONTENT))

    run = studio.apply(a_declaration("street"))

    assert run.code is ExitCode.OK
    assert [call.offset for call in studio.server.asked(Operation.CONTENT)] == [0, 700, 1500]
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")


def test_a_download_goes_on_in_the_next_run(studio: Studio) -> None:
    studio.server.rules.append(times(1, Cut(after_bytes=700), on=Operation.CONTENT))
    studio.server.rules.append(times(20, Away(), on=Operation.CONTENT))
    street = a_declaration("street")

    first = studio.apply(street)
    studio.server.rules.clear()
    second = studio.apply(street)

    assert first.code is ExitCode.UNREACHABLE
    assert second.code is ExitCode.OK
    assert studio.server.asked(Operation.CONTENT)[-1].offset == 700


@pytest.mark.parametrize(
    "fault",
    [Instead(body=JSON), Instead(body=b"\x00" * 2045), Ends(after_bytes=1000), Instead(body=b"")],
    ids=["json", "zeros", "cut", "empty"],
)
@pytest.mark.deviation("Any server", "content may be cut, or no video, and is never published")
def test_bytes_that_are_no_video_are_never_published(studio: Studio, fault: Instead | Ends) -> None:
    studio.server.rules.append(always(fault, on=Operation.CONTENT))
    street = a_declaration("street")

    run = studio.apply(street)

    assert run.code is ExitCode.FAILED
    assert run.failure("street").code == "bad_asset"
    assert studio.bytes_at("videos/street.mp4") is None
    assert len(studio.server.asked(Operation.CONTENT)) == 3
    studio.server.rules.clear()
    assert studio.apply(street).code is ExitCode.OK
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")
    assert len(studio.server.workshop.jobs) == 1


def test_a_download_that_is_bad_once_is_done_again(studio: Studio) -> None:
    studio.server.rules.append(times(1, Instead(body=JSON), on=Operation.CONTENT))

    run = studio.apply(a_declaration("street"))

    assert run.code is ExitCode.OK


def test_an_asset_that_is_not_there_yet_is_waited_for(studio: Studio) -> None:
    studio.server.rules.append(times(4, NotYet(), on=Operation.CONTENT))

    assert studio.apply(a_declaration("street")).code is ExitCode.OK


def test_a_server_that_is_away_for_a_while_is_waited_for(studio: Studio) -> None:
    studio.server.rules.append(out_of_reach(since_s=61.5, until_s=155))

    run = studio.apply(a_declaration("street"))

    assert run.code is ExitCode.OK


def test_the_servers_word_on_when_to_try_again_is_kept(studio: Studio) -> None:
    studio.server.rules.append(times(1, Away(retry_after_s=25), on=Operation.CONTENT))

    studio.apply(a_declaration("street"))

    first, second = studio.server.asked(Operation.CONTENT)
    assert second.elapsed_s - first.elapsed_s >= 25


def test_a_video_is_gone_only_when_that_was_said_often_and_for_long(studio: Studio) -> None:
    studio.server.rules.append(always(Missing(), on=Operation.CONTENT))
    street = a_declaration("street")

    run = studio.apply(street)

    assert run.code is ExitCode.FAILED
    assert "gone" in run.failure("street").message
    asked = studio.server.asked(Operation.CONTENT)
    assert asked[-1].elapsed_s - asked[0].elapsed_s >= 60
    assert 3 <= len(asked) <= 12


def test_a_video_that_is_gone_stays_lost_though_its_job_can_be_seen(studio: Studio) -> None:
    studio.server.rules.append(always(Missing(), on=Operation.CONTENT))
    street = a_declaration("street")
    assert studio.apply(street).code is ExitCode.FAILED

    (action,) = studio.plan(street, refresh="full").actions

    assert (action.kind, action.reason) == (ActionKind.BLOCKED, Reason.VIDEO_LOST)
    assert studio.apply(street).code is ExitCode.OK  # told in the plan already, and not bought


def test_a_video_that_comes_back_is_not_gone(studio: Studio) -> None:
    studio.server.rules.append(times(2, Missing(), on=Operation.CONTENT))

    assert studio.apply(a_declaration("street")).code is ExitCode.OK


def test_the_servers_word_that_a_video_expired_is_believed_and_remembered(studio: Studio) -> None:
    server = SimulatedServer(studio.clock, lifetime_s=None)
    studio.provider(server=server, asset_lifetime_s=None)
    server.rules.append(always(Missing(expired=True), on=Operation.CONTENT))
    street = a_declaration("street", on_lost="regenerate")

    run = studio.apply(street)

    assert run.code is ExitCode.FAILED
    assert len(server.asked(Operation.CONTENT)) == 1
    server.rules.clear()
    (action,) = studio.plan(street).actions
    assert action.kind is ActionKind.CREATE


def test_what_expires_first_is_downloaded_first(studio: Studio) -> None:
    server = SimulatedServer(studio.clock, slots=20)
    studio.provider(server=server, max_in_flight=20, requests_per_minute=6000)
    names = ["a", "b", "c", "d", "e", "f"]
    videos = [a_declaration(name) for name in names]
    for index, name in enumerate(names):
        server.fated(name, Fate(duration_s=60 - index))  # the last one expires first
    studio.apply(*videos, limits=Limits(wait=False))
    studio.clock.pass_by(100)

    studio.apply(*videos, limits=Limits(parallelism=1))

    assert [c.prompt for c in server.asked(Operation.CONTENT)] == names[::-1]


def test_what_names_no_expiry_is_taken_to_live_as_long_as_the_profile_says(studio: Studio) -> None:
    forgetful = SimulatedServer(studio.clock, lifetime_s=None)
    patient = SimulatedServer(studio.clock, lifetime_s=1e6)
    studio.provider(server=patient)
    studio.provider("other", server=forgetful, asset_lifetime_s=1800.0)
    videos = [
        *(a_declaration(name) for name in ("a", "b", "c")),
        a_declaration("z", provider="other", account="other"),
    ]
    studio.apply(*videos, limits=Limits(wait=False))
    studio.clock.pass_by(200)

    studio.apply(*videos, limits=Limits(parallelism=1))

    (soon,) = forgetful.asked(Operation.CONTENT)
    assert soon.elapsed_s < min(call.elapsed_s for call in patient.asked(Operation.CONTENT))


@pytest.mark.deviation("Any server", "a thumbnail or a spritesheet may not be there")
def test_a_picture_that_the_server_does_not_have_costs_no_video(studio: Studio) -> None:
    studio.server.rules.append(
        times(100, Missing(), on=Operation.CONTENT, variant=Variant.THUMBNAIL)
    )
    street = a_declaration("street", variants=("thumbnail", "video"))

    run = studio.apply(street)

    assert run.code is ExitCode.OK
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")
    assert studio.plan(street).is_empty


def test_a_video_unlike_what_was_asked_is_kept_and_told(studio: Studio) -> None:
    street = a_declaration("street", seconds=4)
    longer = SimulatedServer(studio.clock)
    studio.provider(server=longer)
    studio.apply(street, limits=Limits(wait=False))
    longer.workshop.alter("video_1", seconds=8)
    studio.clock.pass_by(100)

    run = studio.apply(street)

    assert run.code is ExitCode.OK
    assert any("lasts 8.0 s, not 4 s" in told for told in run.notices())
