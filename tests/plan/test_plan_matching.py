"""The three answers: is this job what that request asked for?"""

from dataclasses import replace

import pytest

from reconciler.domain.echo import Echo
from reconciler.domain.observed import ObservedJob
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Asset, JobStatus
from reconciler.plan.matching import Match, compare, echo_of, echo_of_upload
from worlds import PROFILE, a_declaration, sha256

PROMPT = "A street at night, neon lights"
ASKED = Echo(prompt=PROMPT, model="sora-2", seconds=4, size="720x1280", parent=None)
REMIX = replace(ASKED, parent="video_1")
TOLD = ObservedJob(
    remote_id="video_9",
    status=JobStatus.QUEUED,
    progress=0,
    prompt=PROMPT,
    model="sora-2",
    seconds="4",
    size="720x1280",
)
REMIXED = replace(TOLD, remixed_from="video_1")


@pytest.mark.parametrize(
    ("asked", "told", "match"),
    [
        pytest.param(ASKED, {}, Match.SAME, id="every field"),
        pytest.param(ASKED, {"prompt": "another"}, Match.DIFFERENT, id="another prompt"),
        pytest.param(ASKED, {"prompt": None}, Match.POSSIBLE, id="no prompt"),
        pytest.param(ASKED, {"prompt": ""}, Match.POSSIBLE, id="an empty prompt"),
        pytest.param(
            ASKED, {"prompt": f" {PROMPT.upper()}\n"}, Match.POSSIBLE, id="a tidied prompt"
        ),
        pytest.param(ASKED, {"prompt": f"{PROMPT[:20]}…"}, Match.POSSIBLE, id="cut short"),
        pytest.param(ASKED, {"prompt": PROMPT[:20]}, Match.POSSIBLE, id="cut without a mark"),
        pytest.param(ASKED, {"prompt": "A street"}, Match.DIFFERENT, id="a short prompt is one"),
        pytest.param(ASKED, {"prompt": f"{PROMPT}, rain"}, Match.DIFFERENT, id="a longer prompt"),
        pytest.param(ASKED, {"model": "sora-2-pro"}, Match.DIFFERENT, id="another model"),
        pytest.param(ASKED, {"model": "sora-2-2025-12-08"}, Match.POSSIBLE, id="dated model"),
        pytest.param(ASKED, {"model": "openai/sora-2"}, Match.POSSIBLE, id="prefixed model"),
        pytest.param(ASKED, {"model": None}, Match.POSSIBLE, id="no model"),
        pytest.param(ASKED, {"seconds": "8"}, Match.DIFFERENT, id="another length"),
        pytest.param(ASKED, {"seconds": "4.0"}, Match.SAME, id="the same length"),
        pytest.param(ASKED, {"seconds": ""}, Match.POSSIBLE, id="an empty length"),
        pytest.param(ASKED, {"seconds": "4s"}, Match.POSSIBLE, id="a length that is no number"),
        pytest.param(ASKED, {"size": "1280x720"}, Match.DIFFERENT, id="another size"),
        pytest.param(ASKED, {"size": "720X1280"}, Match.SAME, id="the same size"),
        pytest.param(ASKED, {"size": "720p"}, Match.POSSIBLE, id="a size by another name"),
        pytest.param(ASKED, {"size": None}, Match.POSSIBLE, id="no size"),
        pytest.param(
            ASKED, {"remixed_from": "video_1"}, Match.DIFFERENT, id="a remix, where none was asked"
        ),
        pytest.param(REMIX, {"remixed_from": "video_1"}, Match.SAME, id="a remix of it"),
        pytest.param(REMIX, {"remixed_from": "video_2"}, Match.DIFFERENT, id="of another"),
        pytest.param(REMIX, {"remixed_from": None}, Match.POSSIBLE, id="of what is not told"),
        pytest.param(
            ASKED, {"prompt": None, "size": "1280x720"}, Match.DIFFERENT, id="the worst decides"
        ),
    ],
)
def test_what_a_job_tells_of_a_request(
    asked: Echo, told: dict[str, str | None], match: Match
) -> None:
    assert compare(asked, replace(TOLD, **told)) is match  # type: ignore[arg-type]


def test_what_a_server_never_repeats_proves_nothing() -> None:
    profile = replace(PROFILE, echoes=("model", "seconds", "size", "parent"))
    echo = echo_of(a_declaration("street", PROMPT), None, profile)
    assert echo.prompt is None
    assert compare(echo, TOLD) is Match.POSSIBLE
    assert compare(echo, replace(TOLD, prompt="another")) is Match.POSSIBLE
    assert compare(echo, replace(TOLD, size="1280x720")) is Match.DIFFERENT


EDITING = replace(PROFILE, edit=True, edit_upload=True, extend=True)
STREET = a_declaration("street", "A street", seconds=8)
EDIT = a_declaration("edit", PROMPT, edit_of=STREET)
ON = a_declaration("on", PROMPT, extends=STREET, seconds=4)
OF_8_S = replace(TOLD, seconds="8")


@pytest.mark.parametrize(
    ("parent", "match"),
    [("video_1", Match.SAME), (None, Match.POSSIBLE), ("video_2", Match.DIFFERENT)],
)
def test_an_edit_may_tell_its_parent_and_need_not(parent: str | None, match: Match) -> None:
    job = replace(OF_8_S, remixed_from=parent)
    assert compare(echo_of(EDIT, "video_1", EDITING), job) is match
    assert compare(echo_of(ON, "video_1", EDITING), replace(job, seconds="12")) is match
    assert compare(echo_of(ON, "video_1", EDITING), job) is Match.DIFFERENT


def test_what_is_sent_along_is_no_parent() -> None:
    upload = Asset(
        variant=Variant.VIDEO,
        sha256=sha256("x"),
        bytes=1,
        media_type="video/mp4",
        width=720,
        height=1280,
        duration_s=8.04,
    )
    echo = echo_of_upload(EDIT, upload, EDITING)
    assert compare(echo, OF_8_S) is Match.SAME
    assert compare(echo, replace(OF_8_S, remixed_from="video_1")) is Match.DIFFERENT
    shorter = echo_of_upload(EDIT, replace(upload, duration_s=7.0), EDITING)
    assert compare(shorter, replace(OF_8_S, seconds="7")) is Match.POSSIBLE
    larger = echo_of_upload(EDIT, replace(upload, width=1024), EDITING)
    assert compare(larger, replace(OF_8_S, size="1024x1280")) is Match.POSSIBLE


def test_requests_that_may_be_confused_are_kept_apart() -> None:
    alone = echo_of(a_declaration("alone", PROMPT, seconds=8), None, EDITING)
    remix = echo_of(a_declaration("remix", PROMPT, remix_of=STREET), "video_1", EDITING)
    edit, of_another = (echo_of(EDIT, job, EDITING) for job in ("video_1", "video_2"))
    longer = echo_of(ON, "video_1", EDITING)
    confused = {
        (one, other)
        for one, first in enumerate((alone, remix, edit, of_another, longer))
        for other, second in enumerate((alone, remix, edit, of_another, longer))
        if one < other and first.may_be_confused_with(second)
    }
    assert confused == {(0, 2), (0, 3), (1, 2)}


def test_requests_that_differ_only_in_what_no_list_repeats_have_one_echo() -> None:
    plain = a_declaration("one", PROMPT)
    with_reference = a_declaration("two", PROMPT, reference="a picture")
    take = a_declaration("three", PROMPT, take=2)
    echoes = {echo_of(each, None, PROFILE) for each in (plain, with_reference, take)}
    assert len(echoes) == 1
    assert plain.recipe.kin == take.recipe.kin != with_reference.recipe.kin
