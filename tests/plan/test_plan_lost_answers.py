"""What a server's list proves of paid requests whose answers were lost."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from reconciler.domain.desired import Declaration
from reconciler.domain.observed import ObservedJob
from reconciler.domain.recorded import Attempt, JobStatus
from reconciler.plan.lost_answers import Findings, find
from reconciler.plan.matching import echo_of
from worlds import NOW, PROFILE, a_declaration, an_attempt

STREET = a_declaration("street", "a street")
TAKE_2 = a_declaration("take", "a street", take=2)
PICTURED = a_declaration("pictured", "a street", reference="a picture")


def lost(of: Declaration, *seen: str) -> Attempt:
    """An unresolved attempt, sent when the server listed these ids."""
    echo = echo_of(of, None, PROFILE)
    return replace(an_attempt(of), kin=of.recipe.kin, echo=echo, watermark=seen)


def job(remote_id: str, prompt: str | None = "a street", status: str = "queued") -> ObservedJob:
    return ObservedJob(
        remote_id=remote_id,
        status=JobStatus(status),
        progress=0,
        prompt=prompt,
        model="sora-2",
        seconds="4",
        size="720x1280",
    )


def found(
    attempts: list[Attempt], jobs: list[ObservedJob], managed: Iterable[str] = ()
) -> Findings:
    """What is proved by a list, newest first, of which some jobs are recorded."""
    return find(attempts, jobs, {each.remote_id for each in jobs} - set(managed))


def made(findings: Findings) -> dict[str, str]:
    return {attempt.removeprefix("a-"): job.remote_id for attempt, job in findings.made.items()}


def test_the_job_that_came_after_it_is_its_own() -> None:
    findings = found([lost(STREET, "old")], [job("new"), job("old")])
    assert made(findings) == {"street": "new"}


def test_what_was_listed_before_it_is_not_its_own() -> None:
    findings = found([lost(STREET, "old")], [job("old")])
    assert (made(findings), findings.doubtful) == ({}, frozenset())


def test_a_recorded_job_is_anothers() -> None:
    findings = found([lost(STREET)], [job("new")], managed=["new"])
    assert (made(findings), findings.doubtful) == ({}, frozenset())


def test_a_job_that_may_be_its_own_proves_nothing_either_way() -> None:
    attempt = lost(STREET)
    findings = found([attempt], [job("new", prompt=None)])
    assert (made(findings), findings.doubtful) == ({}, {attempt.id})


def test_a_job_of_another_prompt_is_no_doubt() -> None:
    findings = found([lost(STREET)], [job("new", prompt="a harbour")])
    assert (made(findings), findings.doubtful) == ({}, frozenset())


def test_takes_of_one_asking_take_any_of_their_jobs() -> None:
    one, two = lost(STREET), lost(TAKE_2)
    findings = found([one, two], [job("second"), job("first")])
    assert sorted(made(findings).values()) == ["first", "second"]
    only = found([one, two], [job("first")])
    assert list(made(only).values()) == ["first"]
    assert not only.doubtful


def test_who_has_the_least_to_choose_from_chooses_first() -> None:
    early, late = lost(STREET), lost(TAKE_2, "first")
    findings = found([early, late], [job("second"), job("first")])
    assert made(findings) == {"street": "first", "take": "second"}


def test_the_first_that_came_after_it_is_taken_unless_it_failed() -> None:
    assert made(found([lost(STREET)], [job("later"), job("first")])) == {"street": "first"}
    jobs = [job("later"), job("first", status="failed")]
    assert made(found([lost(STREET)], jobs)) == {"street": "later"}


def test_what_is_listed_below_an_older_job_is_taken_last() -> None:
    """A watermark names the newest jobs alone, and a lost database knew those below."""
    listed = [job("later"), job("first"), job("mark"), job("below")]
    assert made(found([lost(STREET, "mark")], listed)) == {"street": "first"}
    assert made(found([lost(STREET, "mark")], listed[2:])) == {"street": "below"}


def test_what_its_server_made_before_the_request_is_taken_last() -> None:
    sent = replace(lost(STREET), sending_at=NOW)
    before = replace(job("before"), created_at=NOW - timedelta(seconds=8))
    same_second = replace(job("own"), created_at=NOW - timedelta(milliseconds=900))

    assert made(found([sent], [same_second, before])) == {"street": "own"}
    assert made(found([sent], [before])) == {"street": "before"}


def test_requests_that_the_list_cannot_tell_apart_get_nothing() -> None:
    one, two = lost(STREET), lost(PICTURED)
    findings = found([one, two], [job("new")])
    assert (made(findings), findings.doubtful) == ({}, {one.id, two.id})


def test_an_attempt_without_a_watermark_cannot_be_proved() -> None:
    attempt = replace(lost(STREET), watermark=None)
    findings = found([attempt], [job("new")])
    assert (made(findings), findings.doubtful) == ({}, {attempt.id})
