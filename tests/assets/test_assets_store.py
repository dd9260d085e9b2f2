import json
import os
import stat
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.making import MADE_AT, a_sidecar, an_asset, sha256
from reconciler.assets.store import FolderStore
from reconciler.domain.errors import BadAssetError, StateError
from reconciler.domain.observed import Sidecar, SidecarReading
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Parent, Recipe, RecipeDigest, Reference, Sha256
from reconciler.domain.recorded import Asset


def put(store: FolderStore, data: bytes, variant: Variant = Variant.VIDEO) -> Asset:
    """Store these bytes, whatever they are."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        asset = an_asset(data, variant)
        store.take_back(Path(file.name), asset)
    return asset


def sidecar_file(folder: Path) -> Path:
    (found,) = (folder / "recipes").glob("*/*.json")
    return found


def test_reading_creates_nothing(store: FolderStore, folder: Path) -> None:
    asset, sidecar = an_asset(b"x"), a_sidecar()
    assert not store.is_whole(asset)
    assert not store.is_intact(asset)
    assert store.read_sidecars([sidecar.digest]) == SidecarReading()
    assert not folder.parent.exists()


def test_what_is_taken_back_lies_there_by_its_content(
    store: FolderStore, folder: Path, tmp_path: Path, clip: bytes
) -> None:
    (tmp_path / "published.mp4").write_bytes(clip)
    asset = an_asset(clip)
    store.take_back(tmp_path / "published.mp4", asset)
    assert store.is_whole(asset)
    assert store.is_intact(asset)
    assert store.path(asset.sha256).read_bytes() == clip
    assert stat.S_IMODE(store.path(asset.sha256).stat().st_mode) == 0o444
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_other_bytes_are_not_taken_back(
    store: FolderStore, tmp_path: Path, clip: bytes, other_clip: bytes
) -> None:
    file = tmp_path / "published.mp4"
    file.write_bytes(other_clip)
    with pytest.raises(BadAssetError, match="does not hold"):
        store.take_back(file, an_asset(clip))
    assert not store.is_whole(an_asset(clip))
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [file]


def test_a_link_is_not_taken_back(store: FolderStore, tmp_path: Path, clip: bytes) -> None:
    (tmp_path / "elsewhere").write_bytes(clip)
    (tmp_path / "published.mp4").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadAssetError, match="not a regular file"):
        store.take_back(tmp_path / "published.mp4", an_asset(clip))


def test_a_file_that_went_away_is_told(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be taken back"):
        store.take_back(tmp_path / "nothing.mp4", an_asset(b"x"))


def test_a_cut_file_is_not_whole_and_an_altered_one_not_intact(store: FolderStore) -> None:
    asset = put(store, b"the very bytes")
    stored = store.path(asset.sha256)
    stored.chmod(0o644)
    stored.write_bytes(b"THE very bytes")
    assert store.is_whole(asset)
    assert not store.is_intact(asset)
    stored.write_bytes(b"the very byte")
    assert not store.is_whole(asset)
    assert not store.is_intact(asset)


def test_all_bytes_of_an_asset_are_read_or_none(store: FolderStore) -> None:
    asset = put(store, b"a video")
    assert store.read(asset) == b"a video"
    stored = store.path(asset.sha256)
    stored.chmod(0o644)
    stored.write_bytes(b"another")
    with pytest.raises(BadAssetError, match="is damaged"):
        store.read(asset)
    stored.unlink()
    with pytest.raises(BadAssetError, match="or missing"):
        store.read(asset)


def test_a_folder_or_a_link_in_place_of_bytes_is_not_whole(
    store: FolderStore, tmp_path: Path
) -> None:
    asset = put(store, b"bytes")
    stored = store.path(asset.sha256)
    stored.rename(tmp_path / "bytes")
    stored.symlink_to(tmp_path / "bytes")
    assert not store.is_whole(asset)
    assert not store.is_intact(asset)


def test_a_store_that_cannot_be_looked_into_is_not_an_empty_one(
    store: FolderStore, folder: Path
) -> None:
    asset = put(store, b"bytes")
    shard = store.path(asset.sha256).parent
    for each in shard.iterdir():
        each.unlink()
    shard.rmdir()
    shard.symlink_to(shard)  # a loop: an error to root as well, where a mode would not be
    with pytest.raises(StateError, match="cannot be read"):
        store.is_whole(asset)


def told_by(store: FolderStore, *sidecars: Sidecar) -> tuple[Sidecar, ...]:
    """What the store tells of the recipes of some sidecars, all of it readable."""
    reading = store.read_sidecars([each.digest for each in sidecars])
    assert reading.unreadable == ()
    return reading.sidecars


def test_a_sidecar_comes_back_whether_its_assets_are_here_or_not(store: FolderStore) -> None:
    sidecar = a_sidecar(put(store, b"video"), an_asset(b"thumbnail", Variant.THUMBNAIL))
    store.write_sidecar(sidecar)
    assert told_by(store, sidecar) == (sidecar,)


def test_only_the_recipes_asked_for_come_back(store: FolderStore) -> None:
    video = put(store, b"video")
    cat, dog = a_sidecar(video), a_sidecar(video, prompt="a dog", remote_id="video_2")
    store.write_sidecar(cat)
    store.write_sidecar(dog)
    assert told_by(store, dog) == (dog,)
    assert set(told_by(store, dog, cat)) == {dog, cat}
    assert told_by(store) == ()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_all_generations_of_a_recipe_come_back(store: FolderStore, order: tuple[int, ...]) -> None:
    video = put(store, b"video")
    twins = [a_sidecar(video, remote_id=name) for name in ("one", "two", "three")]
    for number in order:
        store.write_sidecar(twins[number])
    assert {each.remote_id for each in told_by(store, *twins)} == {"one", "two", "three"}


@pytest.mark.parametrize("above", [False, True])
def test_a_store_behind_a_link_to_what_is_away_is_not_an_empty_one(
    store: FolderStore, folder: Path, tmp_path: Path, above: bool
) -> None:
    away = folder.parent if above else folder
    away.parent.mkdir(exist_ok=True)
    away.symlink_to(tmp_path / "unmounted")
    with pytest.raises(StateError, match="unmounted"):
        store.is_whole(an_asset(b"x"))
    with pytest.raises(StateError, match="unmounted"):
        store.read_sidecars([a_sidecar().digest])


def test_every_sidecar_is_told_of_with_what_is_left_of_its_assets(
    store: FolderStore, folder: Path
) -> None:
    assert store.every_sidecar() == ()
    assert not folder.parent.exists()
    whole = a_sidecar(put(store, b"video"))
    bare = a_sidecar(an_asset(b"gone"), remote_id="video_2")
    other = a_sidecar(put(store, b"other"), prompt="a dog", remote_id="video_3")
    for sidecar in (other, bare, whole):
        store.write_sidecar(sidecar)
    for stray in ("0" * 64, "notes"):
        (folder / "recipes" / stray).mkdir()
        (folder / "recipes" / stray / "x.json").write_text("{}")
    told = store.every_sidecar()
    assert sorted(told, key=lambda each: each.remote_id) == [
        whole,
        replace(bare, assets=()),
        other,
    ]
    assert [each.digest for each in told] == sorted(each.digest for each in told)


def test_a_sidecar_is_completed_and_keeps_what_only_it_knows(store: FolderStore) -> None:
    video, thumbnail = put(store, b"video"), put(store, b"thumbnail", Variant.THUMBNAIL)
    store.write_sidecar(a_sidecar(thumbnail))
    store.write_sidecar(replace(a_sidecar(video, completed_at=None), cost_usd=None))
    (told,) = told_by(store, a_sidecar())
    assert set(told.assets) == {video, thumbnail}
    assert (told.completed_at, told.cost_usd) == (MADE_AT, Decimal("0.40"))


def test_a_sidecar_takes_the_place_of_what_it_said_before(store: FolderStore) -> None:
    store.write_sidecar(a_sidecar(put(store, b"old")))
    new = replace(a_sidecar(put(store, b"new")), cost_usd=Decimal(0))
    store.write_sidecar(new)
    assert told_by(store, new) == (new,)


def test_an_unchanged_sidecar_is_not_written_again(store: FolderStore, folder: Path) -> None:
    store.write_sidecar(a_sidecar())
    before = sidecar_file(folder).stat()
    store.write_sidecar(a_sidecar())
    assert sidecar_file(folder).stat().st_ino == before.st_ino
    assert stat.S_IMODE(before.st_mode) == 0o444


def damaged(text: str) -> dict[str, bytes]:
    form = json.loads(text)
    recipe = json.loads(form["recipe"])
    deep = "[" * 100_000
    return {
        "empty": b"",
        "cut": text.encode()[:-20],
        "zeros": bytes(len(text)),
        "no object": b"[]",
        "newer": json.dumps(form | {"format_version": 2}).encode(),
        "another recipe": json.dumps(
            form | {"recipe": json.dumps(recipe | {"prompt": "a dog"})}
        ).encode(),
        "another digest": json.dumps(form | {"digest": "sha256:" + "0" * 64}).encode(),
        "a path for a digest": text.replace(sha256(b"video"), "../" * 21 + "x").encode(),
        "local times": text.replace("Z", "").encode(),
        "deep": deep.encode(),
        "not unicode": text.replace("video_1", "\udcff").encode(errors="surrogateescape"),
        "too large": text.encode() + b" " * (5 << 20),
    }


@pytest.mark.parametrize("how", damaged(json.dumps({"recipe": "{}"})))
def test_a_damaged_sidecar_is_passed_over_told_and_set_aside(
    store: FolderStore, folder: Path, how: str
) -> None:
    sidecar = a_sidecar(put(store, b"video"))
    store.write_sidecar(sidecar)
    file = sidecar_file(folder)
    body = damaged(file.read_text())[how]
    file.unlink()
    file.write_bytes(body)

    reading = store.read_sidecars([sidecar.digest])
    assert reading.sidecars == ()
    (found,) = reading.unreadable
    assert (found.digest, found.path) == (sidecar.digest, str(file))
    assert found.why
    assert file.read_bytes() == body

    store.write_sidecar(sidecar)
    assert told_by(store, sidecar) == (sidecar,)
    (aside,) = file.parent.glob("*.damaged-*")
    assert aside.read_bytes() == body


def test_what_is_no_file_in_place_of_a_sidecar_is_passed_over(
    store: FolderStore, folder: Path, tmp_path: Path
) -> None:
    sidecar = a_sidecar(put(store, b"video"))
    store.write_sidecar(sidecar)
    file = sidecar_file(folder)
    file.rename(tmp_path / "moved")
    file.symlink_to(tmp_path / "moved")
    os.mkfifo(file.with_name("pipe.json"))
    file.with_name("folder.json").mkdir()
    file.with_name("notes.txt").write_text("mine")
    reading = store.read_sidecars([sidecar.digest])
    assert reading.sidecars == ()
    assert len(reading.unreadable) == 3


def test_a_file_in_place_of_the_folder_of_a_recipe_is_no_sidecar(
    store: FolderStore, folder: Path
) -> None:
    sidecar = a_sidecar()
    store.write_sidecar(sidecar)
    file = sidecar_file(folder)
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("mine")
    (found,) = store.read_sidecars([sidecar.digest]).unreadable
    assert found.path == str(file.parent)


def test_a_field_that_a_later_release_added_is_no_damage(store: FolderStore, folder: Path) -> None:
    sidecar = a_sidecar(put(store, b"video"))
    store.write_sidecar(sidecar)
    file = sidecar_file(folder)
    form = json.loads(file.read_text()) | {"colour": "blue"}
    file.unlink()
    file.write_text(json.dumps(form))
    assert told_by(store, sidecar) == (sidecar,)


def test_a_sidecar_says_what_a_person_needs(store: FolderStore, folder: Path) -> None:
    sidecar = a_sidecar(put(store, b"video"))
    store.write_sidecar(sidecar)
    file = sidecar_file(folder)
    form = json.loads(file.read_text())
    assert file.parent.name == sidecar.digest.removeprefix("sha256:")
    assert form["recipe"] == sidecar.recipe.canonical()
    assert form["cost_usd"] == "0.40"
    assert form["created_at"] == "2026-11-22T12:00:00Z"
    assert (form["format_version"], form["account"], form["remote_id"]) == (1, "studio", "video_1")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
moments = st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware
recipes = st.builds(
    Recipe,
    account=texts,
    prompt=texts,
    model=st.none() | texts,
    seconds=st.none() | st.integers(1, 60),
    size=st.none() | texts,
    reference=st.none() | st.builds(Reference, sha256=digests.map(Sha256)),
    parent=st.none()
    | st.builds(
        Parent,
        derivation=st.just("remix"),
        digest=digests.map(lambda each: RecipeDigest("sha256:" + each)),
    )
    | st.builds(Parent, derivation=st.just("remix"), remote_id=texts.filter(bool)),
    take=st.integers(1, 9),
    edition=st.integers(0, 9),
)
assets = st.lists(
    st.builds(
        Asset,
        variant=st.sampled_from(Variant),
        sha256=digests.map(Sha256),
        bytes=st.integers(0, 2**40),
        media_type=texts,
        width=st.none() | st.integers(1, 9999),
        height=st.none() | st.integers(1, 9999),
        duration_s=st.none() | st.floats(0, 1e6),
    ),
    max_size=3,
    unique_by=lambda asset: asset.variant,
).map(tuple)


@st.composite
def some_sidecars(draw: st.DrawFn) -> Sidecar:
    recipe = draw(recipes)
    return Sidecar(
        recipe=recipe,
        digest=recipe.digest,
        provider=draw(texts),
        account=recipe.account,
        remote_id=draw(texts),
        created_at=draw(moments),
        completed_at=draw(st.none() | moments),
        cost_usd=draw(
            st.none() | st.decimals(0, 9999, places=6, allow_nan=False, allow_infinity=False)
        ),
        assets=draw(assets),
    )


@settings(max_examples=100, deadline=None)
@given(
    written=st.lists(
        some_sidecars(), max_size=3, unique_by=lambda each: (each.digest, each.remote_id)
    )
)
def test_every_sidecar_comes_back_as_it_was_written(written: list[Sidecar]) -> None:
    with tempfile.TemporaryDirectory() as place:
        store = FolderStore(Path(place))
        for sidecar in written:
            store.write_sidecar(sidecar)
        reading = store.read_sidecars([each.digest for each in written])
        assert reading.unreadable == ()
        assert len(reading.sidecars) == len(written)
        assert all(each in reading.sidecars for each in written)


def test_a_sidecar_remembers_that_a_job_may_be_anothers(store: FolderStore) -> None:
    sidecar = replace(a_sidecar(put(store, b"x")), is_ours=False)
    store.write_sidecar(sidecar)
    assert store.read_sidecars([sidecar.digest]).sidecars == (sidecar,)
