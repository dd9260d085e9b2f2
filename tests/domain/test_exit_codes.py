"""Which exit code is told where several hold, and what each error ends in."""

import itertools

import pytest

from reconciler.domain.errors import (
    AlreadyBoughtError,
    AmbiguousError,
    BadAssetError,
    Diagnostic,
    ExitCode,
    FileInTheWayError,
    InvalidSpecError,
    LeaseLostError,
    LockedError,
    NotSentError,
    RefusedError,
    RejectedError,
    SorafileError,
    StateError,
    UnauthorizedError,
    UnavailableError,
    worst,
)

THE_CONTRACTS_ORDER = [8, 9, 10, 3, 7, 6, 5, 4, 1]


def test_of_two_codes_the_contracts_first_is_told() -> None:
    for first, second in itertools.combinations(THE_CONTRACTS_ORDER, 2):
        assert worst({ExitCode(second), ExitCode(first)}) == first


def test_every_code_but_success_goes_before_success() -> None:
    for code in ExitCode:
        assert worst({ExitCode.OK, code}) == code


def test_changes_are_told_only_where_nothing_went_wrong() -> None:
    for code in THE_CONTRACTS_ORDER:
        assert worst({ExitCode.CHANGES, ExitCode(code)}) == code


def test_nothing_to_tell_is_success() -> None:
    assert worst(set()) == ExitCode.OK


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SorafileError("x"), 1),
        (InvalidSpecError(()), 3),
        (RefusedError("x"), 6),
        (StateError("x"), 1),
        (LockedError("x"), 9),
        (LeaseLostError("x"), 9),
        (AlreadyBoughtError("x"), 4),
        (FileInTheWayError("x"), 4),
        (BadAssetError("x"), 4),
        (NotSentError("x"), 10),
        (UnavailableError("x"), 10),
        (UnauthorizedError("x"), 10),
        (RejectedError("x", status=400), 4),
        (AmbiguousError("x", evidence="reset"), 5),
    ],
)
def test_an_error_ends_in_its_exit_code(error: SorafileError, code: int) -> None:
    assert error.exit_code == code


@pytest.mark.parametrize(
    ("severities", "text"),
    [
        (["error"], "1 mistake in the specs"),
        (["error", "warning", "error"], "2 mistakes in the specs"),
    ],
)
def test_invalid_specs_count_their_mistakes_and_not_their_warnings(
    severities: list[str], text: str
) -> None:
    found = tuple(
        Diagnostic(code="SF0001", summary="wrong", severity=severity)  # type: ignore[arg-type]
        for severity in severities
    )
    assert InvalidSpecError(found).message == text


def test_only_too_many_requests_may_be_asked_again() -> None:
    assert RejectedError("slow down", status=429).is_throttled
    assert not RejectedError("no", status=400).is_throttled
