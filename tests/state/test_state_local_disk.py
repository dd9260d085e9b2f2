"""Network and synced folders, told from local ones by the mount table and by their marks."""

from pathlib import Path, PurePosixPath

import pytest

from reconciler.state.local_disk import (
    Mount,
    doubt_about,
    mounts_of_linux,
    mounts_of_macos,
    network_kind,
    synced_by,
)

MOUNTINFO = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
31 27 0:44 / /home/ann/nas rw,relatime shared:9 - nfs4 nas:/films rw,vers=4.2
32 27 0:45 / /mnt/my\\040share rw master:3 propagate_from:2 - cifs //nas/films rw
33 27 0:46 / /mnt/c rw,noatime - 9p drvfs rw
34 27 0:47 / /mnt/ssh rw - fuse.sshfs ann@host:/films rw
35 27 0:48 / /mnt/cloud rw - fuse.rclone remote: rw
36 27 0:49 / /mnt/fuse rw - fuse something rw
37 27 0:50 / /mnt/safe rw - fuse.gocryptfs /crypt rw
38 27 8:17 / /mnt/usb rw - fuseblk /dev/sdb1 rw
39 31 8:33 / /home/ann/nas/local rw - xfs /dev/sdc1 rw
40 27 0:51 / /mnt/covered rw - nfs nas:/old rw
41 27 8:49 / /mnt/covered rw - ext4 /dev/sdd1 rw
broken line
"""

MOUNT = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
//ann@nas._smb._tcp.local/films on /Volumes/films on (tour) (smbfs, nodev, nosuid, mounted by ann)
nas:/films on /Volumes/nfs (nfs, nodev, nosuid, mounted by ann)
ann@host:/films on /Volumes/ssh (macfuse, nodev, nosuid, synchronous, mounted by ann)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ann/film/state/sorafile.db", None),
        ("/home/ann/nas/film/state/sorafile.db", "nfs4"),
        ("/home/ann/nas", "nfs4"),
        ("/home/ann/nasty/state/sorafile.db", None),
        ("/home/ann/nas/local/state/sorafile.db", None),
        ("/mnt/my share/sorafile.db", "cifs"),
        ("/mnt/c/film/sorafile.db", "9p"),
        ("/mnt/ssh/sorafile.db", "fuse.sshfs"),
        ("/mnt/cloud/sorafile.db", "fuse.rclone"),
        ("/mnt/fuse/sorafile.db", "fuse"),
        ("/mnt/safe/sorafile.db", None),
        ("/mnt/usb/sorafile.db", None),
        ("/mnt/covered/sorafile.db", None),
    ],
)
def test_the_mount_table_of_linux_tells(path: str, kind: str | None) -> None:
    assert network_kind(PurePosixPath(path), mounts_of_linux(MOUNTINFO)) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/Users/ann/film/sorafile.db", None),
        ("/Volumes/films on (tour)/sorafile.db", "smbfs"),
        ("/Volumes/nfs/sorafile.db", "nfs"),
        ("/Volumes/ssh/sorafile.db", "macfuse"),
    ],
)
def test_the_mount_table_of_macos_tells(path: str, kind: str | None) -> None:
    assert network_kind(PurePosixPath(path), mounts_of_macos(MOUNT)) == kind


def test_the_whole_disk_of_a_sandbox_is_no_network() -> None:
    for kind, told in (("9p", None), ("nfs", "nfs")):
        root = Mount(point=PurePosixPath("/"), kind=kind)
        assert network_kind(PurePosixPath("/film/sorafile.db"), [root]) == told


def test_where_nothing_is_known_of_mounts_nothing_is_said() -> None:
    assert network_kind(PurePosixPath("/a/sorafile.db"), ()) is None
    elsewhere = Mount(point=PurePosixPath("/b"), kind="nfs")
    assert network_kind(PurePosixPath("/a/sorafile.db"), [elsewhere]) is None


@pytest.mark.parametrize(
    ("folder", "program"),
    [
        ("/home/ann/Dropbox/film/state", "Dropbox"),
        ("/home/ann/Dropbox (Personal)/film", "Dropbox"),
        ("/Users/ann/Library/CloudStorage/Dropbox-Acme/film", "Dropbox"),
        ("/home/ann/OneDrive - Acme Ltd/film", "OneDrive"),
        ("/Users/ann/Library/CloudStorage/OneDrive-Personal/film", "OneDrive"),
        ("/Users/ann/Library/Mobile Documents/com~apple~CloudDocs/film", "iCloud Drive"),
        ("/Users/ann/Library/CloudStorage/GoogleDrive-a@b.c/My Drive/film", "Google Drive"),
        ("/home/ann/Google Drive/film", "Google Drive"),
        ("/home/ann/dropboxes/film", None),
        ("/home/ann/film/state", None),
    ],
)
def test_synced_folders_are_known_by_their_names(folder: str, program: str | None) -> None:
    place = PurePosixPath(folder) / "sorafile.db"
    assert synced_by(place, lambda _: False) == program


@pytest.mark.parametrize(
    ("mark", "program"), [(".stfolder", "Syncthing"), (".dropbox.cache", "Dropbox")]
)
def test_synced_folders_are_known_by_what_their_programs_keep_there(
    tmp_path: Path, mark: str, program: str
) -> None:
    (tmp_path / mark).mkdir()
    doubt = doubt_about(tmp_path / "film" / "state" / "sorafile.db")
    assert doubt is not None
    assert program in doubt.summary
    assert doubt.severity == "warning"
    assert "project.state" in str(doubt.fix)


def test_of_a_link_the_place_counts_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "Dropbox" / "state").mkdir(parents=True)
    (tmp_path / "film").mkdir()
    (tmp_path / "film" / "state").symlink_to(tmp_path / "Dropbox" / "state")
    assert doubt_about(tmp_path / "film" / "state" / "sorafile.db") is not None


def test_a_local_folder_is_not_warned_of(tmp_path: Path) -> None:
    assert doubt_about(tmp_path / "film" / "state" / "sorafile.db") is None
