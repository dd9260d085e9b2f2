"""The files of a new project."""

from collections.abc import Mapping
from pathlib import Path

_PROJECT = """\
# A sorafile project. Every key may be left out; `sorafile schema project` has them all.

[project]
provider = "preview"  # renders small animatics on this machine: free, offline, no key

# A server that speaks the OpenAI Videos API, and what it is used for:
#
# [providers.studio]
# profile  = "openai"
# base_url = "https://videos.example.com/v1"
# api_key  = { env = "STUDIO_KEY" }      # where the key is; never the key itself

[defaults]
model   = "sora-2"
seconds = 4
size    = "1280x720"
"""

_SPEC = """\
# Each [video.NAME] is one video. `sorafile plan` says what would be made and what it costs;
# `sorafile apply` makes it. Edit a prompt and plan again.

[video.opening]
prompt = "Dawn over a quiet harbour, fishing boats leaving, wide shot, soft light"

[video.opening-storm]
remix_of = "opening"
prompt   = "The same harbour as a storm comes in, dark clouds, boats turning back"
"""

_IGNORED = """\
/state/
/videos/
"""

STARTER: Mapping[str, str] = {
    "sorafile.toml": _PROJECT,
    "specs/first.toml": _SPEC,
    ".gitignore": _IGNORED,
}
"""What to write, by its path in the project."""


def add_missing_lines(path: Path, text: str) -> bool:
    """Append the lines that a file does not have yet; False where it has them all.

    What the file says already stays as it is.
    """
    old = path.read_text(encoding="utf-8")
    have = {line.strip().strip("/") for line in old.splitlines()}
    missing = [line for line in text.splitlines() if line.strip("/") not in have]
    if not missing:
        return False
    gap = "" if old.endswith("\n") or not old else "\n"
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(gap + "".join(f"{line}\n" for line in missing))
    return True
