"""What one user lets checkouts do with URLs and keys: a file a consent, in the user's own folder.

Nothing in a checkout can write there, and nothing that lies in one is believed. A file that is
not as it was written grants nothing.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.cli.wiring import read_private, remove_durably, user_folder, write_private
from reconciler.domain.errors import RefusedError, SorafileError

_FORMAT = "1.0"


class Consents:
    """The consents for one project; each is known by the digest of what it allows."""

    def __init__(self, project: Path) -> None:
        """Look at nothing yet; `project` is the real path of its folder."""
        self._project = project

    def holds(self, digest: str) -> bool:
        """Whether one is recorded.

        Raises:
            SorafileError: something is recorded that cannot be believed.
        """
        file = self._folder() / digest
        content = read_private(file)
        if content is None:
            return False
        if _project_in(content) != str(self._project):
            raise SorafileError(f"{file} is damaged", fix="remove it")
        return True

    def add(self, digests: Iterable[str]) -> None:
        """Record consents; what cannot be believed is replaced.

        Raises:
            SorafileError: they cannot be written.
        """
        document = {"format_version": _FORMAT, "project": str(self._project)}
        for digest in digests:
            write_private(self._folder() / digest, f"{json.dumps(document)}\n".encode())

    def drop_all(self) -> int:
        """Take back all that was ever consented to for the project; return how many.

        Raises:
            SorafileError: they cannot be removed.
        """
        folder, count = self._folder(), 0
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            if self._is_ours(file):
                remove_durably(file)
                count += 1
        return count

    def _is_ours(self, file: Path) -> bool:
        try:
            content = read_private(file)
        except SorafileError:
            return False  # it grants nothing
        return content is not None and _project_in(content) == str(self._project)

    def _folder(self) -> Path:
        folder = user_folder() / "trusted"
        if not folder.is_absolute():
            raise _unusable(f"{folder} is no absolute path")
        if folder.resolve().is_relative_to(self._project):
            raise _unusable(f"{folder} lies in the project, which may not trust itself")
        return folder


def _unusable(why: str) -> SorafileError:
    return RefusedError(
        f"consents cannot be kept: {why}",
        fix="set XDG_CONFIG_HOME to a folder of your own",
    )


def _project_in(content: bytes) -> str | None:
    """Whose consent a file is; None where it is damaged, or of a format of later on."""
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        document: Any = json.loads(content)
        if document["format_version"] == _FORMAT:
            return str(document["project"])
    return None
