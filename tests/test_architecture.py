"""ARCHITECTURE.md names every module that there is."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def test_the_architecture_names_every_module() -> None:
    text = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
    modules = {
        path.stem
        for path in (REPOSITORY / "reconciler").rglob("*.py")
        if not path.stem.startswith("__") and path.parent.name not in {"commands", "versions"}
    }
    named = {word for quoted in text.split("`")[1::2] for word in quoted.split()}
    assert modules - named - {"env"} == set()


def test_the_architecture_can_be_read_in_ten_minutes() -> None:
    text = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250


def test_a_diagnostic_code_means_one_thing() -> None:
    used = [
        code
        for path in (REPOSITORY / "reconciler").rglob("*.py")
        for code in re.findall(r'"(SF\d{4})"', path.read_text(encoding="utf-8"))
    ]
    assert sorted(used) == sorted(set(used))
