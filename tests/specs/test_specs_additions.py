"""The tables that `import` writes, and where it can."""

from pathlib import Path

import pytest
import tomli

from reconciler.domain.address import Address
from reconciler.domain.blocks import ImportBlock
from reconciler.domain.drafts import Draft, Drafts, Usual
from reconciler.specs.additions import CannotAddError, added, toml_of
from reconciler.specs.folder import ProjectFolder
from specs.checking import write

USUAL = {"studio": Usual(provider="studio", model="sora-2", seconds=None, size="720x1280")}
PLAIN = Draft(
    name="harbour",
    provider="studio",
    prompt="A harbour",
    model="sora-2",
    seconds=4,
    size="1280x720",
    remix_of=None,
    jobs=("video_1", "video_2"),
)
REMIX = Draft(
    name="fog",
    provider="studio",
    prompt='"Fog"\nfor ${nobody}, \\\n"""so"""',
    model=None,
    seconds=None,
    size=None,
    remix_of=Address("harbour", ("2",)),
    jobs=("video_3",),
)
WRITTEN = '''\
[[import]]
to = "street"
id = "video_0"

[video.harbour]
prompt  = "A harbour"
seconds = 4
size    = "1280x720"
takes   = 2

[[import]]
to = "harbour[1]"
id = "video_1"

[[import]]
to = "harbour[2]"
id = "video_2"

[video.fog]
prompt = """
"Fog"
for $${nobody}, \\\\
""\\"so""\\"
"""
remix_of = "harbour[2]"

[[import]]
to = "fog"
id = "video_3"
'''


def test_each_video_stands_above_its_jobs_and_says_what_is_not_usual() -> None:
    taken = ImportBlock(target=Address("street"), remote_id="video_0")
    assert toml_of(Drafts(videos=(PLAIN, REMIX), imports=(taken,)), USUAL) == WRITTEN


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[a]\nb = 1\n"),
        ("x = 1", "x = 1\n\n[a]\nb = 1\n"),
        ("x = 1\n", "x = 1\n\n[a]\nb = 1\n"),
        ("x = 1\n\n", "x = 1\n\n[a]\nb = 1\n"),
        ("# x\r\n", "# x\r\n\r\n[a]\r\nb = 1\r\n"),
        ("\ufeff", "\ufeff[a]\nb = 1\n"),
    ],
)
def test_what_is_added_comes_behind_all_that_is_there(before: str, after: str) -> None:
    assert added("specs/a.toml", before, "[a]\nb = 1\n") == after


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ('import = [{ to = "a", id = "b" }]\n', "its `import` is written as one array"),
        ('video = { a = { prompt = "A" } }\n', "its `video` is written as one value"),
    ],
)
def test_a_file_that_takes_no_table_is_refused(before: str, told: str) -> None:
    with pytest.raises(CannotAddError, match=told):
        added("specs/a.toml", before, WRITTEN)


def test_tables_by_dotted_keys_are_no_hindrance() -> None:
    whole = added("specs/a.toml", 'video.a.prompt = "A"\n', WRITTEN)
    assert set(tomli.loads(whole)["video"]) == {"a", "harbour", "fog"}


@pytest.mark.parametrize(
    "entry", ["specs", "sp*", "specs/*.toml", "**/new.toml", ".", "specs/a.toml"]
)
@pytest.mark.parametrize(
    "file",
    [
        "specs/new.toml",
        "specs/deep/new.toml",
        "specs/.new.toml",
        "specs/.d/new.toml",
        "new.toml",
        "specs/a.toml",
        "specs/new.txt",
        "sorafile.toml",
    ],
)
def test_where_a_spec_file_would_be_found(tmp_path: Path, entry: str, file: str) -> None:
    folder = ProjectFolder(tmp_path)
    expected = folder.would_find(entry, file)
    write(tmp_path, {file: ""})
    assert expected == (file in {found for found, _ in folder.spec_files(entry)})
