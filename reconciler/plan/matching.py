"""Whether a job in a server's list is what a paid request asked for: the three answers."""

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum

from reconciler.domain.desired import Declaration
from reconciler.domain.echo import Echo, EchoField
from reconciler.domain.observed import ObservedJob
from reconciler.domain.profile import Profile, bare_model
from reconciler.domain.recorded import Asset

TOLERANCE_S = 0.5  # of a video's length: servers round to whole frames

_FIELDS: tuple[EchoField, ...] = ("prompt", "model", "seconds", "size", "parent")
_CUT_CHARACTERS_MIN = 16


class Match(Enum):
    """What can be said; the best that holds of every field holds of the whole."""

    DIFFERENT = 0  # a field is another for certain
    POSSIBLE = 1  # a field is not repeated, empty, or rewritten
    SAME = 2


def echo_of(declaration: Declaration, parent: str | None, profile: Profile) -> Echo:
    """What jobs of this server would repeat of the request for a declaration.

    `parent` is the remote id of the job that it derives from. Of an edit and an extension
    nobody promises that their jobs tell it.
    """
    echoes = profile.echoes
    blind = {field for field in _FIELDS if field not in echoes}
    derived = declaration.recipe.parent
    is_remix = derived is None or profile.sends(derived.derivation) == "remix"
    if parent is not None and not is_remix:
        blind.add("parent")
    return Echo(
        prompt=declaration.recipe.prompt if "prompt" in echoes else None,
        model=declaration.model if "model" in echoes else None,
        seconds=declaration.seconds if "seconds" in echoes else None,
        size=declaration.size if "size" in echoes else None,
        parent=parent if "parent" in echoes else None,
        blind=tuple(field for field in _FIELDS if field in blind),
    )


def echo_of_upload(declaration: Declaration, video: Asset, profile: Profile) -> Echo:
    """What jobs of this server would repeat of an edit of a video that is sent along.

    They have no parent, and are as long and as large as that video is, whatever it was to be.
    """
    echo = echo_of(declaration, None, profile)
    blind = set(echo.blind)
    if (
        video.duration_s is None
        or declaration.seconds is None
        or abs(video.duration_s - declaration.seconds) > TOLERANCE_S
    ):
        blind.add("seconds")
    if f"{video.width}x{video.height}" != declaration.size:
        blind.add("size")
    return replace(
        echo,
        seconds=None if "seconds" in blind else echo.seconds,
        size=None if "size" in blind else echo.size,
        blind=tuple(field for field in _FIELDS if field in blind),
    )


def compare(echo: Echo, job: ObservedJob) -> Match:
    """Whether a job is the one of a request, as far as its echo tells."""
    return min(_answers(echo, job), key=lambda match: match.value)


def model_told(told: str, profile: Profile) -> str | None:
    """The one of the offered models that a server tells, whatever it added to the name."""
    if not profile.models:
        return told
    found = ((_of_model(model, told).value, model) for model in profile.models)
    match, model = max(found, key=lambda each: each[0], default=(0, ""))
    return model if match else None


def seconds_told(told: str, profile: Profile) -> int | None:
    """The one of the offered lengths that a server tells."""
    try:
        seconds = int(float(told))
    except (ValueError, OverflowError):
        return None
    is_offered = profile.offers_seconds(seconds) and _of_seconds(seconds, told) is Match.SAME
    return seconds if is_offered else None


def size_told(told: str, profile: Profile, model: str | None) -> str | None:
    """The one of the offered sizes that a server tells."""
    size = _pixels(told)
    return size if profile.offers_size(size, model) else None


def _answers(echo: Echo, job: ObservedJob) -> Iterator[Match]:
    may_tell_parent = echo.parent is not None or "parent" not in echo.blind
    never_told = {*echo.blind} - ({"parent"} if may_tell_parent else set())
    yield Match.POSSIBLE if never_told else Match.SAME
    if echo.prompt is not None:
        yield _of_prompt(echo.prompt, job.prompt)
    if echo.model is not None:
        yield _of_model(echo.model, job.model)
    if echo.seconds is not None:
        yield _of_seconds(echo.seconds, job.seconds)
    if echo.size is not None:
        yield _of_size(echo.size, job.size)
    if may_tell_parent:
        yield _of_parent(echo.parent, job.remixed_from)


def _of_prompt(asked: str, told: str | None) -> Match:
    if not told:
        return Match.POSSIBLE
    if asked == told:
        return Match.SAME
    mine, theirs = _plain(asked), _plain(told)
    if mine == theirs:
        return Match.POSSIBLE
    # Some servers cut long prompts short in their lists.
    cut = theirs.removesuffix("…").removesuffix("...").rstrip()
    is_cut = len(cut) >= _CUT_CHARACTERS_MIN and mine.startswith(cut)
    return Match.POSSIBLE if is_cut else Match.DIFFERENT


def _plain(text: str) -> str:
    """A text without what a server may normalise: white space and case."""
    return " ".join(text.split()).casefold()


def _of_model(asked: str, told: str | None) -> Match:
    if not told:
        return Match.POSSIBLE
    if asked == told:
        return Match.SAME
    return Match.POSSIBLE if bare_model(asked) == bare_model(told) else Match.DIFFERENT


def _of_seconds(asked: int, told: str | None) -> Match:
    if not told:
        return Match.POSSIBLE
    try:
        return Match.SAME if float(told) == asked else Match.DIFFERENT
    except ValueError:
        return Match.POSSIBLE


def _of_size(asked: str, told: str | None) -> Match:
    if not told:
        return Match.POSSIBLE
    if asked == _pixels(told):
        return Match.SAME
    # Some tell a size by another name, `720p` for one.
    return Match.DIFFERENT if _is_pixels(told) else Match.POSSIBLE


def _pixels(told: str) -> str:
    """A size as specs write it, where that is what is told."""
    return told.strip().lower().replace("*", "x").replace("\N{MULTIPLICATION SIGN}", "x")


def _is_pixels(told: str) -> bool:
    width, _, height = told.strip().lower().partition("x")
    return width.isdecimal() and height.isdecimal()


def _of_parent(asked: str | None, told: str | None) -> Match:
    if asked is None:
        return Match.SAME if not told else Match.DIFFERENT
    if not told:
        return Match.POSSIBLE
    return Match.SAME if asked == told else Match.DIFFERENT
