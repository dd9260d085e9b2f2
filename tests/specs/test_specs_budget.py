"""The budget of a project: exact dollars, and every mistake at its place."""

from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
import tomli

from reconciler.domain.budget import NO_BUDGET, Budget
from reconciler.specs.project import load_project
from reconciler.specs.schema import project_schema
from specs.checking import check, load, shown, write

_LAUNCH = "[video.a]\nprompt = 'x'\ntags = ['launch', 'teaser']\n"


def _budget(root: Path, text: str) -> Budget:
    write(root, {"sorafile.toml": text})
    loaded = load_project(root)
    assert loaded.diagnostics == ()
    return loaded.project.budget


def test_a_budget_is_read_exactly(tmp_path: Path) -> None:
    assert _budget(
        tmp_path,
        """
        [budget]
        per_run = 25.10
        per_day = 50
        per_month = 0.1
        per_tag = { launch = 100.00, "été+" = 0 }
        """,
    ) == Budget(
        per_run_usd=Decimal("25.10"),
        per_day_usd=Decimal(50),
        per_month_usd=Decimal("0.1"),
        per_tag_usd={"launch": Decimal("100.00"), "été+": Decimal(0)},
    )


@pytest.mark.parametrize("text", ["", "[budget]\n", "[budget.per_tag]\n"])
def test_without_caps_there_is_no_budget(tmp_path: Path, text: str) -> None:
    budget = _budget(tmp_path, text)
    assert budget == NO_BUDGET
    assert budget.caps == ()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "per_run = -1",
            "SF0203 sorafile.toml:2:11 -1 | `per_run` must not be negative",
        ),
        (
            "per_day = '50'",
            "SF0202 sorafile.toml:2:11 '50' | `per_day` must be a number | write 50 without quotes",
        ),
        (
            "per_day = true",
            "SF0202 sorafile.toml:2:11 true | `per_day` must be a number",
        ),
        (
            "per_month = inf",
            "SF0203 sorafile.toml:2:13 inf | `per_month` must be finite",
        ),
        (
            "per_moth = 1",
            (
                "SF0201 sorafile.toml:2:1 per_moth | unknown key `per_moth` in [budget] "
                "| write `per_month`"
            ),
        ),
        (
            "per_tag = 5",
            "SF0202 sorafile.toml:2:11 5 | `per_tag` must be a table",
        ),
        (
            "per_tag = { launch = -0.01 }",
            "SF0203 sorafile.toml:2:22 -0.01 | `launch` must not be negative",
        ),
        (
            "per_tag = { 'two words' = 1 }",
            "SF0205 sorafile.toml:2:13 'two words' | `two words` is no tag",
        ),
        (
            "per_tag = { lunch = 1 }",
            (
                "SF0311 sorafile.toml:2:13 lunch | no declared video has the tag `lunch`, so "
                "this cap limits nothing | write `launch`"
            ),
        ),
    ],
)
def test_a_mistake_in_a_budget_is_told_at_its_place(
    tmp_path: Path, written: str, expected: str
) -> None:
    check(tmp_path, {"sorafile.toml": f"[budget]\n{written}\n", "specs/a.toml": _LAUNCH}, expected)


def test_a_tag_is_not_called_unused_while_a_spec_cannot_be_read(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"sorafile.toml": "[budget.per_tag]\nlaunch = 1\n", "specs/a.toml": _LAUNCH + "seconds=5"},
    )
    _, diagnostics = load(tmp_path)
    assert [shown(found).split()[0] for found in diagnostics] == ["SF0403"]


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("[budget]\nper_run = 2.5\nper_tag = { launch = 1 }", True),
        ("[budget]\nper_run = -2.5", False),
        ("[budget]\nper_week = 2", False),
        ("[budget]\nper_run = '2'", False),
        ("[budget.per_tag]\n'two words' = 2", False),
    ],
)
def test_the_schema_says_what_the_parser_says(text: str, is_valid: bool) -> None:
    validator = jsonschema.Draft202012Validator(project_schema())
    assert validator.is_valid(tomli.loads(text)) is is_valid
