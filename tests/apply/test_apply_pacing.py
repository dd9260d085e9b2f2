"""How many jobs at once, how many requests a minute, who comes first, and backing off."""

from itertools import pairwise

import pytest

from apply.studio import Studio
from reconciler.apply.journey import Limits
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from simulated.faults import NotSent, Operation, Refused, always, out_of_reach, times
from simulated.server import SimulatedServer
from simulated.workshop import Fate
from worlds import a_declaration

QUICK = 6000  # requests a minute: no limit to speak of


def many(number: int) -> list[Declaration]:
    return [a_declaration(f"v{index:02}") for index in range(number)]


def sent_s(studio: Studio, prompt: str | None = None) -> list[float]:
    return [round(call.elapsed_s, 3) for call in studio.server.asked(Operation.SUBMIT, prompt)]


@pytest.mark.parametrize(("places", "parallelism"), [(1, None), (3, None), (8, 2), (2, 8)])
def test_as_many_jobs_run_at_once_as_are_allowed_and_no_more(
    studio: Studio, places: int, parallelism: int | None
) -> None:
    server = SimulatedServer(studio.clock, slots=20)
    studio.provider(server=server, max_in_flight=places, requests_per_minute=QUICK)

    run = studio.apply(*many(7), limits=Limits(parallelism=parallelism))

    assert run.code is ExitCode.OK
    assert server.workshop.most_at_once == min(places, parallelism or places)


def test_paid_requests_keep_their_distance(studio: Studio) -> None:
    studio.provider(max_in_flight=10, requests_per_minute=6)

    studio.apply(*many(5))

    gaps = [later - earlier for earlier, later in pairwise(sent_s(studio))]
    assert gaps == pytest.approx([10, 10, 10, 10])


def test_a_job_that_runs_already_counts_against_the_limit(studio: Studio) -> None:
    first, *others = many(3)
    studio.provider(max_in_flight=1, requests_per_minute=QUICK)
    studio.apply(first, limits=Limits(wait=False))

    run = studio.apply(first, *others)

    assert run.code is ExitCode.OK
    assert studio.server.workshop.most_at_once == 1


def test_a_job_that_its_server_lost_takes_no_place_from_the_one_bought_instead(
    studio: Studio,
) -> None:
    street = a_declaration("street", on_lost="regenerate")
    studio.provider(max_in_flight=1)
    studio.apply(street, limits=Limits(wait=False))
    studio.server.workshop.deleted.add("video_1")
    studio.apply(street)  # is told so, often enough to believe it

    run = studio.apply(street)

    assert run.code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == 2


def test_a_running_job_that_two_videos_share_counts_once(studio: Studio) -> None:
    studio.provider(max_in_flight=2, requests_per_minute=QUICK)
    one, two = a_declaration("one", "same"), a_declaration("two", "same")
    studio.apply(one, two, limits=Limits(wait=False))
    studio.apply(one, two, limits=Limits(wait=False))
    began_s = studio.clock.elapsed_s

    run = studio.apply(one, two, a_declaration("three"))

    assert run.code is ExitCode.OK
    (sent,) = sent_s(studio, "three")
    assert sent - began_s < 5


def test_the_longest_chain_goes_first_whatever_its_name(studio: Studio) -> None:
    studio.provider(max_in_flight=1, requests_per_minute=QUICK)
    alone, also = a_declaration("a-alone"), a_declaration("b-alone")
    head = a_declaration("z-head")
    tail = a_declaration("z-tail", remix_of=head)

    studio.apply(alone, also, head, tail)

    prompts = [call.prompt for call in studio.server.asked(Operation.SUBMIT)]
    assert prompts[0] == "z-head"


def test_a_remix_of_the_longest_chain_goes_before_what_waited_longer(studio: Studio) -> None:
    studio.provider(max_in_flight=1, requests_per_minute=QUICK)
    chain = [a_declaration("z0", seconds=12)]
    for index in range(1, 4):
        chain.append(a_declaration(f"z{index}", remix_of=chain[-1]))

    studio.apply(a_declaration("a", seconds=4), *chain)

    prompts = [call.prompt for call in studio.server.asked(Operation.SUBMIT)]
    assert prompts == ["z0", "z1", "z2", "z3", "a"]


def test_the_longest_chain_goes_first_through_the_pace_too(studio: Studio) -> None:
    studio.provider(max_in_flight=10, requests_per_minute=6)
    videos = [
        a_declaration("a", seconds=4),
        a_declaration("b", seconds=8),
        a_declaration("c", seconds=4),
        a_declaration("d", seconds=12),
        a_declaration("e", seconds=8),
    ]

    studio.apply(*videos)

    prompts = [call.prompt for call in studio.server.asked(Operation.SUBMIT)]
    assert prompts == ["d", "b", "e", "a", "c"]


def test_all_back_off_together_for_as_long_as_the_server_asks(studio: Studio) -> None:
    studio.provider(max_in_flight=10, requests_per_minute=QUICK)
    studio.server.rules.append(
        times(1, Refused(status=429, retry_after_s=30), on=Operation.SUBMIT, prompt="v01")
    )

    run = studio.apply(*many(4))

    assert run.code is ExitCode.OK
    refused_s = sent_s(studio, "v01")[0] + 0.2  # when the answer comes
    later = [sent for sent in sent_s(studio) if sent > refused_s]
    assert min(later) >= refused_s + 30
    assert sorted(studio.attempts()) == [
        ("v00", "acknowledged"),
        ("v01", "acknowledged"),
        ("v01", "rejected"),
        ("v02", "acknowledged"),
        ("v03", "acknowledged"),
    ]


def test_nobody_asks_while_one_was_told_to_wait(studio: Studio) -> None:
    studio.provider(max_in_flight=2, requests_per_minute=QUICK)
    studio.server.fated("v00", Fate(duration_s=5))
    studio.server.rules.append(
        times(1, Refused(status=429, retry_after_s=120), on=Operation.SUBMIT, prompt="v01")
    )

    studio.apply(*many(6))

    refused_s = sent_s(studio, "v01")[0] + 0.2
    later = [sent for sent in sent_s(studio) if sent > refused_s]
    assert len(later) == 5
    assert min(later) >= refused_s + 120


def test_without_a_word_from_the_server_the_wait_doubles(studio: Studio) -> None:
    studio.provider(max_in_flight=1, requests_per_minute=QUICK)
    studio.server.rules.append(times(4, Refused(status=429), on=Operation.SUBMIT))

    run = studio.apply(a_declaration("street"))

    assert run.code is ExitCode.OK
    gaps = [later - earlier for earlier, later in pairwise(sent_s(studio))]
    # Each time the list is looked at first, which takes 0.2 s, and the request 0.2 s.
    assert gaps == pytest.approx([2.4, 4.4, 8.4, 16.4], abs=0.01)


def test_a_server_that_always_asks_to_wait_is_left_in_the_end(studio: Studio) -> None:
    studio.server.rules.append(always(Refused(status=429, retry_after_s=1), on=Operation.SUBMIT))

    run = studio.apply(a_declaration("street"))

    assert run.code is ExitCode.FAILED
    assert len(studio.server.asked(Operation.SUBMIT)) < 20
    assert {state for _, state in studio.attempts()} == {"rejected"}


def test_a_request_that_never_left_is_sent_again(studio: Studio) -> None:
    studio.server.rules.append(times(2, NotSent(), on=Operation.SUBMIT))

    run = studio.apply(a_declaration("street"))

    assert run.code is ExitCode.OK
    assert [state for _, state in studio.attempts()] == ["not_sent", "not_sent", "acknowledged"]
    assert len(studio.server.workshop.jobs) == 1


def test_a_server_that_cannot_be_reached_is_left_after_a_few_tries(studio: Studio) -> None:
    studio.server.rules.append(always(NotSent(), on=Operation.SUBMIT))

    run = studio.apply(*many(3))

    assert run.code is ExitCode.UNREACHABLE
    assert len(studio.server.asked(Operation.SUBMIT)) <= 3 * 5
    assert {state for _, state in studio.attempts()} == {"not_sent"}
    studio.server.rules.clear()
    assert studio.apply(*many(3)).code is ExitCode.OK


def test_two_servers_do_not_wait_for_each_other(studio: Studio) -> None:
    studio.provider(max_in_flight=1)
    other = studio.provider("other", max_in_flight=1)
    studio.server.rules.append(out_of_reach(since_s=0, until_s=1e9))
    here = a_declaration("here")
    there = a_declaration("there", provider="other", account="other")

    run = studio.apply(here, there)

    assert run.ends() == {"here": "failed", "there": "completed"}
    assert len(other.workshop.jobs) == 1


def test_a_wait_beyond_all_sense_is_cut_to_an_hour(studio: Studio) -> None:
    studio.server.rules.append(
        times(1, Refused(status=429, retry_after_s=1e15), on=Operation.SUBMIT)
    )

    run = studio.apply(a_declaration("street"))

    assert run.code is ExitCode.OK
    first, second = sent_s(studio)
    assert second - first == pytest.approx(3600, abs=1)
