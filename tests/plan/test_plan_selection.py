"""The expressions of a selection: how they read, what they match, and what they refuse."""

import re
from collections.abc import Iterable
from decimal import Decimal
from fnmatch import translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.address import Address
from reconciler.domain.errors import ExitCode
from reconciler.plan.selection import (
    STATES,
    Costing,
    Expression,
    Facts,
    InFile,
    InState,
    Named,
    Selection,
    SelectionError,
    State,
    Tagged,
    Term,
    choose,
    matches,
    parse,
)


def terms(text: str) -> list[Term]:
    return list(parse(text).terms)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hero", [Term(Named("hero"))]),
        ("city*", [Term(Named("city*"))]),
        ("city[Tokyo,dawn]", [Term(Named("city", "Tokyo,dawn"))]),
        ("city[*,dawn],tag:launch", [Term(Named("city", "*,dawn")), Term(Tagged("launch"))]),
        ("hero[a+b: c]+", [Term(Named("hero", "a+b: c"), with_derived=True)]),
        ("+x", [Term(Named("x"), with_parents=True)]),
        ("x+", [Term(Named("x"), with_derived=True)]),
        ("+x+", [Term(Named("x"), with_parents=True, with_derived=True)]),
        ("tag", [Term(Named("tag"))]),
        ("tag:launch", [Term(Tagged("launch"))]),
        ("+tag:la*+", [Term(Tagged("la*"), with_parents=True, with_derived=True)]),
        ("tag:[a", [Term(Tagged("[a"))]),
        ("path:specs/ads/*", [Term(InFile("specs/ads/*"))]),
        ("path:specs/[a] b.toml", [Term(InFile("specs/[a] b.toml"))]),
        ("state:failed", [Term(InState("failed"))]),
        ("cost:>1", [Term(Costing(">", Decimal(1)))]),
        ("cost:<=$0.50", [Term(Costing("<=", Decimal("0.50")))]),
        ("cost:= 2", [Term(Costing("=", Decimal(2)))]),
        (" hero , tag:x ", [Term(Named("hero")), Term(Tagged("x"))]),
    ],
)
def test_an_expression_is_read(text: str, expected: list[Term]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "character", "why"),
    [
        ("", 1, "missing"),
        (",", 1, "missing"),
        ("hero,", 6, "missing"),
        ("hero,,city", 6, "missing"),
        ("+", 2, "missing"),
        ("++x", 2, "'+' cannot be in a name"),
        ("x++", 3, "'+' cannot stand after '+'"),
        ("!hero", 1, "'!' cannot be in a name"),
        ("hero world", 6, "'w' cannot be in a name"),
        ("hero/x", 5, "'/' cannot be in a name"),
        ("city[Tokyo", 5, "not closed"),
        ("city[]", 5, "nothing is in"),
        ("city[a[b]]", 7, "'['"),
        ("city[a\nb]", 7, r"'\n'"),
        ("hero]", 5, "not opened"),
        ("city[a]x", 8, "after ']'"),
        ("[a]", 1, "'[' cannot be in a name"),
        ("tag:", 5, "missing after tag:"),
        ("tag:+", 5, "missing after tag:"),
        ("path: ,x", 6, "missing after path:"),
        ("tag:a\x1bb", 5, "cannot be in a tag"),
        ("tags:launch", 1, "did you mean 'tag:'"),
        ("hero,status:failed", 6, "did you mean 'state:'"),
        ("state:fail", 7, "did you mean 'failed'"),
        ("state:*", 7, "there is no state"),
        ("cost:1", 6, "compares no cost"),
        ("cost:>one", 6, "compares no cost"),
        ("cost:>-1", 6, "compares no cost"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_may_stand_there(
    text: str, character: int, why: str
) -> None:
    with pytest.raises(SelectionError) as error:
        parse(text, option="--exclude")
    assert f"--exclude {text!r}, at character {character}: " in error.value.message
    assert why in error.value.message
    assert error.value.fix
    assert "allowed: " in error.value.fix
    assert error.value.exit_code is ExitCode.ERROR


names = st.from_regex(r"[A-Za-z0-9_*?-]+", fullmatch=True)
keys = st.from_regex(r"[^\[\]\x00-\x1f\x7f]+", fullmatch=True)
tags = st.from_regex(r"[^\s,+\x00-\x1f\x7f-\x9f]+", fullmatch=True)
whats = st.one_of(
    st.builds(Named, names, st.none() | keys),
    st.builds(Tagged, tags),
    st.builds(InFile, tags),
    st.builds(InState, st.sampled_from(STATES)),
    st.builds(
        Costing,
        st.sampled_from([">", ">=", "<", "<=", "="]),
        st.decimals(0, 10**6, allow_nan=False, places=2),
    ),
)
expressions = st.lists(
    st.builds(Term, whats, st.booleans(), st.booleans()), min_size=1, max_size=4
).map(lambda found: Expression(tuple(found)))


@given(expression=expressions)
def test_an_expression_reads_as_it_is_written(expression: Expression) -> None:
    assert parse(str(expression)) == expression


@given(text=st.text("ab[],+*?:>=1$ tagpthcose\n!é", max_size=30) | st.text(max_size=30))
def test_whatever_is_typed_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        read = parse(text)
    except SelectionError as error:
        place = re.search(r", at character (\d+): ", error.message)
        assert place is not None
        assert 1 <= int(place[1]) <= len(text) + 1
    else:
        assert parse(str(read)) == read


small = st.text("ab*?[]-.", max_size=8)


@given(glob=small, text=small)
def test_a_glob_is_one_of_the_shell_with_literal_brackets(glob: str, text: str) -> None:
    as_shell = translate(glob.replace("[", "[[]"))
    assert matches(glob, text) == (re.fullmatch(as_shell, text) is not None)


def test_a_glob_of_many_stars_ends_soon() -> None:
    assert not matches("a*" * 200 + "b", "a" * 2000)


def facts(
    address: str,
    *,
    tags: Iterable[str] = (),
    file: str = "specs/a.toml",
    state: State = "missing",
    cost_usd: str | None = "0.40",
    parent: str | None = None,
) -> Facts:
    return Facts(
        address=Address.parse(address),
        tags=tuple(tags),
        file=file,
        state=state,
        cost_usd=None if cost_usd is None else Decimal(cost_usd),
        parents=(Address.parse(parent),) if parent else (),
    )


WORLD = (
    facts("hero", tags=["launch", "web"]),
    facts("hero-night", parent="hero", state="failed", cost_usd="0"),
    facts("hero-rain", parent="hero-night", tags=["launch"], cost_usd="3"),
    facts("city[Tokyo,dawn]", file="specs/ads/city.toml", cost_usd=None),
    facts("city[Tokyo,dusk]", file="specs/ads/city.toml", tags=["web"]),
    facts("city[Rome,dawn]", file="specs/ads/deep/rome.toml"),
    Facts(address=Address("old"), tags=("web",), state="undeclared"),
)


def chosen(*select: str, exclude: Iterable[str] = ()) -> str:
    selection = Selection.parse(select, exclude)
    assert selection is not None
    return " ".join(map(str, choose(selection, WORLD).chosen))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("hero", "hero"),
        ("hero*", "hero hero-night hero-rain"),
        ("hero-????", "hero-rain"),
        ("city", "city[Rome,dawn] city[Tokyo,dawn] city[Tokyo,dusk]"),
        ("city*", "city[Rome,dawn] city[Tokyo,dawn] city[Tokyo,dusk]"),
        ("city[Tokyo,dawn]", "city[Tokyo,dawn]"),
        ("city[*,dawn]", "city[Rome,dawn] city[Tokyo,dawn]"),
        ("*[Tokyo*]", "city[Tokyo,dawn] city[Tokyo,dusk]"),
        ("tag:launch", "hero hero-rain"),
        ("tag:*", "city[Tokyo,dusk] hero hero-rain old"),
        ("tag:web,hero", "hero"),
        ("tag:web,city", "city[Tokyo,dusk]"),
        ("path:specs/ads/*", "city[Rome,dawn] city[Tokyo,dawn] city[Tokyo,dusk]"),
        ("path:specs/ads/c*", "city[Tokyo,dawn] city[Tokyo,dusk]"),
        ("state:failed", "hero-night"),
        ("state:undeclared", "old"),
        ("state:lost", ""),
        ("hero,state:failed", ""),
        ("cost:>1", "hero-rain"),
        ("cost:>=0.40,tag:launch", "hero hero-rain"),
        ("cost:=0,hero*", "hero-night"),
        ("cost:<0.40", "hero-night old"),
        ("+hero-rain", "hero hero-night hero-rain"),
        ("hero-night+", "hero-night hero-rain"),
        ("+hero-night+", "hero hero-night hero-rain"),
        ("state:failed+,tag:launch", "hero-rain"),
        ("*", "city[Rome,dawn] city[Tokyo,dawn] city[Tokyo,dusk] hero hero-night hero-rain old"),
    ],
)
def test_an_expression_chooses(expression: str, expected: str) -> None:
    assert chosen(expression) == expected


def test_a_repeat_is_or_and_what_is_excluded_is_out() -> None:
    assert chosen("hero", "old") == "hero old"
    assert chosen("hero*", exclude=["hero-night"]) == "hero hero-rain"
    assert chosen(exclude=["city", "hero+"]) == "old"
    assert Selection.parse((), ()) is None


def test_names_are_told_apart_by_their_case() -> None:
    with pytest.raises(SelectionError, match="did you mean 'hero'"):
        chosen("Hero")


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("heor", "no video is called 'heor'; did you mean 'hero'?"),
        ("city[Tokyo,down]", "did you mean 'city[Tokyo,dawn]'?"),
        ("zzz", "no video is called 'zzz'"),
        ("zzz+", "no video is called 'zzz'"),
        ("tag:lanch", "no video has the tag 'lanch'; did you mean 'launch'?"),
        ("path:spec/a.toml", "no video is declared in 'spec/a.toml'; did you mean 'specs/a.toml'?"),
        ("state:failed,heor", "no video is called 'heor'"),
        ("hero,old", "no video is all of that"),
    ],
)
@pytest.mark.parametrize("option", ["--select", "--exclude"])
def test_what_there_is_not_is_refused_with_the_nearest(
    option: str, expression: str, told: str
) -> None:
    with pytest.raises(SelectionError) as error:
        chosen(*([expression] if option == "--select" else []), exclude=[expression])
    assert option in error.value.message
    assert told in error.value.message
    assert error.value.fix


def test_remixes_in_a_circle_end() -> None:
    selection = Selection.parse(["+a+"], [])
    assert selection is not None
    circle = [facts("a", parent="b"), facts("b", parent="a"), facts("c")]
    assert choose(selection, circle).chosen == (Address("a"), Address("b"))
