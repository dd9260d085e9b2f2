"""Whether a database file lies on a disk of this machine alone.

SQLite keeps writers apart by locks and a shared memory that network file systems do not have
or only pretend to have; and a program that copies a folder to other machines copies the file
in the middle of a write.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from reconciler.domain.errors import Diagnostic

_NETWORK = frozenset(
    {
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "prl_fs",
        "smb3",
        "smbfs",
        "vboxsf",
        "vmhgfs",
        "webdav",
    }
)
_FUSE = re.compile(r"fuse(\..+)?|macfuse|osxfuse")
_LOCAL_FUSE = frozenset(
    {"fuse.bindfs", "fuse.encfs", "fuse.fuse-overlayfs", "fuse.gocryptfs", "fuse.mergerfs"}
)

# The folders are named so by the programs themselves; with an account or a company behind.
_SYNCED_NAMES = (
    ("Dropbox", re.compile(r"dropbox([ -].+)?", re.IGNORECASE)),
    ("OneDrive", re.compile(r"onedrive([ -].+)?", re.IGNORECASE)),
    ("iCloud Drive", re.compile(r"mobile documents|icloud ?drive", re.IGNORECASE)),
    ("Google Drive", re.compile(r"google ?drive([ -].+)?|my drive", re.IGNORECASE)),
)
_SYNCED_MARKS = (("Dropbox", ".dropbox.cache"), ("Syncthing", ".stfolder"))

_MOUNT_WAIT_S = 5
_OCTAL = re.compile(r"\\([0-7]{3})")
_MACOS_MOUNT = re.compile(r".* on (?P<point>/.*) \((?P<kind>[^,)]+)[^()]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file system at its place in the tree."""

    point: PurePath
    kind: str


def doubt_about(file: Path) -> Diagnostic | None:
    """Why a database should not lie there; None where nothing speaks against it.

    What cannot be found out is no reason to warn.
    """
    place = file.resolve()
    kind = network_kind(place, _mounts())
    if kind is not None:
        return _doubt(
            f"the state database lies on a network file system ({kind}), where SQLite cannot keep"
            " two runs apart: they could damage it, and pay twice"
        )
    program = synced_by(place, lambda path: Path(path).exists())
    if program is not None:
        return _doubt(
            f"the state database lies in a folder of {program}, which copies it in the middle of a"
            " write, and back over a newer one: it could be damaged, or forget what was paid for"
        )
    return None


def network_kind(place: PurePath, mounts: Iterable[Mount]) -> str | None:
    """The kind of network file system that a path lies on; None for a local disk."""
    holding = [each for each in mounts if place.is_relative_to(each.point)]
    if not holding:
        return None
    # Of several at one point the last one covers the others.
    _, nearest = max(enumerate(holding), key=lambda each: (len(each[1].point.parts), each[0]))
    kind = nearest.kind
    if kind == "9p" and nearest.point == PurePath(nearest.point.anchor):
        return None  # a sandbox whose whole disk comes so: nobody shares it
    is_remote = kind in _NETWORK or (_FUSE.fullmatch(kind) and kind not in _LOCAL_FUSE)
    return kind if is_remote else None


def synced_by(place: PurePath, exists: Callable[[PurePath], bool]) -> str | None:
    """The program that copies the folder of a path elsewhere; by its name, or by its marks."""
    for folder in place.parents:
        for program, name in _SYNCED_NAMES:
            if name.fullmatch(folder.name):
                return program
        for program, mark in _SYNCED_MARKS:
            if exists(folder / mark):
                return program
    return None


def mounts_of_linux(mountinfo: str) -> Iterator[Mount]:
    """What /proc/self/mountinfo says.

    Source: proc_pid_mountinfo(5): the fifth field is the mount point, with blanks and the
    like in octal; behind a lone dash comes the kind.
    """
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if dash and len(fields) > 4 and kinds:  # noqa: PLR2004 - see above
            point = _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4])
            yield Mount(point=PurePath(point), kind=kinds[0])


def mounts_of_macos(said: str) -> Iterator[Mount]:
    """What `mount` prints: `//me@nas/films on /Volumes/films (smbfs, nodev, nosuid)`."""
    for line in said.splitlines():
        found = _MACOS_MOUNT.fullmatch(line)
        if found is not None:
            yield Mount(point=PurePath(found["point"]), kind=found["kind"])


def _mounts() -> tuple[Mount, ...]:
    try:
        if sys.platform == "darwin":
            done = subprocess.run(
                ["/sbin/mount"], capture_output=True, check=True, timeout=_MOUNT_WAIT_S, text=True
            )
            return tuple(mounts_of_macos(done.stdout))
        told = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return ()
    return tuple(mounts_of_linux(told))


def _doubt(summary: str) -> Diagnostic:
    return Diagnostic(
        code="SF0704",
        severity="warning",
        summary=summary,
        fix="Set `project.state` in sorafile.toml to a place on a local disk that nothing copies,"
        " such as `sqlite:////var/lib/films/sorafile.db`, or to PostgreSQL; `sorafile state"
        " export` and `state restore` carry over what is recorded.",
    )
