import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.making import listed, sha256
from reconciler.assets.published import ProjectFiles
from reconciler.domain.errors import FileInTheWayError, RefusedError, StateError
from reconciler.domain.observed import FileFact
from reconciler.domain.recorded import FileStat


def publish(files: ProjectFiles, root: Path, path: str, data: bytes) -> FileFact:
    source = root.parent / "stored"
    source.unlink(missing_ok=True)
    source.write_bytes(data)
    source.chmod(0o444)
    return files.publish(source, path, sha256=sha256(data))


def stat_of(file: Path) -> FileStat:
    found = file.lstat()
    return FileStat(bytes=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino)


def test_a_published_file_is_a_copy_that_its_user_may_write(
    files: ProjectFiles, root: Path
) -> None:
    umask = os.umask(0o027)
    try:
        fact = publish(files, root, "videos/ads/street.mp4", b"street")
    finally:
        os.umask(umask)
    file = root / "videos/ads/street.mp4"
    assert file.read_bytes() == b"street"
    assert fact == FileFact(stat=stat_of(file), sha256=sha256(b"street"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o750
    assert file.stat().st_nlink == 1
    assert listed(file.parent) == ["street.mp4"]


def test_publishing_again_replaces_the_file_at_once(files: ProjectFiles, root: Path) -> None:
    publish(files, root, "a.mp4", b"old")
    with (root / "a.mp4").open("rb") as reader:
        publish(files, root, "a.mp4", b"new")
        assert reader.read() == b"old"
    assert (root / "a.mp4").read_bytes() == b"new"


def test_a_large_file_is_published_whole(files: ProjectFiles, root: Path) -> None:
    data = os.urandom(3 << 20) + b"end"
    publish(files, root, "a.mp4", data)
    assert files.read("a.mp4") == FileFact(stat=stat_of(root / "a.mp4"), sha256=sha256(data))


def test_what_is_not_stored_is_not_published(files: ProjectFiles, root: Path) -> None:
    publish(files, root, "a.mp4", b"old")
    with pytest.raises(StateError, match=r"a\.mp4 cannot be published"):
        files.publish(root / "nothing", "a.mp4", sha256=sha256(b""))
    assert listed(root) == ["a.mp4"]
    assert (root / "a.mp4").read_bytes() == b"old"


def test_looking_reads_nothing_and_tells_of_everything(files: ProjectFiles, root: Path) -> None:
    fact = publish(files, root, "a.mp4", b"a")
    assert files.look("a.mp4") == FileFact(stat=fact.stat)
    assert files.look("b.mp4") is None
    assert files.look("a.mp4/b.mp4") is None
    assert files.look("none/b.mp4") is None


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe"])
def test_what_is_no_file_is_told_without_a_digest_and_left_alone(
    files: ProjectFiles, root: Path, kind: str
) -> None:
    place, outside = root / "a.mp4", root.parent / "outside"
    outside.write_bytes(b"precious")
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(outside if kind == "link" else root / "nowhere")
    before = place.lstat()

    assert files.look("a.mp4") == FileFact(stat=stat_of(place))
    assert files.read("a.mp4") == FileFact(stat=stat_of(place))
    with pytest.raises(FileInTheWayError, match="sorafile did not write it"):
        publish(files, root, "a.mp4", b"new")
    with pytest.raises(FileInTheWayError):
        files.set_aside("a.mp4")
    with pytest.raises(FileInTheWayError):
        files.remove("a.mp4")
    with pytest.raises(FileInTheWayError):
        files.move("a.mp4", "b.mp4")
    publish(files, root, "c.mp4", b"c")
    with pytest.raises(FileInTheWayError):
        files.move("c.mp4", "a.mp4")

    assert (place.lstat().st_ino, place.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert outside.read_bytes() == b"precious"
    assert listed(root) == ["a.mp4", "c.mp4"]


@pytest.mark.parametrize(
    "path",
    ["../outside.mp4", "videos/../../outside.mp4", "out/a.mp4", "loop/a.mp4", "", ".", "..",
     "videos/..", "a\0b", "/outside.mp4"],
)  # fmt: skip
def test_no_path_leads_out_of_the_project(files: ProjectFiles, root: Path, path: str) -> None:
    outside = root.parent / "elsewhere"
    outside.mkdir()
    (outside / "a.mp4").write_bytes(b"precious")
    (root / "out").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    publish(files, root, "mine.mp4", b"mine")
    for act in (files.locate, files.look, files.read, files.set_aside, files.remove):
        with pytest.raises(RefusedError):
            act(path)
    with pytest.raises(RefusedError):
        publish(files, root, path, b"new")
    with pytest.raises(RefusedError):
        files.move("mine.mp4", path)
    with pytest.raises(RefusedError):
        files.move(path, "new.mp4")
    assert (outside / "a.mp4").read_bytes() == b"precious"
    assert listed(root.parent) == ["elsewhere", "project", "stored"]
    assert listed(root) == ["loop", "mine.mp4", "out"]


def test_an_absolute_path_into_the_project_is_no_path_of_it(
    files: ProjectFiles, root: Path
) -> None:
    publish(files, root, "a.mp4", b"a")
    with pytest.raises(RefusedError):
        files.remove(str(root / "a.mp4"))
    assert (root / "a.mp4").exists()


def test_a_project_behind_a_link_is_a_project(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    publish(ProjectFiles(link), root, "a.mp4", b"a")
    assert (root / "a.mp4").read_bytes() == b"a"


def test_a_folder_linked_within_the_project_is_followed_and_kept(
    files: ProjectFiles, root: Path
) -> None:
    (root / "large").mkdir()
    (root / "videos").symlink_to("large")
    publish(files, root, "videos/ads/a.mp4", b"a")
    assert files.locate("videos/ads/a.mp4") == root / "large/ads/a.mp4"
    assert (root / "large/ads/a.mp4").read_bytes() == b"a"
    files.remove("videos/ads/a.mp4")
    assert listed(root / "large") == []
    assert (root / "videos").is_symlink()


def test_a_file_in_place_of_a_folder_is_in_the_way(files: ProjectFiles, root: Path) -> None:
    (root / "videos").write_bytes(b"mine")
    with pytest.raises(FileInTheWayError, match="where its folder should be"):
        publish(files, root, "videos/a.mp4", b"a")
    with pytest.raises(FileInTheWayError, match="where its folder should be"):
        publish(files, root, "videos/ads/a.mp4", b"a")
    assert (root / "videos").read_bytes() == b"mine"


def test_a_reference_is_read_also_behind_a_link_within_the_project(
    files: ProjectFiles, root: Path
) -> None:
    (root / "hero.png").write_bytes(b"png")
    (root / "link.png").symlink_to("hero.png")
    (root / "out.png").symlink_to(root.parent)
    assert files.read_bytes("hero.png") == b"png"
    assert files.read_bytes("link.png") == b"png"
    for path in ("out.png", "../hero.png", "a\0b", "/etc/hostname"):
        with pytest.raises(RefusedError):
            files.read_bytes(path)
    with pytest.raises(StateError):
        files.read_bytes("nothing.png")
    (root / "folder.png").mkdir()
    with pytest.raises(StateError, match="not a file"):
        files.read_bytes("folder.png")


@pytest.mark.parametrize(
    ("path", "aside"),
    [
        ("videos/street.mp4", "videos/street.local-{}.mp4"),
        ("street", "street.local-{}"),
        ("a.b.mp4", "a.b.local-{}.mp4"),
    ],
)
def test_an_altered_file_is_kept_beside(
    files: ProjectFiles, root: Path, path: str, aside: str
) -> None:
    publish(files, root, path, b"ours")
    (root / path).write_bytes(b"theirs")
    found = files.set_aside(path)
    assert found == aside.format(sha256(b"theirs")[:8])
    assert (root / found).read_bytes() == b"theirs"
    assert not (root / path).exists()


def test_setting_aside_overwrites_nothing_and_doubles_nothing(
    files: ProjectFiles, root: Path
) -> None:
    name = f"a.local-{sha256(b'theirs')[:8]}"
    (root / f"{name}.mp4").write_bytes(b"something else")
    for expected in (f"{name}-2.mp4", f"{name}-2.mp4"):
        (root / "a.mp4").write_bytes(b"theirs")
        assert files.set_aside("a.mp4") == expected
    (root / f"{name}-2.mp4").unlink()
    (root / f"{name}-2.mp4").symlink_to("nowhere")
    (root / "a.mp4").write_bytes(b"theirs")
    assert files.set_aside("a.mp4") == f"{name}-3.mp4"
    assert (root / f"{name}.mp4").read_bytes() == b"something else"
    assert len(listed(root)) == 3


def test_nothing_cannot_be_set_aside(files: ProjectFiles) -> None:
    with pytest.raises(StateError, match="not there any more"):
        files.set_aside("a.mp4")


def test_a_moved_file_keeps_its_stat_and_its_empty_folders_go(
    files: ProjectFiles, root: Path
) -> None:
    fact = publish(files, root, "videos/ads/a.mp4", b"a")
    files.move("videos/ads/a.mp4", "films/b.mp4")
    assert files.look("films/b.mp4") == FileFact(stat=fact.stat)
    assert listed(root) == ["films"]
    assert listed(root / "films") == ["b.mp4"]


def test_moving_overwrites_nothing(files: ProjectFiles, root: Path) -> None:
    publish(files, root, "a.mp4", b"a")
    publish(files, root, "b.mp4", b"b")
    with pytest.raises(FileInTheWayError, match=r"b\.mp4: something lies there already"):
        files.move("a.mp4", "b.mp4")
    assert (root / "a.mp4").read_bytes() == b"a"
    assert (root / "b.mp4").read_bytes() == b"b"


def test_a_move_that_was_killed_half_way_is_finished(files: ProjectFiles, root: Path) -> None:
    publish(files, root, "a.mp4", b"a")
    (root / "b.mp4").hardlink_to(root / "a.mp4")
    files.move("a.mp4", "b.mp4")
    assert listed(root) == ["b.mp4"]
    assert (root / "b.mp4").read_bytes() == b"a"


def test_a_move_to_the_same_path_changes_nothing(files: ProjectFiles, root: Path) -> None:
    publish(files, root, "a.mp4", b"a")
    files.move("a.mp4", "./a.mp4")
    assert (root / "a.mp4").read_bytes() == b"a"


def test_a_move_of_nothing_makes_nothing(files: ProjectFiles, root: Path) -> None:
    with pytest.raises(StateError, match="not there any more"):
        files.move("a.mp4", "films/b.mp4")
    assert listed(root) == []


def test_removing_takes_empty_folders_along_and_no_others(files: ProjectFiles, root: Path) -> None:
    for path in ("videos/ads/a.mp4", "videos/b.mp4"):
        publish(files, root, path, b"a")
    (root / "videos/notes.txt").write_text("mine")
    files.remove("videos/ads/a.mp4")
    assert listed(root / "videos") == ["b.mp4", "notes.txt"]
    files.remove("videos/b.mp4")
    assert listed(root / "videos") == ["notes.txt"]
    files.remove("videos/b.mp4")
    files.remove("none/at/all.mp4")
    publish(files, root, "top.mp4", b"a")
    files.remove("top.mp4")
    assert listed(root) == ["videos"]


def test_the_project_folder_stays(files: ProjectFiles, root: Path) -> None:
    publish(files, root, "videos/a.mp4", b"a")
    files.remove("videos/a.mp4")
    assert listed(root) == []


names = st.sampled_from(["a.mp4", "b.mp4", "v/a.mp4", "v/w/b.mp4"])
steps = st.lists(
    st.tuples(st.just("publish"), names, st.binary(max_size=3))
    | st.tuples(st.just("move"), names, names)
    | st.tuples(st.just("remove"), names, st.none()),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_any_row_of_steps_ends_where_a_mapping_would(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, str, bytes | str | None]],
) -> None:
    root = tmp_path_factory.mktemp("steps") / "project"
    root.mkdir()
    files, expected = ProjectFiles(root), dict[str, bytes]()
    for act, path, what in steps:
        if isinstance(what, bytes):
            publish(files, root, path, what)
            expected[path] = what
        elif act == "remove":
            files.remove(path)
            expected.pop(path, None)
        elif isinstance(what, str) and path != what:
            if path in expected and what not in expected:
                files.move(path, what)
                expected[what] = expected.pop(path)
            else:
                with pytest.raises((FileInTheWayError, StateError)):
                    files.move(path, what)
    found = [each for each in root.rglob("*") if each.is_file()]
    assert {str(each.relative_to(root)): each.read_bytes() for each in found} == expected
    assert all(any(each.iterdir()) for each in root.rglob("*") if each.is_dir())
