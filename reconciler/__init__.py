"""sorafile: a folder of generated videos, kept true to a folder of TOML specs.

The front door for programs: `from reconciler import VideosClient`. What it offers is imported
when it is first asked for, so that a command which needs no network loads nothing of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from reconciler.domain.errors import (
        AmbiguousError,
        BadAssetError,
        FileInTheWayError,
        JobGoneError,
        NotReadyError,
        NotSentError,
        RejectedError,
        ServerError,
        SorafileError,
        UnauthorizedError,
        UnavailableError,
    )
    from reconciler.remote.patience import Patience, Pauses
    from reconciler.remote.transport import Timeouts
    from reconciler.remote.video import (
        Video,
        VideoDeleted,
        VideoError,
        VideoModel,
        VideoOrder,
        VideoPage,
        VideoSeconds,
        VideoSize,
        VideoStatus,
        VideoVariant,
    )
    from reconciler.remote.videos import VideoContent, VideosClient

__all__ = [
    "AmbiguousError",
    "BadAssetError",
    "FileInTheWayError",
    "JobGoneError",
    "NotReadyError",
    "NotSentError",
    "Patience",
    "Pauses",
    "RejectedError",
    "ServerError",
    "SorafileError",
    "Timeouts",
    "UnauthorizedError",
    "UnavailableError",
    "Video",
    "VideoContent",
    "VideoDeleted",
    "VideoError",
    "VideoModel",
    "VideoOrder",
    "VideoPage",
    "VideoSeconds",
    "VideoSize",
    "VideoStatus",
    "VideoVariant",
    "VideosClient",
    "__version__",
]

_HOMES = {
    "reconciler.domain.errors": (
        "AmbiguousError",
        "BadAssetError",
        "FileInTheWayError",
        "JobGoneError",
        "NotReadyError",
        "NotSentError",
        "RejectedError",
        "ServerError",
        "SorafileError",
        "UnauthorizedError",
        "UnavailableError",
    ),
    "reconciler.remote.patience": ("Patience", "Pauses"),
    "reconciler.remote.transport": ("Timeouts",),
    "reconciler.remote.videos": ("VideoContent", "VideosClient"),
    "reconciler.remote.video": (
        "Video",
        "VideoDeleted",
        "VideoError",
        "VideoModel",
        "VideoOrder",
        "VideoPage",
        "VideoSeconds",
        "VideoSize",
        "VideoStatus",
        "VideoVariant",
    ),
}

if not TYPE_CHECKING:  # a type checker would take any name for one that is here

    def __getattr__(name: str) -> object:
        home = next((module for module, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
