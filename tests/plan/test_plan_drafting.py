"""What is drafted for jobs that nobody here recorded, and what cannot be."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.domain.desired import Declaration
from reconciler.domain.drafts import Drafts, UnmanagedJob, Usual
from reconciler.domain.observed import ObservedJob
from reconciler.domain.world import World
from reconciler.plan.drafting import Surroundings, draft_all, draft_one
from worlds import (
    NOW,
    SETTLE,
    a_declaration,
    a_generation,
    a_listed_job,
    a_provider,
    a_record,
    a_sidecar,
    a_world,
    an_attempt,
    check,
    converged,
)

STREET = a_declaration("street", "A street at night")
USUAL = Usual(provider="studio", model="sora-2", seconds=4, size="720x1280")


def a_job(
    prompt: str | None = "A street at night", name: str = "video_1", **told: Any
) -> ObservedJob:
    job = replace(a_listed_job(STREET, name), prompt=prompt)
    return replace(job, **told)


def around(world: World) -> Surroundings:
    return Surroundings(
        desired=world.desired,
        blocks=world.blocks,
        recorded=world.recorded,
        providers=world.providers,
        usual={"studio": USUAL},
        at=NOW,
    )


def drafts_of(*jobs: ObservedJob, world: World | None = None) -> Drafts:
    listed = [UnmanagedJob(provider="studio", job=each) for each in jobs]
    return draft_all(listed, around(world or a_world()), {})


def names(drafts: Drafts) -> list[str]:
    return [each.name for each in drafts.videos]


def imports(drafts: Drafts) -> dict[str, str]:
    return {str(each.target): each.remote_id for each in drafts.all_imports}


def why(drafts: Drafts) -> str:
    assert not drafts.all_imports
    (left_out,) = drafts.left_out
    return f"{left_out.why} | {left_out.fix}"


# --- names


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A quiet harbour at dawn", "quiet-harbour-at-dawn"),
        ("The café's été, in Paris and in the rain", "cafes-ete-in-paris"),
        ("the", "the"),
        ("Neon\nlights ${x}!", "neon-lights-x"),
        ("x" * 50, "x" * 32),
        ("Extraordinarily extravagant extras", "extraordinarily-extravagant"),
        ("夜の東京", "video-a899eee7"),
    ],
)
def test_a_name_is_short_and_made_of_the_prompt(prompt: str, name: str) -> None:
    assert names(drafts_of(a_job(prompt))) == [name]


def test_a_name_is_nobody_elses_nor_are_its_files() -> None:
    world = a_world([a_declaration("Cat", "another")], [converged(a_declaration("cat-2", "old"))])
    two = (a_job("A cat", "video_1"), a_job("A cat", "video_2"))
    other = a_job("A cat!", "video_3", seconds="8")
    drafts = drafts_of(*two, other, world=world)
    assert names(drafts) == ["cat-3", "cat-4"]
    # cat[2] is published as cat-2, so nothing else may be called that.
    assert names(drafts_of(*two, other)) == ["cat", "cat-3"]


# --- takes


def test_jobs_that_asked_for_the_same_are_takes_from_the_oldest_on() -> None:
    late = a_job(name="video_a", created_at=NOW)
    early = a_job(name="video_b", created_at=NOW - SETTLE)
    other = a_job(name="video_c", seconds="8", created_at=NOW)
    drafts = drafts_of(late, other, early)
    assert imports(drafts) == {
        "street-at-night[1]": "video_b",
        "street-at-night[2]": "video_a",
        "street-at-night-3": "video_c",
    }


def test_a_job_is_taken_into_the_declared_video_that_wants_it() -> None:
    takes = [a_declaration(f"hero[{take}]", "A street at night", take=take) for take in (1, 2)]
    drafts = drafts_of(*(a_job(name=f"video_{n}") for n in range(3)), world=a_world(takes))
    assert imports(drafts) == {
        "hero[1]": "video_0",
        "hero[2]": "video_1",
        "street-at-night": "video_2",
    }
    assert len(drafts.imports) == 2


def test_another_job_of_what_is_there_already_is_a_video_of_its_own() -> None:
    world = a_world([STREET], [converged(STREET)])
    assert imports(drafts_of(a_job(), world=world)) == {"street-at-night": "video_1"}
    new = a_declaration("street-at-night", "A street at night")
    block = {"street-at-night": "video_1"}
    check(
        a_world([STREET, new], [converged(STREET)], imports=block, named={"video_1": a_job()}),
        "street-at-night: adopt imported $0.00 adopt await fetch publish promote",
        "street: unchanged",
    )
    taken = replace(a_generation(new, "g-new"), remote_id="video_1")
    check(
        a_world([STREET, new], [converged(STREET), a_record(new, taken)], imports=block),
        "street: unchanged",
        "street-at-night: unchanged",
    )


def test_what_is_recorded_or_named_by_a_block_is_left_to_that() -> None:
    made = a_generation(STREET)
    world = a_world(
        [STREET, a_declaration("rain")], [a_record(STREET, made)], imports={"rain": "video_2"}
    )
    jobs = (a_job(name=made.remote_id), a_job(name="video_2"))
    assert drafts_of(*jobs, world=world) == Drafts()


# --- remixes


def test_a_remix_is_of_the_video_that_its_parent_becomes() -> None:
    parents = (a_job(name="video_1"), a_job(name="video_2"))
    rain = a_job("in the rain", "video_0", remixed_from="video_2")
    fog = a_job("and in fog", "video_3", remixed_from="video_0")
    drafts = drafts_of(fog, rain, *parents)
    of = {each.name: str(each.remix_of) for each in drafts.videos if each.remix_of}
    assert of == {"in-the-rain": "street-at-night[2]", "and-in-fog": "in-the-rain"}


def test_a_remix_is_of_the_video_that_holds_its_parent() -> None:
    made = a_generation(STREET)
    rain = a_job("in the rain", "video_0", remixed_from=made.remote_id)
    drafts = drafts_of(rain, world=a_world([STREET], [a_record(STREET, made)]))
    assert [str(each.remix_of) for each in drafts.videos] == ["street"]

    edited = a_declaration("street", "Another street")
    world = a_world([edited], [a_record(STREET, made)])
    assert "which no declared video has" in why(drafts_of(rain, world=world))


def test_a_remix_is_of_the_take_whatever_is_picked() -> None:
    picked = a_declaration("hero", "A hero", take=2)
    take = a_declaration("hero[2]", "A hero", take=2)
    made = a_generation(take)
    world = a_world([picked, take], [a_record(picked, made), a_record(take, made)])
    rain = a_job("in the rain", "video_0", remixed_from=made.remote_id)
    assert [str(each.remix_of) for each in drafts_of(rain, world=world).videos] == ["hero[2]"]


@pytest.mark.parametrize("parent", ["video_gone", "video_0"])
def test_a_remix_of_what_nobody_has_is_left_out(parent: str) -> None:
    told = why(drafts_of(a_job("in the rain", "video_0", remixed_from=parent)))
    assert told == (
        f"it is a remix of job {parent}, which no declared video has"
        f" | take that first, with sorafile import ADDR {parent} --write; or declare this one, with"
        f' remix_of_id = "{parent}"'
    )


def test_a_remix_that_is_not_like_its_parent_is_left_out() -> None:
    rain = a_job("in the rain", "video_0", remixed_from="video_1", seconds="12")
    drafts = drafts_of(a_job(), rain)
    assert [each.why for each in drafts.left_out] == [
        "it is a remix of street-at-night, and of another model, length or size"
    ]


@pytest.mark.parametrize("offered", [(4, 8, 12, 16, 20), ()])
def test_what_is_as_long_as_an_extension_says_how_to_declare_it(offered: tuple[int, ...]) -> None:
    longer = a_job("a tram", "video_0", remixed_from="video_1", seconds="12")
    world = a_world(providers=[a_provider(extend=True, extend_seconds=offered)])
    (left_out,) = drafts_of(a_job(), longer, world=world).left_out
    assert left_out.fix == (
        'if it is an extension, declare it with extends = "street-at-night" and seconds = 8,'
        " then: sorafile import ADDR video_0"
    )


def test_where_there_are_edits_alone_a_remix_is_written_too() -> None:
    rain = a_job("in the rain", "video_0", remixed_from="video_1")
    world = a_world(providers=[a_provider(remix=False, edit=True)])
    assert len(drafts_of(a_job(), rain, world=world).videos) == 2


# --- what is told, and what is not


def test_what_the_server_calls_otherwise_is_written_as_specs_call_it() -> None:
    (draft,) = drafts_of(
        a_job(model="openai/sora-2-pro-2025-10-06", seconds="8.0", size="1280*720")
    ).videos
    assert (draft.model, draft.seconds, draft.size) == ("sora-2-pro", 8, "1280x720")


def test_what_the_server_does_not_tell_is_taken_for_the_default() -> None:
    (draft,) = drafts_of(a_job(model=None, seconds=None, size=None)).videos
    assert (draft.model, draft.seconds, draft.size) == ("sora-2", 4, "720x1280")


@pytest.mark.parametrize(
    ("job", "told"),
    [
        (a_job(None), "the server does not tell its prompt | declare a video with it, then: "),
        (a_job(" \n"), "its prompt is blank"),
        (a_job("a\x1bb"), "its prompt holds the control character U+001B"),
        (a_job("x" * 32_001), "its prompt has 32001 characters, and 32000 are allowed"),
        (a_job(model="veo"), "provider studio is not said to offer model veo | add it under"),
        (a_job(seconds="5"), "not said to offer seconds 5"),
        (a_job(size="1x1"), "not said to offer size 1x1"),
        (a_job(name="video 1"), "its id has a blank in it"),
        (a_job(expires_at=NOW), "its video has expired"),
        (a_listed_job(STREET, status="failed"), "it failed, so it has no video"),
    ],
)
def test_what_cannot_be_written_or_had_is_left_out(job: ObservedJob, told: str) -> None:
    assert told in why(drafts_of(job))


def test_what_may_be_a_lost_answer_is_left_out() -> None:
    world = a_world([STREET], attempts=[an_attempt(STREET)])
    assert "decide that first: sorafile resolve 'street'" in why(drafts_of(a_job(), world=world))


def test_what_may_have_begun_with_an_image_is_left_out() -> None:
    """A list never tells of an image: it may be what a declared video asks for."""
    world = a_world([a_declaration("hero", "A street at night", reference="image")])
    assert "if it is: sorafile import 'hero' video_1" in why(drafts_of(a_job(), world=world))


def test_what_only_the_asset_store_remembers_comes_back_by_itself() -> None:
    """Its recipe is in its sidecar, and may be another than the server can tell."""
    sidecar = a_sidecar(STREET)
    surroundings = replace(around(a_world([STREET])), sidecars=(sidecar,))
    listed = [
        UnmanagedJob(provider="studio", job=each)
        for each in (
            a_job(name=sidecar.remote_id),
            a_job(name="video_2"),
            a_job("in the rain", "video_3", remixed_from=sidecar.remote_id),
        )
    ]
    drafts = draft_all(listed, surroundings, {})
    assert [each.why.partition(":")[0] for each in drafts.left_out] == [
        "the asset store remembers it"
    ]
    assert imports(drafts) == {"street-at-night": "video_2", "in-the-rain": "video_3"}
    assert [str(each.remix_of) for each in drafts.videos[1:]] == ["street"]


# --- one


@pytest.mark.parametrize("wanting", [[], [STREET]])
def test_one_job_gets_the_name_that_is_said(wanting: Iterable[Declaration]) -> None:
    job = UnmanagedJob(provider="studio", job=a_job())
    drafts = draft_one("mine", job, around(a_world(wanting)))
    if wanting:
        assert "take it there: sorafile import 'street' video_1" in why(drafts)
    else:
        assert imports(drafts) == {"mine": "video_1"}
