"""Declarations: what comes of specs with nothing wrong."""

import hashlib
import struct
import zlib
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration, Lifecycle
from reconciler.domain.profile import Variant
from specs.checking import image, load, write

_PNG = image("PNG", (720, 1280))


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


# Written out, so that no release of an imaging library changes a digest below.
_PINNED_PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 720, 1280, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", b"")
    + _chunk(b"IEND", b"")
)


def _one(root: Path, files: dict[str, str | bytes], name: str = "a") -> Declaration:
    write(root, files)
    desired, diagnostics = load(root)
    assert diagnostics == ()
    return desired[Address(name)]


def test_defaults_hold_where_nothing_is_said(tmp_path: Path) -> None:
    video = _one(tmp_path, {"specs/a.toml": '[video.a]\nprompt = "x"\n'})
    assert (video.provider, video.model, video.seconds, video.size) == (
        "preview",
        "sora-2",
        4,
        "720x1280",
    )
    assert video.outputs == {Variant.VIDEO: "videos/a.mp4"}
    assert (video.tags, video.lifecycle, video.parent, video.file) == (
        (),
        Lifecycle(),
        None,
        "specs/a.toml",
    )
    assert video.recipe.account == "preview"
    with pytest.raises(FrozenInstanceError):
        video.seconds = 8  # type: ignore[misc] # that is the point


def test_nearer_defaults_win_key_by_key(tmp_path: Path) -> None:
    video = _one(
        tmp_path,
        {
            "sorafile.toml": "[defaults]\nseconds = 8\nsize = '1280x720'\ntags = ['z']\n"
            "lifecycle = { protect = true, remote = 'never', deadline = '2h', retries = 2 }\n",
            "specs/a.toml": "[defaults]\nsize = '1792x1024'\nmodel = 'sora-2-pro'\n"
            "[defaults.lifecycle]\non_lost = 'regenerate'\ndeadline = '90s'\n"
            "ignore_changes = ['seconds']\n"
            "[video.a]\nprompt = 'x'\nmodel = 'sora-2'\nlifecycle.retries = 0\n"
            "lifecycle.protect = false\nlifecycle.ignore_changes = ['size', 'prompt', 'size']\n"
            "variants = ['thumbnail', 'video', 'video']\ntags = ['b', 'a', 'b']\n",
        },
    )
    assert (video.model, video.seconds, video.size) == ("sora-2", 8, "1792x1024")
    assert video.lifecycle == Lifecycle(
        protect=False, on_lost="regenerate", remote="never", deadline_s=90
    )
    assert video.ignore_changes == ("prompt", "size")
    assert video.variants == (Variant.THUMBNAIL, Variant.VIDEO)
    assert video.tags == ("a", "b")


def test_a_prompt_file_and_a_reference_are_relative_to_the_spec(tmp_path: Path) -> None:
    video = _one(
        tmp_path,
        {
            "specs/ads/a.toml": "[video.a]\nprompt_file = '../p/hero.md'\n"
            "input_reference = 'refs/hero.png'\n",
            "specs/p/hero.md": "\ufefftwo\r\nlines: $${x}\r\n",
            "specs/ads/refs/hero.png": _PNG,
        },
    )
    assert video.recipe.prompt == "two\nlines: ${x}"
    assert video.reference is not None
    assert video.reference.path == "specs/ads/refs/hero.png"
    assert video.reference.media_type == "image/png"
    assert video.reference.sha256 == hashlib.sha256(_PNG).hexdigest()
    assert video.recipe.reference is not None
    assert video.recipe.reference.sha256 == video.reference.sha256


@pytest.mark.parametrize("media", ["PNG", "JPEG", "WEBP"])
def test_each_kind_of_image_is_known_by_its_bytes(tmp_path: Path, media: str) -> None:
    video = _one(
        tmp_path,
        {
            "specs/a.toml": "[video.a]\nprompt = 'x'\ninput_reference = 'r.dat'\n",
            "specs/r.dat": image(media, (720, 1280)),
        },
    )
    assert video.reference is not None
    assert video.reference.media_type == f"image/{media.lower()}"


@pytest.mark.parametrize(
    ("spec", "digest"),
    [
        (
            'prompt = "A calico cat plays the piano"',
            "sha256:6fe5f1cd4ba5eb418ee224ac8b4a299e7a4d51ebc5c774c0e16b2f7cf45f21a7",
        ),
        (
            (
                'prompt = """\nA calico cat\r\nplays the piano\n"""\nseconds = 8\n'
                'size = "1280x720"\nmodel = "sora-2-pro"\ntags = ["free"]\n'
                'variants = ["video", "thumbnail"]'
            ),
            "sha256:13951d3e1cc6bf1e4b7af1e753eda46730ad36e4320ddf951eb4cb5fed610b90",
        ),
        (
            "prompt = 'Čeština, 日本語, 🎬 $${x}'\ninput_reference = 'r.png'",
            "sha256:139a614170ea592a850ed39c04ade47a595126b56ce31bce19ca8989e9d18803",
        ),
        (
            "prompt = 'now in the rain'\nremix_of = 'base'",
            "sha256:8d404352045a5a4c7158f8b2626199a20d9d979417ced07bc1682948e7d4d578",
        ),
    ],
)
def test_the_digest_of_a_written_recipe_is_pinned(tmp_path: Path, spec: str, digest: str) -> None:
    """A change here buys again what people have paid for."""
    video = _one(
        tmp_path,
        {
            "specs/a.toml": f"[video.a]\n{spec}\n[video.base]\nprompt = 'a street'\n",
            "specs/r.png": _PINNED_PNG,
        },
    )
    assert video.digest == digest == video.recipe.digest


def test_what_is_free_to_change_is_not_in_the_digest(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "specs/a.toml": "[video.a]\nprompt = 'x'\n"
            '[video.b]\nprompt = "x\\n"\nseconds = 4\ntags = ["t"]\nlifecycle.protect = true\n'
        },
    )
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert len({video.digest for video in desired.values()}) == 1


def test_declarations_are_sorted_by_address_whatever_the_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "specs/a.toml": "[video.z]\nprompt = 'x'\n[video.B]\nprompt = 'x'\n",
            "specs/b.toml": "[video.a]\nprompt = 'x'\n[video.m-1]\nremix_of = 'z'\nprompt = 'x'\n",
        },
    )
    desired, _ = load(tmp_path)
    assert [str(address) for address in desired] == ["B", "a", "m-1", "z"]
