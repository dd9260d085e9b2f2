"""Variables, templates, matrices and takes: what one table comes to."""

from pathlib import Path

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from reconciler.domain.desired import Desired
from reconciler.specs.templates import TemplateError, fill
from reconciler.specs.variables import Given
from specs.checking import load, shown, write


def desired(root: Path, text: str, given: Given | None = None, **more: str) -> Desired:
    write(root, {"specs/a.toml": text, **more})
    found, diagnostics = load(root, given=given)
    assert [shown(each) for each in diagnostics] == []
    return found


def prompts(root: Path, text: str, given: Given | None = None, **more: str) -> dict[str, str]:
    return {str(a): each.recipe.prompt for a, each in desired(root, text, given, **more).items()}


def told(root: Path, text: str, given: Given | None = None) -> list[str]:
    write(root, {"specs/a.toml": text})
    return [shown(each) for each in load(root, given=given)[1]]


def test_a_variable_stands_for_its_text_in_prompts_and_prompt_files(tmp_path: Path) -> None:
    text = """\
[vars]
city = "Tokyo"
mood = "${light}, in ${city}"
light = "neon"
year = 1999
[video.a]
prompt = "A street: ${mood}, ${year}. $${city} stays"
[video.b]
prompt_file = "${city}.md"
tags = ["in-${city}"]
"""
    found = desired(tmp_path, text, **{"specs/Tokyo.md": "From a file: ${light}\n"})
    assert [each.recipe.prompt for each in found.values()] == [
        "A street: neon, in Tokyo, 1999. ${city} stays",
        "From a file: neon",
    ]
    assert [each.tags for each in found.values()] == [(), ("in-Tokyo",)]


def test_what_comes_nearer_goes_before(tmp_path: Path) -> None:
    project = '[vars]\na = "project"\nb = "project"\nc = "project"\nd = "project"\n'
    text = """\
[vars]
b = "file"
c = "file"
d = "file"
[video.x]
prompt = "${a} ${b} ${c} ${d}"
matrix = { d = ["cell"] }
"""
    given = Given({"c": "given", "d": "given"}, {"c": "--var"})
    found = prompts(tmp_path, text, given, **{"sorafile.toml": project})
    assert found == {"x[cell]": "project file given cell"}


def test_a_given_text_is_taken_as_it_is(tmp_path: Path) -> None:
    given = Given({"a": "${b} $${c}"}, {"a": "--var"})
    assert prompts(tmp_path, '[video.x]\nprompt = "${a}"\n', given) == {"x": "${b} $${c}"}


def test_a_matrix_makes_a_video_of_each_combination(tmp_path: Path) -> None:
    text = """\
[video.city]
prompt = "Over ${city} at ${time}"
size = "${size}"
seconds = "${length}"
matrix.city = ["Tokyo", "Paris"]
matrix.time = ["dawn", "dusk"]
matrix.exclude = [{ city = "Paris", time = "dusk" }]
matrix.include = [{ city = "Oslo", time = "noon" }]
[vars]
size = "1280x720"
length = 8
"""
    found = desired(tmp_path, text)
    assert {str(a): each.recipe.prompt for a, each in found.items()} == {
        "city[Oslo,noon]": "Over Oslo at noon",
        "city[Paris,dawn]": "Over Paris at dawn",
        "city[Tokyo,dawn]": "Over Tokyo at dawn",
        "city[Tokyo,dusk]": "Over Tokyo at dusk",
    }
    assert {(each.size, each.seconds) for each in found.values()} == {("1280x720", 8)}
    assert "videos/city-Tokyo-dawn.mp4" in {
        path for each in found.values() for path in each.outputs.values()
    }


AXES = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True)


@generated(AXES, AXES, AXES)
def test_what_is_added_to_a_matrix_or_taken_out_renames_nothing(
    tmp_path_factory: pytest.TempPathFactory, first: list[str], second: list[str], more: list[str]
) -> None:
    def cells(one: list[str], other: list[str]) -> dict[str, str]:
        axes = f"{{ x = {one}, y = {other} }}"
        text = f"[video.v]\nprompt = '${{x}} and ${{y}}'\nmatrix = {axes}\n"
        return prompts(tmp_path_factory.mktemp("matrix"), text)

    before = cells(first, second)
    after = cells(list(dict.fromkeys([*more, *first])), second)
    assert before.items() <= after.items()
    assert len(before) == len(first) * len(second)


def test_takes_are_of_one_recipe_but_for_their_number(tmp_path: Path) -> None:
    found = desired(tmp_path, '[video.hero]\nprompt = "Hero"\ntakes = 3\n')
    assert list(map(str, found)) == ["hero[1]", "hero[2]", "hero[3]"]
    assert [each.recipe.take for each in found.values()] == [1, 2, 3]
    assert len({each.recipe.kin for each in found.values()}) == 1
    assert all(each.outputs for each in found.values())


def test_a_pick_is_published_under_the_name_and_shares_its_take(tmp_path: Path) -> None:
    found = {
        str(address): each
        for address, each in desired(
            tmp_path,
            '[video.hero]\nprompt = "Hero"\ntakes = 3\npick = 2\n'
            '[video.rain]\nremix_of = "hero"\nprompt = "in rain"\n',
        ).items()
    }
    assert list(found) == ["hero", "hero[1]", "hero[2]", "hero[3]", "rain"]
    assert found["hero"].digest == found["hero[2]"].digest
    assert [bool(each.outputs) for each in found.values()] == [True, False, False, False, True]
    parent = found["rain"].recipe.parent
    assert parent is not None
    assert parent.digest == found["hero[2]"].digest


def test_a_remix_derives_from_a_cell_or_a_take(tmp_path: Path) -> None:
    text = """\
[video.city]
prompt = "Over ${city}"
matrix = { city = ["Tokyo", "Paris"] }
takes = 2
[video.rain]
prompt = "in rain"
remix_of = "city[${city},1]"
matrix = { city = ["Tokyo", "Paris"] }
"""
    found = {str(address): each for address, each in desired(tmp_path, text).items()}
    assert {a: str(each.parent) for a, each in found.items() if each.parent} == {
        "rain[Paris]": "city[Paris,1]",
        "rain[Tokyo]": "city[Tokyo,1]",
    }


def test_defaults_may_name_the_values_of_a_cell(tmp_path: Path) -> None:
    project = '[defaults]\ntags = ["${mood}"]\n[vars]\nmood = "calm"\n'
    text = """\
[defaults]
size = "${size}"
[video.v]
prompt = "x"
matrix = { size = ["1280x720", "720x1280"] }
"""
    found = desired(tmp_path, text, **{"sorafile.toml": project})
    assert {str(a): (e.size, e.tags) for a, e in found.items()} == {
        "v[1280x720]": ("1280x720", ("calm",)),
        "v[720x1280]": ("720x1280", ("calm",)),
    }


X = '[video.x]\nprompt = "x"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[vars]\ncity = "Tokyo"\n[video.x]\nprompt = "in $${a} ${cty}"\n',
            "SF0421 specs/a.toml:4:20 ${cty} | nothing defines `cty` | write `city`",
        ),
        (
            '[video.x]\nprompt = "in ${a b}"\n',
            (
                "SF0422 specs/a.toml:2:14 ${a b} | `${a b}` is no name in braces"
                " | close the braces, or write `$${` for a literal `${`"
            ),
        ),
        (
            '[video.x]\nprompt = "in ${city"\n',
            (
                "SF0422 specs/a.toml:2:14 ${city | `${city` is no name in braces"
                " | close the braces, or write `$${` for a literal `${`"
            ),
        ),
        (
            '[vars]\na = "${b}"\nb = "${a}"\n[video.x]\nprompt = "${a}"\n',
            (
                "SF0423 specs/a.toml:3:6 ${a} | these variables are made of each other: a -> b -> a"
                " | write one of them out"
            ),
        ),
        (
            '[vars]\na = "${lost}"\n[video.x]\nprompt = "${a}"\n[video.y]\nprompt = "${a}"\n',
            (
                "SF0421 specs/a.toml:2:6 ${lost} | nothing defines `lost` | define it"
                " in [vars] or by --var lost=...; `$${` is a literal `${`"
            ),
        ),
        (
            '[defaults]\nmodel = "${m}"\n[video.x]\nprompt = "x"\n',
            (
                "SF0421 specs/a.toml:2:10 ${m} | nothing defines `m` | define it in"
                " [vars] or by --var m=...; `$${` is a literal `${`"
            ),
        ),
        (
            '[vars]\nn = "long"\n[video.x]\nprompt = "x"\nseconds = "${n}"\n',
            (
                'SF0202 specs/a.toml:5:11 "${n}" | `seconds` comes to `long`, and must be a whole'
                " number"
            ),
        ),
        (
            X + "matrix = {}\n",
            "SF0431 specs/a.toml:3:10 {} | the matrix of `x` has no axis",
        ),
        (
            X + 'matrix = { a = ["1", "b,c", 1] }\n',
            (
                'SF0431 specs/a.toml:3:22 "b,c" | the matrix of `x`: a value of a matrix is not'
                " empty, and holds no `[`, `]`, `,` and control characters"
            ),
        ),
        (
            X + "matrix = { a = [1, 2], exclude = [{ b = 1 }] }\n",
            "SF0431 specs/a.toml:3:41 1 | the matrix of `x`: no axis is named `b`",
        ),
        (
            X + "matrix = { a = [1, 2], exclude = [{ a = 3 }] }\n",
            (
                "SF0431 specs/a.toml:3:35 { a = 3 } | the matrix of `x`: no combination is left to"
                " exclude"
            ),
        ),
        (
            X + "matrix = { a = [1], b = [2], include = [{ a = 3 }] }\n",
            "SF0431 specs/a.toml:3:41 { a = 3 } | the matrix of `x`: it says nothing of b",
        ),
        (
            X + "pick = 2\n",
            (
                "SF0432 specs/a.toml:3:8 2 | `pick` picks one of several takes"
                " | add takes, or remove it"
            ),
        ),
        (
            X + "takes = 2\npick = 3\n",
            (
                "SF0432 specs/a.toml:4:8 3 | `pick` is 3, and there are 2 takes"
                " | pick one that there is, or make more"
            ),
        ),
        (
            X + 'takes = 2\n[video.y]\nremix_of = "x"\nprompt = "y"\n',
            (
                'SF0433 specs/a.toml:5:12 "x" | `x` is 2 videos, and a remix derives from one'
                " | name one of them, as x[1], or pick one"
            ),
        ),
        (
            X + 'takes = 2\n[video.y]\nremix_of = "x[3]"\nprompt = "y"\n',
            (
                'SF0411 specs/a.toml:5:12 "x[3]" | `y` is a remix of `x[3]`, which no spec declares'
                " | write `x[2]`"
            ),
        ),
        (
            X + '[video.y]\nremix_of = "x["\nprompt = "y"\n',
            'SF0411 specs/a.toml:4:12 "x[" | `x[` is no address | write one: NAME, or NAME[KEY]',
        ),
    ],
)
def test_a_mistake_is_told_once_at_its_place(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in told(tmp_path, text)
    assert len(told(tmp_path, text)) == len(set(told(tmp_path, text)))


def test_what_grows_without_bounds_is_told_at_once(tmp_path: Path) -> None:
    """A branch of somebody else's is planned, too."""
    doubling = "".join(f'v{n} = "${{v{n + 1}}}${{v{n + 1}}}"\n' for n in range(60))
    laughs = f'[vars]\n{doubling}v60 = "ha"\n[video.x]\nprompt = "${{v0}}"\n'
    (found,) = told(tmp_path, laughs)
    assert "comes to more than 1048576 characters" in found
    axes = ", ".join(f"a{n} = {list(range(60))}" for n in range(9))
    (found,) = told(tmp_path, X + f"matrix = {{ {axes} }}\n")
    assert "makes 10077696000000000 videos" in found
    (found,) = told(tmp_path, X + "takes = 1000000000\n")
    assert "must be at most 1000" in found


def test_a_slip_in_a_given_name_is_told(tmp_path: Path) -> None:
    text = '[vars]\ncity = "Tokyo"\n[video.x]\nprompt = "in ${city}"\n'
    given = Given({"cty": "Oslo", "other": "x"}, {"cty": "--var"})
    assert told(tmp_path, text, given) == [
        "SF0424 - | --var gives `cty`, and no spec uses a variable of that name | write `city`"
    ]


@generated(st.text(alphabet="${}ab ", max_size=30))
def test_filling_never_breaks_and_leaves_plain_text_alone(text: str) -> None:
    try:
        filled = fill(text, lambda name, _written: f"<{name}>")
    except TemplateError:
        assert "${" in text
    else:
        assert filled == text or "${" in text


@pytest.mark.parametrize(
    ("setting", "value", "shown_as"),
    [
        ('tags = ["a", "${v}"]', "a b", "`tags` comes to `a b`"),
        ('remix_of_id = "${v}"', "..", "`remix_of_id` comes to `..`"),
        ('remix_of_id = "video_${v}"', "x" * 600, f"`remix_of_id` comes to `video_{'x' * 34}…`"),
    ],
)
def test_what_a_template_comes_to_must_have_the_form_of_its_key(
    tmp_path: Path, setting: str, value: str, shown_as: str
) -> None:
    text = f'[vars]\nv = "{value}"\n[video.a]\n{setting}\nprompt = "p"\n[video.b]\nprompt = "p"\n'
    (mistake,) = told(tmp_path, text)
    assert mistake.startswith("SF0203 specs/a.toml:4:")
    assert f"{shown_as}, which is not of the right form" in mistake
