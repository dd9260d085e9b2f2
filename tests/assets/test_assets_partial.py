import os
import resource
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assets.making import a_generation, a_picture, sha256
from disks import small_disk
from reconciler.assets.partial import FolderPartial
from reconciler.assets.store import FolderStore
from reconciler.domain.errors import BadAssetError, LockedError, StateError
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Asset


def a_partial(store: FolderStore, variant: Variant = Variant.VIDEO) -> FolderPartial:
    return store.partial(a_generation(), variant)


def leave(store: FolderStore, data: bytes, *, etag: str | None = "tag") -> None:
    """Download a part, and be interrupted."""
    partial = a_partial(store)
    partial.begin(offset=0, etag=etag)
    partial.write(data)
    partial.close()


def put(partial: FolderPartial, data: bytes | None = None) -> Asset:
    """Put all that came into the store; `data` is what it should be."""
    asset = partial.finish(bytes_total=None if data is None else len(data))
    partial.move_in(asset)
    partial.close()
    return asset


def every_file(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


def test_a_whole_download_lies_in_the_store_by_its_content(
    store: FolderStore, folder: Path, clip: bytes
) -> None:
    partial = a_partial(store)
    partial.begin(offset=0, etag=None)
    for at in range(0, len(clip), 700):
        partial.write(clip[at : at + 700])
        assert partial.offset == min(at + 700, len(clip))
    asset = put(partial, clip)
    assert (asset.sha256, asset.bytes, asset.media_type) == (sha256(clip), len(clip), "video/mp4")
    assert (asset.width, asset.height, asset.duration_s) == (64, 48, 0.5)
    stored = store.path(asset.sha256)
    assert stored.read_bytes() == clip
    assert stat.S_IMODE(stored.stat().st_mode) == 0o444
    assert every_file(folder) == {f"bytes/{asset.sha256[:2]}/{asset.sha256}"}
    for each in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700


def test_looking_at_a_download_creates_nothing(store: FolderStore, folder: Path) -> None:
    partial = a_partial(store)
    assert (partial.offset, partial.etag) == (0, None)
    partial.restart()
    partial.close()
    assert not folder.exists()


def test_equal_bytes_of_two_jobs_are_stored_once(
    store: FolderStore, folder: Path, clip: bytes
) -> None:
    for number in range(2):
        partial = store.partial(
            a_generation(f"video_{number}", identity=f"g{number}"), Variant.VIDEO
        )
        partial.begin(offset=0, etag=None)
        partial.write(clip)
        put(partial)
    assert every_file(folder) == {f"bytes/{sha256(clip)[:2]}/{sha256(clip)}"}


def test_a_download_mends_stored_bytes_that_were_altered(store: FolderStore, clip: bytes) -> None:
    for _ in range(2):
        partial = a_partial(store)
        partial.begin(offset=0, etag=None)
        partial.write(clip)
        asset = put(partial, clip)
        assert store.is_intact(asset)
        store.path(asset.sha256).chmod(0o644)
        store.path(asset.sha256).write_bytes(bytes(len(clip)))
        assert store.is_whole(asset)
        assert not store.is_intact(asset)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_resume_from_any_offset_gives_the_same_asset(clip: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(clip)), max_size=4)))
    with tempfile.TemporaryDirectory() as place:
        store = FolderStore(Path(place))
        for cut in cuts:
            partial = a_partial(store)
            partial.begin(offset=partial.offset, etag="tag")
            partial.write(clip[partial.offset : cut])
            partial.close()
        partial = a_partial(store)
        assert partial.offset == (cuts[-1] if cuts else 0)
        partial.begin(offset=partial.offset, etag="tag")
        partial.write(clip[partial.offset :])
        assert put(partial, clip).sha256 == sha256(clip)
        assert store.path(sha256(clip)).read_bytes() == clip


@settings(max_examples=30, deadline=None)
@given(offset=st.integers(1, 400), first=st.sampled_from(["a", None]))
@example(offset=100, first="a")
def test_bytes_of_another_file_are_not_joined(offset: int, first: str | None) -> None:
    with tempfile.TemporaryDirectory() as place:
        store = FolderStore(Path(place))
        leave(store, bytes(100), etag=first)
        partial = a_partial(store)
        with pytest.raises(BadAssetError):
            partial.begin(offset=offset, etag="b")
        assert (partial.offset, partial.etag) == (0, None)
        assert every_file(Path(place)) == set()


def test_a_server_that_does_not_resume_begins_again(store: FolderStore, clip: bytes) -> None:
    leave(store, b"x" * 5000)
    partial = a_partial(store)
    assert (partial.offset, partial.etag) == (5000, "tag")
    partial.begin(offset=0, etag="new")
    assert (partial.offset, partial.etag) == (0, "new")
    partial.write(clip[:1000])
    partial.close()
    assert (a_partial(store).offset, a_partial(store).etag) == (1000, "new")


def test_an_answer_without_a_tag_goes_on_with_what_was_asked_for(
    store: FolderStore, clip: bytes
) -> None:
    leave(store, clip[:1000])
    partial = a_partial(store)
    partial.begin(offset=1000, etag=None)
    partial.write(clip[1000:])
    assert put(partial, clip).sha256 == sha256(clip)


def test_a_broken_connection_is_gone_on_with_by_the_same_run(
    store: FolderStore, clip: bytes
) -> None:
    partial = a_partial(store)
    partial.begin(offset=0, etag="tag")
    partial.write(clip[:1000])
    partial.begin(offset=1000, etag="tag")
    partial.write(clip[1000:])
    assert put(partial, clip).sha256 == sha256(clip)


def test_a_download_that_was_killed_before_its_end_was_told_can_be_finished(
    store: FolderStore, clip: bytes
) -> None:
    leave(store, clip)
    assert put(a_partial(store)).sha256 == sha256(clip)


def test_what_was_finished_is_in_the_store_before_it_is_moved_in(
    store: FolderStore, folder: Path, clip: bytes
) -> None:
    leave(store, b"another", etag="tag")
    other = store.partial(a_generation("video_2", identity="g2"), Variant.VIDEO)
    other.begin(offset=0, etag=None)
    other.write(clip)
    asset = other.finish(bytes_total=len(clip))
    assert store.is_whole(asset)
    assert store.is_intact(asset)
    store.move_in(asset)  # another process, while this one is about to: it is left to do it
    assert not store.path(asset.sha256).exists()
    other.close()  # killed

    store.move_in(asset)
    assert store.path(asset.sha256).read_bytes() == clip
    assert stat.S_IMODE(store.path(asset.sha256).stat().st_mode) == 0o444
    store.move_in(asset)
    assert every_file(folder) == {
        f"bytes/{asset.sha256[:2]}/{asset.sha256}",
        "partial/g1.video",
        "partial/g1.video.json",
    }


def test_a_download_of_other_bytes_of_that_length_is_not_what_was_finished(
    store: FolderStore, clip: bytes
) -> None:
    leave(store, clip)
    partial = a_partial(store)
    asset = partial.finish(bytes_total=len(clip))
    partial.close()
    (store.path(asset.sha256).parents[2] / "partial" / "g1.video").write_bytes(bytes(len(clip)))
    assert not store.is_whole(asset)
    store.move_in(asset)
    assert not store.path(asset.sha256).exists()


@pytest.mark.parametrize("field", ["remote_id", "boot", "etag"])
def test_bytes_that_belong_to_something_else_are_not_built_upon(
    store: FolderStore, folder: Path, field: str
) -> None:
    leave(store, bytes(100), etag="tag")
    mark = folder / "partial" / "g1.video.json"
    text = mark.read_text().replace(f'"{field}":"', f'"{field}":"other')
    mark.chmod(0o600)
    mark.write_text(text if field != "etag" else text[:-5])
    assert a_partial(store).offset == 0


def test_bytes_without_a_mark_are_not_built_upon(store: FolderStore, folder: Path) -> None:
    leave(store, bytes(100))
    (folder / "partial" / "g1.video.json").unlink()
    assert a_partial(store).offset == 0


def test_a_link_in_place_of_a_download_is_not_written_through(
    store: FolderStore, folder: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    leave(store, bytes(100))
    (folder / "partial" / "g1.video").unlink()
    (folder / "partial" / "g1.video").symlink_to(precious)
    partial = a_partial(store)
    assert partial.offset == 0
    with pytest.raises(StateError):
        partial.begin(offset=0, etag=None)
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize("total", [-1, 1])
def test_a_wrong_length_is_thrown_away(
    store: FolderStore, folder: Path, clip: bytes, total: int
) -> None:
    partial = a_partial(store)
    partial.begin(offset=0, etag="tag")
    partial.write(clip)
    with pytest.raises(BadAssetError, match=f"the video of job video_1: {len(clip)} bytes came of"):
        partial.finish(bytes_total=len(clip) + total)
    assert partial.offset == 0
    assert every_file(folder) == set()


@pytest.mark.parametrize(
    ("body", "variant", "told"),
    [
        (b'{"error": "expired"}', Variant.VIDEO, "JSON"),
        (b"", Variant.VIDEO, "no bytes"),
        (a_picture("PNG"), Variant.VIDEO, "where the video was asked for"),
        (a_picture("WEBP")[:-40], Variant.THUMBNAIL, "cut or corrupt"),
    ],
)
def test_what_is_no_such_asset_is_thrown_away(
    store: FolderStore, folder: Path, body: bytes, variant: Variant, told: str
) -> None:
    partial = a_partial(store, variant)
    partial.begin(offset=0, etag=None)
    partial.write(body)
    with pytest.raises(BadAssetError, match=told) as raised:
        partial.finish(bytes_total=len(body))
    assert raised.value.fix
    assert every_file(folder) == set()


def test_an_mp4_for_a_thumbnail_is_told(store: FolderStore, clip: bytes) -> None:
    partial = a_partial(store, Variant.THUMBNAIL)
    partial.begin(offset=0, etag=None)
    partial.write(clip)
    with pytest.raises(BadAssetError, match="video/mp4 where the thumbnail was asked for"):
        partial.finish(bytes_total=len(clip))


def test_a_spritesheet_is_a_picture(store: FolderStore) -> None:
    data = a_picture("JPEG")
    partial = a_partial(store, Variant.SPRITESHEET)
    partial.begin(offset=0, etag=None)
    partial.write(data)
    asset = put(partial, data)
    assert (asset.media_type, asset.width, asset.duration_s) == ("image/jpeg", 40, None)


def test_two_runs_do_not_write_into_one_download(store: FolderStore, clip: bytes) -> None:
    first, second = a_partial(store), a_partial(store)
    first.begin(offset=0, etag="tag")
    first.write(clip[:100])
    with pytest.raises(LockedError):
        second.begin(offset=0, etag="tag")
    with pytest.raises(LockedError):
        second.restart()
    first.write(clip[100:])
    asset = put(first, clip)
    assert store.is_intact(asset)
    second.begin(offset=0, etag="tag")
    assert store.is_intact(asset)
    second.close()


def test_bytes_before_the_begin_are_a_mistake_of_the_caller(store: FolderStore) -> None:
    with pytest.raises(ValueError, match="begin"):
        a_partial(store).write(b"x")


@pytest.fixture
def small_place(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", "64k") as disk:
        yield disk.place


def test_a_full_disk_keeps_what_came(small_place: Path, clip: bytes) -> None:
    store = FolderStore(small_place / "assets")
    ballast = small_place / "ballast"
    ballast.write_bytes(bytes(48 << 10))
    stuffed = clip + (b"\0\0\x80\0free" + bytes(0x8000 - 8))
    partial = a_partial(store)
    partial.begin(offset=0, etag="tag")
    with pytest.raises(StateError, match="the disk is full") as raised:
        partial.write(stuffed)
    partial.close()
    assert raised.value.fix is not None
    assert "Free some space" in raised.value.fix

    ballast.unlink()
    again = a_partial(store)
    assert 0 < again.offset < len(stuffed)
    again.begin(offset=again.offset, etag="tag")
    again.write(stuffed[again.offset :])
    assert put(again, stuffed).sha256 == sha256(stuffed)


def test_a_limit_on_the_length_of_files_keeps_what_came(store: FolderStore, clip: bytes) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    partial = a_partial(store)
    partial.begin(offset=0, etag="tag")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StateError, match="no file may grow so large"):
            partial.write(clip)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert partial.offset == 1000
    partial.write(clip[1000:])
    assert put(partial, clip).sha256 == sha256(clip)


KILLED = """
import sys
from pathlib import Path
from assets.making import a_generation
from reconciler.assets.store import FolderStore
from reconciler.domain.profile import Variant

partial = FolderStore(Path(sys.argv[1])).partial(a_generation(), Variant.VIDEO)
data = sys.stdin.buffer.read()
partial.begin(offset=0, etag="tag")
for at in range(0, len(data), 100):
    partial.write(data[at : at + 100])
    print(partial.offset, flush=True)
sys.stdin.close()
while True:
    pass
"""


def test_a_killed_download_is_resumed(store: FolderStore, folder: Path, clip: bytes) -> None:
    tests = Path(__file__).parents[1]
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        child.stdin.write(clip[:1500])
        child.stdin.close()
        said = [int(line) for line in iter(child.stdout.readline, b"1500\n")]
        child.kill()
    assert said[-1] == 1400
    partial = a_partial(store)
    assert (partial.offset, partial.etag) == (1500, "tag")
    partial.begin(offset=1500, etag="tag")
    partial.write(clip[1500:])
    assert put(partial, clip).sha256 == sha256(clip)
