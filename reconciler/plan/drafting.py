"""What to declare for jobs that a server has and that nobody here recorded.

Each becomes a video of its own; those that asked for the same become the takes of one. A job
that is just what a declared video asks for, and has not got, is taken into that instead.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks, ImportBlock
from reconciler.domain.desired import Declaration, Desired
from reconciler.domain.drafts import Draft, Drafts, LeftOut, UnmanagedJob, Usual
from reconciler.domain.echo import Echo
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.profile import Profile
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import NOT_IN_PROMPTS, Parent, Recipe, RecipeDigest, normal_prompt
from reconciler.domain.recorded import JobStatus, RecordedState
from reconciler.plan.lost_answers import awaiting
from reconciler.plan.matching import Match, compare, model_told, seconds_told, size_told

_ARTICLES = frozenset({"a", "an", "the"})
_JOINTS = _ARTICLES | {"and", "at", "by", "for", "from", "in", "into", "of", "on", "to", "with"}
_WORDS_MAX = 5
_CHARACTERS_MAX = 32
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

_T = TypeVar("_T", str, int)

JobKey = tuple[str, str]
"""An account, and the remote id of a job of its."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is there when something is drafted."""

    desired: Desired
    blocks: Blocks
    recorded: RecordedState
    providers: Mapping[str, Provider]
    usual: Mapping[str, Usual]  # by provider: what the file says that is to be written
    at: datetime
    sidecars: tuple[Sidecar, ...] = ()  # all, where the database is new and cannot tell


def draft_all(
    jobs: Iterable[UnmanagedJob], around: Surroundings, refused: Mapping[JobKey, str]
) -> Drafts:
    """Draft for every job that nobody has, each under a name made of its prompt.

    Equal jobs give equal names, in whatever order they come; the oldest is the first take.

    Args:
        jobs: what the providers list.
        around: what is there already.
        refused: jobs for which nothing shall be written, and why.
    """
    drafting = _Drafting(around, refused, _Names(around).of)
    return drafting.all([each for each in jobs if not drafting.is_managed(each)])


def draft_one(name: str, job: UnmanagedJob, around: Surroundings) -> Drafts:
    """Draft for one job under a name that is free. Nothing is taken into another video."""
    drafting = _Drafting(around, {}, lambda *_: name)
    drafts = drafting.all([job])
    if not drafts.imports:
        return drafts
    target = drafts.imports[0].target
    left_out = LeftOut(
        provider=job.provider,
        remote_id=job.job.remote_id,
        why=f"{target}, which is declared and has no video yet, asks for just this",
        fix=f"take it there: sorafile import '{target}' {job.job.remote_id}",
    )
    return Drafts(left_out=(left_out,))


class _NothingToWriteError(Exception):
    def __init__(self, why: str, fix: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.fix = fix


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """A video that others may be remixes of."""

    address: Address
    provider: str
    digest: RecipeDigest
    model: str | None  # None: of a remix of a job that nobody has looked up
    seconds: int | None
    size: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a job asked for, in the spec's words."""

    provider: str
    recipe: Recipe  # of the first take
    parent: _Origin | None


class _Drafting:
    def __init__(
        self,
        around: Surroundings,
        refused: Mapping[JobKey, str],
        name_of: Callable[[str, RecipeDigest, int], str],
    ) -> None:
        self._around = around
        self._refused = refused
        self._name_of = name_of
        self._videos: list[Draft] = []
        self._imports: list[ImportBlock] = []
        self._left_out: list[LeftOut] = []
        self._origins = dict(self._declared_origins())
        self._free = self._unmade()

    def is_managed(self, each: UnmanagedJob) -> bool:
        """Whether somebody has it: the state, or a block that is still to be carried out."""
        return self._key(each) in self._managed

    @cached_property
    def _managed(self) -> frozenset[JobKey]:
        desired, imports = self._around.desired, self._around.blocks.imports
        recorded = (
            (each.account, each.remote_id) for each in self._around.recorded.generations.values()
        )
        named = (
            (desired[address].recipe.account, block.remote_id)
            for address, block in imports.items()
            if address in desired
        )
        return frozenset((*recorded, *named))

    def all(self, jobs: Iterable[UnmanagedJob]) -> Drafts:
        """Parents first: a remix is named by the address that its parent gets."""
        waiting = sorted({self._key(each): each for each in jobs}.values(), key=_age)
        while ready := [each for each in waiting if self._is_ready(each)]:
            waiting = [each for each in waiting if not self._is_ready(each)]
            for asked, same in self._by_asking(ready).items():
                self._draft(asked, same)
        for each in waiting:
            self._leave_out(each, _unknown_parent(each))
        return Drafts(
            videos=tuple(self._videos),
            imports=tuple(self._imports),
            left_out=tuple(self._left_out),
        )

    def _by_asking(self, jobs: Iterable[UnmanagedJob]) -> Mapping[_Asked, list[UnmanagedJob]]:
        found: dict[_Asked, list[UnmanagedJob]] = {}
        for each in jobs:
            try:
                found.setdefault(self._asked(each), []).append(each)
            except _NothingToWriteError as error:
                self._leave_out(each, error)
        return found

    def _draft(self, asked: _Asked, jobs: Sequence[UnmanagedJob]) -> None:
        """Take jobs into what is declared and has none; the rest become one video."""
        ids = [each.job.remote_id for each in jobs]
        free = self._free.get(asked.recipe.kin, [])
        while ids and free:
            declaration = free.pop(0)
            taken = ImportBlock(target=declaration.address, remote_id=ids.pop(0))
            self._imports.append(taken)
            self._origins[asked.recipe.account, taken.remote_id] = _origin_of(declaration)
        if not ids:
            return
        recipe, parent = asked.recipe, asked.parent
        draft = Draft(
            name=self._name_of(recipe.prompt, recipe.kin, len(ids)),
            provider=asked.provider,
            prompt=recipe.prompt,
            model=recipe.model,
            seconds=recipe.seconds,
            size=recipe.size,
            remix_of=parent.address if parent else None,
            jobs=tuple(ids),
        )
        self._videos.append(draft)
        for take, block in enumerate(draft.imports, start=1):
            self._origins[recipe.account, block.remote_id] = _Origin(
                address=block.target,
                provider=asked.provider,
                digest=replace(recipe, take=take).digest,
                model=parent.model if parent else str(recipe.model),
                seconds=parent.seconds if parent else int(recipe.seconds or 0),
                size=parent.size if parent else str(recipe.size),
            )

    def _asked(self, each: UnmanagedJob) -> _Asked:
        """What a job asked for.

        Raises:
            _NothingToWriteError: that cannot be known, written or had.
        """
        self._see_that_it_can_be_had(each)
        job, provider = each.job, self._around.providers[each.provider]
        parent = self._parent_of(each)
        if parent is None:
            prompt = _prompt_of(job, provider.profile)
            recipe = self._recipe(each, prompt)
            self._see_that_nothing_untold_was_asked_for(recipe, job)
            return _Asked(provider=each.provider, recipe=recipe, parent=None)
        maker = self._around.providers[parent.provider]
        if not maker.profile.makes("remix"):
            raise _NothingToWriteError(
                f"it is a remix, and provider {maker.name} is said to make none",
                f"correct that, with remix = true under [providers.{maker.name}]",
            )
        prompt = _prompt_of(job, maker.profile)
        if compare(_of_remix(parent, maker.profile), job) is Match.DIFFERENT:
            raise _NothingToWriteError(
                f"it is a remix of {parent.address}, and of another model, length or size",
                _as_extension(parent, job, maker.profile),
            )
        recipe = Recipe(
            account=maker.account,
            prompt=prompt,
            parent=Parent(derivation="remix", digest=parent.digest),
        )
        return _Asked(provider=maker.name, recipe=recipe, parent=parent)

    def _recipe(self, each: UnmanagedJob, prompt: str) -> Recipe:
        job, provider = each.job, self._around.providers[each.provider]
        profile, usual = provider.profile, self._around.usual[each.provider]

        def chosen(key: str, told: str | None, found: _T | None, otherwise: _T | None) -> _T:
            if found is not None:
                return found
            if otherwise is None:
                raise _NothingToWriteError(
                    f"its {key} is not told, and provider {provider.name} has no default",
                    f"say default_{key} under [providers.{provider.name}]",
                )
            if told and key in profile.echoes:
                raise _NothingToWriteError(
                    f"provider {provider.name} is not said to offer {key} {told}",
                    f"add it under [providers.{provider.name}], or declare it by hand",
                )
            return otherwise

        model = model_told(job.model, profile) if job.model else None
        seconds = seconds_told(job.seconds, profile) if job.seconds else None
        size = size_told(job.size, profile, model) if job.size else None
        return Recipe(
            account=provider.account,
            prompt=prompt,
            model=chosen("model", job.model, model, usual.model or profile.default_model),
            seconds=chosen(
                "seconds", job.seconds, seconds, usual.seconds or profile.default_seconds
            ),
            size=chosen("size", job.size, size, usual.size or profile.default_size),
        )

    def _see_that_it_can_be_had(self, each: UnmanagedJob) -> None:
        job, key = each.job, self._key(each)
        if key in self._refused:
            raise _NothingToWriteError(self._refused[key])
        if key in self._remembered:
            raise _NothingToWriteError(
                "the asset store remembers it: what declares its recipe gets it back"
            )
        if job.status is JobStatus.FAILED:
            raise _NothingToWriteError("it failed, so it has no video")
        if job.expires_at is not None and job.expires_at <= self._around.at:
            raise _NothingToWriteError("its video has expired")
        if re.search(r"\s", job.remote_id):
            raise _NothingToWriteError("its id has a blank in it, and no [[import]] can name that")
        attempt = awaiting(self._around.recorded.attempts, key[0], job)
        if attempt is not None:
            raise _NothingToWriteError(
                f"it may be what the paid request for {attempt.address} made, whose answer was"
                " lost",
                f"decide that first: sorafile resolve '{attempt.address}'",
            )

    def _see_that_nothing_untold_was_asked_for(self, recipe: Recipe, job: ObservedJob) -> None:
        """What a list never tells of may be what a declared video asks for, of this very job."""
        for declaration in self._wanting:
            other = declaration.recipe
            untold = "reference image" if other.reference is not None else "extra fields"
            if replace(other, reference=None, extra=()).kin == recipe.kin != other.kin:
                raise _NothingToWriteError(
                    f"it may be what {declaration.address} asks for, whose {untold} no"
                    " server tells",
                    f"if it is: sorafile import '{declaration.address}' {job.remote_id}",
                )

    @cached_property
    def _remembered(self) -> Mapping[JobKey, RecipeDigest]:
        return {(each.account, each.remote_id): each.digest for each in self._around.sidecars}

    @cached_property
    def _wanting(self) -> tuple[Declaration, ...]:
        """The declared videos that have no job, and that no block gives one; of each recipe one."""
        recorded = self._around.recorded
        having = {
            each.digest
            for each in recorded.generations.values()
            if each.status is not JobStatus.FAILED and not each.lost
        }
        having |= {each.digest for each in recorded.attempts if each.state.is_unresolved}
        having |= set(self._remembered.values())
        having |= {
            self._around.desired[address].digest
            for address in self._around.blocks.imports
            if address in self._around.desired
        }
        found: dict[RecipeDigest, Declaration] = {}
        for _, declaration in sorted(self._around.desired.items()):
            if declaration.digest not in having:
                found.setdefault(declaration.digest, declaration)
        return tuple(found.values())

    def _unmade(self) -> Mapping[RecipeDigest, list[Declaration]]:
        """Those of them that a job may be taken into, by what all their takes ask for."""
        found: dict[RecipeDigest, list[Declaration]] = {}
        for each in sorted(self._wanting, key=lambda each: (each.recipe.take, each.address)):
            found.setdefault(each.recipe.kin, []).append(each)
        return found

    def _declared_origins(self) -> Iterator[tuple[JobKey, _Origin]]:
        """The jobs of declared videos. Of several that share one, the last to tell counts.

        That is the one that names its take, so that another pick changes no remix.
        """
        told: dict[RecipeDigest, list[JobKey]] = {}
        for key, digest in self._remembered.items():
            told.setdefault(digest, []).append(key)
        videos, imports = self._around.recorded.videos, self._around.blocks.imports
        last_first = sorted(self._around.desired.items(), key=lambda each: each[0], reverse=True)
        for address, declaration in sorted(last_first, key=lambda each: len(each[0].keys)):
            origin, held = _origin_of(declaration), videos.get(address)
            for each in (held.current, held.pending) if held else ():
                if each is not None and each.digest == declaration.digest:
                    yield (each.account, each.remote_id), origin
            for key in told.get(declaration.digest, ()):
                yield key, origin
            if address in imports:
                yield (declaration.recipe.account, imports[address].remote_id), origin

    def _is_ready(self, each: UnmanagedJob) -> bool:
        return not each.job.remixed_from or self._parent_of(each) is not None

    def _parent_of(self, each: UnmanagedJob) -> _Origin | None:
        parent = each.job.remixed_from
        return self._origins.get((self._key(each)[0], parent)) if parent else None

    def _key(self, each: UnmanagedJob) -> JobKey:
        return self._around.providers[each.provider].account, each.job.remote_id

    def _leave_out(self, each: UnmanagedJob, error: _NothingToWriteError) -> None:
        left_out = LeftOut(
            provider=each.provider, remote_id=each.job.remote_id, why=error.why, fix=error.fix
        )
        self._left_out.append(left_out)


class _Names:
    """Short names made of prompts; none that is taken, nor one whose files would be another's."""

    def __init__(self, around: Surroundings) -> None:
        blocks = around.blocks
        spoken_of = (
            *(each for block in blocks.moved for each in (block.source, block.target)),
            *(block.source for block in blocks.removed),
        )
        addresses = (*around.desired, *around.recorded.videos, *spoken_of)
        self._names = {address.name.casefold() for address in addresses}
        self._paths = {address.in_paths.casefold() for address in addresses}

    def of(self, prompt: str, kin: RecipeDigest, takes: int) -> str:
        """A name for a video of so many takes, which nobody else gets from now on."""
        first = _slug(prompt) or f"video-{kin.removeprefix('sha256:')[:8]}"
        number, name = 1, first
        while name in self._names or self._paths & _paths_of(name, takes):
            number += 1
            name = f"{first}-{number}"
        self._names.add(name)
        self._paths |= _paths_of(name, takes)
        return name


def _paths_of(name: str, takes: int) -> set[str]:
    """What its files are named by; the bare name, too, should there be a pick one day."""
    keys = ((str(take),) for take in range(1, takes + 1) if takes > 1)
    return {Address(name).in_paths, *(Address(name, each).in_paths for each in keys)}


def _slug(prompt: str) -> str:
    """The first words of a prompt, as far as they can be told in plain letters."""
    plain = unicodedata.normalize("NFKD", prompt.casefold()).encode("ascii", "ignore").decode()
    words = re.findall("[a-z0-9]+", plain.replace("'", ""))
    while words[1:] and words[0] in _ARTICLES:
        words.pop(0)
    chosen = words[:1]
    for word in words[1:_WORDS_MAX]:
        if len("-".join((*chosen, word))) > _CHARACTERS_MAX:
            break
        chosen.append(word)
    while chosen[1:] and chosen[-1] in _JOINTS:
        chosen.pop()
    return "-".join(chosen)[:_CHARACTERS_MAX]


def _prompt_of(job: ObservedJob, profile: Profile) -> str:
    """A job's prompt as its recipe holds it.

    Raises:
        _NothingToWriteError: the server does not tell it, or it is none that can be written.
    """
    if not job.prompt:
        raise _NothingToWriteError(
            "the server does not tell its prompt",
            f"declare a video with it, then: sorafile import ADDR {job.remote_id}",
        )
    prompt = normal_prompt(job.prompt)
    found = NOT_IN_PROMPTS.search(prompt)
    if found is not None:
        raise _NothingToWriteError(
            f"its prompt holds the control character U+{ord(found[0]):04X}, and no spec may",
            f"declare a video without it, then: sorafile import ADDR {job.remote_id} --yes",
        )
    if not prompt.strip():
        raise _NothingToWriteError("its prompt is blank, and no spec's may be")
    if len(prompt) > profile.prompt_characters_max:
        raise _NothingToWriteError(
            f"its prompt has {len(prompt)} characters, and {profile.prompt_characters_max} are"
            " allowed"
        )
    return prompt


def _unknown_parent(each: UnmanagedJob) -> _NothingToWriteError:
    parent = each.job.remixed_from
    return _NothingToWriteError(
        f"it is a remix of job {parent}, which no declared video has",
        f"take that first, with sorafile import ADDR {parent} --write; or declare this one, with"
        f' remix_of_id = "{parent}"',
    )


def _as_extension(parent: _Origin, job: ObservedJob, profile: Profile) -> str | None:
    """What to do about a job that is as long as an extension of its parent would be."""
    if not profile.extend or parent.seconds is None or "seconds" not in profile.echoes:
        return None
    echo = _of_remix(parent, profile)
    for added in profile.extend_seconds or _longer_by(parent.seconds, job):
        whole = replace(echo, seconds=parent.seconds + added)
        if compare(whole, job) is not Match.DIFFERENT:
            return (
                f'if it is an extension, declare it with extends = "{parent.address}" and seconds ='
                f" {added}, then: sorafile import ADDR {job.remote_id}"
            )
    return None


def _longer_by(seconds: int, job: ObservedJob) -> tuple[int, ...]:
    """By how much a job is longer than that, where it is by whole seconds."""
    try:
        added = float(job.seconds or "") - seconds
    except ValueError:
        return ()
    return (int(added),) if added > 0 and added.is_integer() else ()


def _of_remix(parent: _Origin, profile: Profile) -> Echo:
    """What a remix repeats of its parent."""
    kept = {key: key in profile.echoes for key in ("model", "seconds", "size")}
    return Echo(
        prompt=None,
        model=parent.model if kept["model"] else None,
        seconds=parent.seconds if kept["seconds"] else None,
        size=parent.size if kept["size"] else None,
        parent=None,
        blind=("prompt", "parent"),
    )


def _origin_of(declaration: Declaration) -> _Origin:
    return _Origin(
        address=declaration.address,
        provider=declaration.provider,
        digest=declaration.digest,
        model=declaration.model,
        seconds=declaration.seconds,
        size=declaration.size,
    )


def _age(each: UnmanagedJob) -> tuple[datetime, str, str]:
    return each.job.created_at or _BEFORE_ALL, each.job.remote_id, each.provider
