"""How a derived video is asked for: of its parent's job, or by its parent's stored video."""

from collections.abc import Iterator
from typing import assert_never

from reconciler.domain.desired import Declaration
from reconciler.domain.plan import ActionKind, Buy
from reconciler.domain.profile import Profile, Variant
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import NOUNS, Derivation
from reconciler.domain.recorded import Asset, Generation
from reconciler.plan.index import Index

UPLOAD_BYTES_MAX = 256 * 1024 * 1024
"""Of a stored video that is sent along: a request is built whole, in memory, before it is sent."""

_MIB = 1024 * 1024
_DONE_TO: dict[Derivation, str] = {"remix": "remixed", "edit": "edited", "extend": "extended"}


def kind_of(declaration: Declaration) -> ActionKind:
    """What buying a video is called. An edit that stands for a remix is a remix for people."""
    if declaration.recipe.parent is None:
        return ActionKind.CREATE
    match declaration.recipe.parent.derivation:
        case "remix":
            return ActionKind.REMIX
        case "edit":
            return ActionKind.EDIT
        case "extend":
            return ActionKind.EXTEND
        case other:
            assert_never(other)


def is_out_of_reach(parent: Generation) -> bool:
    """Whether nothing can be asked of a parent's job any more."""
    is_missing = parent.missing_count > 0 and not parent.status.is_running
    return not parent.on_server or is_missing


def upload_of(declaration: Declaration, parent: Generation | None, index: Index) -> Asset | None:
    """The stored video to send along in place of the id of a parent's job that is gone."""
    if parent is None or not is_out_of_reach(parent):
        return None
    profile = index.world.providers[declaration.provider].profile
    return None if why_no_upload(declaration, parent, profile, index) else _video(parent)


def why_no_upload(
    declaration: Declaration, parent: Generation, profile: Profile, index: Index
) -> str | None:
    """Why the stored video of a parent cannot be sent along instead; None where it can."""
    derived, video = declaration.recipe.parent, _video(parent)
    derivation = derived.derivation if derived is not None else "remix"
    verb = _DONE_TO[derivation]
    if derivation == "extend" or not (profile.edit and profile.edit_upload):
        return f"it cannot be {verb} any more"
    if video is None or not index.has_bytes(parent, Variant.VIDEO):
        return f"its video is not here yet, and it cannot be {verb} without"
    if video.media_type != "video/mp4":
        return f"its video is no mp4 ({video.media_type}), so it cannot be uploaded to be {verb}"
    if video.bytes > UPLOAD_BYTES_MAX:
        return (
            f"its video of {video.bytes / _MIB:.0f} MiB is too large to be uploaded to be {verb}:"
            f" {UPLOAD_BYTES_MAX // _MIB} MiB are allowed"
        )
    return None


def _video(parent: Generation) -> Asset | None:
    return parent.asset(Variant.VIDEO)


def told_of(buy: Buy, provider: Provider) -> Iterator[str]:
    """What a person should know of how a derived video is asked for."""
    derived = buy.declaration.recipe.parent
    if derived is None:
        return
    if buy.upload is not None:
        yield (
            f"the job of {buy.declaration.parent} is gone: its stored video"
            f" ({buy.upload.bytes / _MIB:.1f} MiB) is uploaded, and edited"
        )
    elif provider.profile.sends(derived.derivation) != derived.derivation:
        sent = NOUNS[provider.profile.sends(derived.derivation)]
        yield f"{provider.name} makes no remixes: it is asked for as {sent}"


def too_long(declaration: Declaration, profile: Profile) -> str | None:
    """Why an extension cannot be made, the text for people; None where it can.

    What specs can tell is told there. A length that only a server knows is known in a plan.
    """
    seconds, most = declaration.seconds, profile.extend_total_seconds_max
    if not declaration.recipe.is_extension or seconds is None or seconds <= most:
        return None
    return f"its video would last {seconds} s, and {most} s are extended to at most"
