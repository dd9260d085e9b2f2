"""What matters to a project of all that happens on the disk."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Places:
    """The files that a project was read from, and where others of them may appear.

    All paths are absolute, and may be of what is not there.
    """

    root: Path
    inputs: frozenset[Path]  # files and folders that were read, or looked for in vain
    spec_folders: frozenset[Path]  # searched with all folders in them
    own_folders: frozenset[Path] = field(default_factory=frozenset)  # where sorafile writes

    @cached_property
    def _around(self) -> frozenset[Path]:
        """The folders that an input lies in: a rename of one is told by its name alone."""
        above = {folder for path in self.inputs for folder in path.parents}
        return frozenset(each for each in above if each.is_relative_to(self.root))

    def concerns(self, path: Path) -> bool:
        """Whether the project may read differently since something happened to a file."""
        if path in self.inputs or path in self._around:
            return True
        return path.suffix == ".toml" and self.may_hold_specs(path)

    def may_hold_specs(self, path: Path) -> bool:
        """Whether specs are looked for at a path, or below it."""
        if any(path.is_relative_to(own) for own in self.own_folders):
            return False
        return any(
            not any(part.startswith(".") for part in path.relative_to(folder).parts)
            for folder in self.spec_folders
            if path.is_relative_to(folder)
        )
