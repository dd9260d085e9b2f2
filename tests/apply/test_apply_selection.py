"""Applying a part of a plan: what is not selected is as it was, and says nothing."""

from dataclasses import replace

from apply.studio import Studio
from reconciler.domain.errors import ExitCode
from simulated.faults import LostAnswer, Operation, times
from worlds import a_choice, a_declaration

STREET, NIGHT = a_declaration("street"), a_declaration("night")
RAIN = a_declaration("rain", remix_of=STREET)
ALL = (STREET, NIGHT, RAIN)


def test_a_remix_is_made_with_the_parent_that_it_drags_in(studio: Studio) -> None:
    run = studio.apply(*ALL, choice=a_choice(["rain"]))
    assert run.code is ExitCode.OK
    assert run.ends() == {"street": "completed", "rain": "completed"}
    again = studio.apply(*ALL, choice=a_choice(["rain", "street"]))
    assert again.ends() == {}
    assert studio.apply(*ALL).ends() == {"night": "completed"}


def test_an_unresolved_request_shows_in_the_exit_code_of_the_parts_that_it_is_of(
    studio: Studio,
) -> None:
    studio.provider(list="none")
    studio.server.rules.append(
        times(1, LostAnswer(made=True), on=Operation.SUBMIT, prompt="street")
    )
    assert studio.apply(*ALL, choice=a_choice(["street"])).code is ExitCode.UNRESOLVED
    assert studio.apply(*ALL, choice=a_choice(["night"])).code is ExitCode.OK
    assert studio.apply(*ALL, choice=a_choice(["rain"])).code is ExitCode.UNRESOLVED
    assert studio.apply(*ALL, choice=a_choice(["night"])).code is ExitCode.OK
    assert studio.apply(*ALL).code is ExitCode.UNRESOLVED


def test_the_job_and_file_of_what_is_not_selected_stay_though_it_is_undeclared(
    studio: Studio,
) -> None:
    studio.apply(*ALL)
    edited = replace(a_declaration("night", "another night"), tags=("x",))
    run = studio.apply(edited, choice=a_choice(["night"]))
    assert run.ends() == {"night": "completed"}
    assert len(studio.server.workshop.deleted) == 1
    assert studio.bytes_at("videos/rain.mp4") == studio.made("rain")
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")


def test_destroying_a_part_forgets_that_part_alone(studio: Studio) -> None:
    studio.apply(*ALL)
    run = studio.apply(destroy=True, choice=a_choice(["rain"]))
    assert run.ends() == {"rain": "completed"}
    assert {str(address) for address in studio.recorded().videos} == {"street", "night"}
