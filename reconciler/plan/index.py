"""The world, looked at from the questions that the decision table asks."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.observed import FileFact, ObservedJob, Sidecar, unrecorded
from reconciler.domain.profile import Variant
from reconciler.domain.provider import Provider, reaching
from reconciler.domain.recipe import RecipeDigest, Sha256
from reconciler.domain.recorded import (
    Asset,
    Attempt,
    AttemptId,
    AttemptState,
    Generation,
    GenerationId,
    JobStatus,
    PublishedFile,
    Recorded,
)
from reconciler.domain.world import World
from reconciler.plan.deadlines import is_overdue, overdue
from reconciler.plan.lost_answers import may_have_made


@dataclass(frozen=True)
class Index:
    """Answers about one world; every answer is worked out at most once."""

    world: World

    def recorded(self, address: Address) -> Recorded | None:
        """What the state remembers of an address."""
        return self.world.recorded.videos.get(address)

    def provider_of(self, generation: Generation) -> Provider | None:
        """The provider that can reach a generation's job; None if the project has none."""
        providers = self.world.providers
        return reaching(providers, name=generation.provider, account=generation.account)

    @cached_property
    def unresolved(self) -> Mapping[RecipeDigest, Attempt]:
        """The attempts whose outcome is unknown, by their recipe."""
        attempts = self.world.recorded.attempts
        return {attempt.digest: attempt for attempt in attempts if attempt.state.is_unresolved}

    @cached_property
    def written_off(self) -> Mapping[RecipeDigest, Attempt]:
        """The attempts after which nobody wants their recipes bought again."""
        return {
            attempt.digest: attempt
            for attempt in self.world.recorded.given_up
            if attempt.state is AttemptState.WRITTEN_OFF and not attempt.may_repeat
        }

    def unclaimed(self, provider: str) -> tuple[ObservedJob, ...]:
        """The unmanaged jobs that a provider lists, newest first.

        Without those that an unresolved attempt may have made: they are nobody else's before
        its outcome is known.
        """
        return self._unclaimed.get(provider, ())

    @cached_property
    def _unclaimed(self) -> Mapping[str, tuple[ObservedJob, ...]]:
        recorded, found = self.world.recorded, {}
        for name, listing in self.world.observed.listed.items():
            account = self.world.providers[name].account
            generations = recorded.generations.values()
            known = {each.remote_id for each in generations if each.account == account}
            known |= {
                remote_id for whose, remote_id in self.world.observed.told if whose == account
            }
            unresolved = [a for a in recorded.attempts if a.state.is_unresolved]
            claims = [attempt for attempt in unresolved if attempt.account == account]
            found[name] = tuple(
                job
                for job in listing.jobs
                if job.remote_id not in known
                and not any(may_have_made(attempt, job) for attempt in claims)
            )
        return found

    @cached_property
    def generations(self) -> Mapping[GenerationId, Generation]:
        """Every recorded generation, brought up to date by what was observed of it."""
        observed = self.world.observed
        return {
            identity: _with_stored(
                _up_to_date(generation, observed.jobs.get(identity)),
                unrecorded(generation, observed),
            )
            for identity, generation in self.world.recorded.generations.items()
        }

    def now(self, generation: Generation) -> Generation:
        """One generation as it was observed."""
        return self.generations.get(generation.id, generation)

    @cached_property
    def _by_digest(self) -> Mapping[RecipeDigest, tuple[Generation, ...]]:
        found: defaultdict[RecipeDigest, list[Generation]] = defaultdict(list)
        for _, generation in sorted(self.generations.items()):
            found[generation.digest].append(generation)
        return {digest: tuple(same) for digest, same in found.items()}

    def of_recipe(self, digest: RecipeDigest) -> Generation | None:
        """The best live generation of a recipe: stored, else finished, else running.

        One whose video is lost, and not recorded so yet, comes last.
        """

        def worth(generation: Generation) -> tuple[bool, bool, bool, str]:
            return (
                self.is_whole(generation),
                not self.is_lost(generation),
                not generation.status.is_running,
                str(generation.id),
            )

        live = [
            generation
            for generation in self._by_digest.get(digest, ())
            if generation.status is not JobStatus.FAILED and not generation.lost
        ]
        return max(live, key=worth, default=None)

    def remembered(self, digest: RecipeDigest) -> Sidecar | None:
        """The best generation of a recipe that only the asset store tells of.

        One whose video is here, else one whose job may still be on its server; of several,
        the newest.
        """
        known = {(each.account, each.remote_id): each for each in self._by_digest.get(digest, ())}

        def worth(sidecar: Sidecar) -> tuple[bool, datetime, str]:
            made_at = sidecar.completed_at or sidecar.created_at
            return self.has_video(sidecar), made_at, sidecar.remote_id

        told = [
            sidecar
            for sidecar in self.world.observed.sidecars.get(digest, ())
            if self.has_video(sidecar)
            or self._was_never_asked_for(known.get((sidecar.account, sidecar.remote_id)))
        ]
        return max(told, key=worth, default=None)

    def _was_never_asked_for(self, generation: Generation | None) -> bool:
        """Whether its video may be on its server still: nothing but a sidecar tells of it."""
        if generation is None:
            return True
        is_from_sidecar = generation.origin == "restored" and not generation.assets
        return is_from_sidecar and not self.is_gone(generation)

    def has_video(self, sidecar: Sidecar) -> bool:
        """Whether the video that a sidecar tells of is whole in the store."""
        video = next((each for each in sidecar.assets if each.variant is Variant.VIDEO), None)
        return video is not None and self.asset_is_whole(video)

    def in_use(self, digest: RecipeDigest) -> Generation | None:
        """What declared addresses of a recipe hold of it; a lost generation last."""
        same = (each for each in self._by_digest.get(digest, ()) if each.id in self.users)
        return min(same, key=self.is_lost, default=None)

    def is_of_another(self, digest: RecipeDigest | None, address: Address) -> bool:
        """Whether other addresses hold this recipe, and not this one."""
        same = self._by_digest.get(digest, ()) if digest is not None else ()
        holders = {holder for each in same for holder in self.holders.get(each.id, ())}
        return bool(holders) and address not in holders

    def asset_is_whole(self, asset: Asset) -> bool:
        """Whether the store has its bytes; what was not looked at is trusted."""
        return self.world.observed.stored.get(asset.sha256, True)

    def is_whole(self, generation: Generation) -> bool:
        """Whether its video is whole in the store."""
        video = generation.asset(Variant.VIDEO)
        return video is not None and self.asset_is_whole(video)

    def has_bytes(self, generation: Generation, variant: Variant) -> bool:
        """Whether the bytes of a variant are here: in the store, or published."""
        asset = generation.asset(variant)
        return asset is not None and (self.asset_is_whole(asset) or self.copy_of(asset) is not None)

    def is_lost(self, generation: Generation) -> bool:
        """Whether its video is neither stored nor published nor on its server any more."""
        if generation.lost or generation.status is JobStatus.FAILED:
            return generation.lost
        return self.is_gone(generation) and not self.has_bytes(generation, Variant.VIDEO)

    def is_waiting(self, generation: Generation) -> bool:
        """Whether its video is finished, paid for, and so far only on its server."""
        return (
            generation.status is JobStatus.COMPLETED
            and not self.is_lost(generation)
            and not self.has_bytes(generation, Variant.VIDEO)
        )

    def failures(self, digest: RecipeDigest) -> int:
        """How many jobs of a recipe have failed."""
        same = self._by_digest.get(digest, ())
        return sum(generation.status is JobStatus.FAILED for generation in same)

    def last_failure(self, digest: RecipeDigest) -> Generation | None:
        """The job of a recipe that failed last, by when it was made."""
        same = self._by_digest.get(digest, ())
        failed = (each for each in same if each.status is JobStatus.FAILED)
        return max(failed, key=lambda each: (each.created_at, each.id), default=None)

    def deadline_s(self, generation: Generation, address: Address) -> float | None:
        """For how long a job that an address holds is waited for.

        By the word of its spec; where it is declared no more, by that under which it was bought.
        """
        declaration = self.world.desired.get(address)
        if declaration is not None:
            return declaration.lifecycle.deadline_s
        return self._bought_under.get(generation.attempt)

    @cached_property
    def _bought_under(self) -> Mapping[AttemptId | None, float | None]:
        return {attempt.id: attempt.deadline_s for attempt in self.world.recorded.attempts}

    def overdue(self, generation: Generation, address: Address) -> str | None:
        """Why a job is waited for no more, for people; None where it is, or has ended."""
        now, deadline_s = self.now(generation), self.deadline_s(generation, address)
        at = self.world.observed.at
        if deadline_s is None or self.is_lost(now) or not is_overdue(now, deadline_s, at):
            return None
        return overdue(now, deadline_s, at)

    def copy_of(self, asset: Asset) -> PublishedFile | None:
        """A whole published file, of whatever address, with the bytes of an asset."""
        return self._copies.get(asset.sha256)

    @cached_property
    def _copies(self) -> Mapping[Sha256, PublishedFile]:
        files = (
            file
            for _, recorded in sorted(self.world.recorded.videos.items(), reverse=True)
            for file in recorded.published
        )
        return {file.sha256: file for file in files if self.is_intact(file)}

    def fact(self, path: str) -> FileFact | None:
        """The file at a path, where one was seen."""
        return self.world.observed.files.get(path)

    @cached_property
    def ours(self) -> frozenset[str]:
        """The paths of all files that this workspace has published, and that may be replaced.

        A folder or a link where one was published is somebody else's: it cannot be read.
        """
        videos = self.world.recorded.videos.values()
        published = (file for recorded in videos for file in recorded.published)
        return frozenset(file.path for file in published if not self._is_no_file(file))

    def _is_no_file(self, file: PublishedFile) -> bool:
        fact = self.fact(file.path)
        return fact is not None and fact.sha256 is None and fact.stat != file.stat

    def was_seen(self, path: str) -> bool:
        """Whether a path was looked at."""
        return path in self.world.observed.files

    def is_intact(self, file: PublishedFile) -> bool:
        """Whether a published file holds the bytes recorded; unlooked-at is trusted."""
        if not self.was_seen(file.path):
            return True
        fact = self.fact(file.path)
        if fact is None:
            return False
        return fact.stat == file.stat if fact.sha256 is None else fact.sha256 == file.sha256

    @cached_property
    def moves(self) -> Mapping[Address, Recorded]:
        """The undeclared addresses whose generation a newly declared address asks for.

        Failed and lost ones move too: a rename is no new asking, so it buys nothing again.
        """
        desired, videos = self.world.desired, self.world.recorded.videos
        found: dict[Address, Recorded] = {}
        taken: set[Address] = set()
        for held in (_current, _edit_in_the_making):
            leaving: dict[RecipeDigest, list[Recorded]] = {}
            for address, recorded in sorted(videos.items()):
                generation = held(recorded)
                if generation and address not in desired and address not in taken:
                    leaving.setdefault(generation.digest, []).append(recorded)
            for address in sorted(desired):
                sources = leaving.get(desired[address].digest)
                if sources and address not in found and address not in videos:
                    found[address] = sources.pop(0)
                    taken.add(found[address].address)
        return found

    @cached_property
    def users(self) -> Mapping[GenerationId, tuple[Address, ...]]:
        """The declared addresses whose own recipe a generation is, of those that hold it.

        One that moves is held where it comes to.
        """
        found: defaultdict[GenerationId, list[Address]] = defaultdict(list)
        for address, declaration in sorted(self.world.desired.items()):
            recorded = self.moves.get(address, self.recorded(address))
            held = (recorded.current, recorded.pending) if recorded else ()
            same = {each.id for each in held if each and each.digest == declaration.digest}
            for identity in same:
                found[identity].append(address)
        return {identity: tuple(addresses) for identity, addresses in found.items()}

    @cached_property
    def holders(self) -> Mapping[GenerationId, tuple[Address, ...]]:
        """All addresses of this workspace that hold a generation."""
        found: defaultdict[GenerationId, list[Address]] = defaultdict(list)
        for address, recorded in sorted(self.world.recorded.videos.items()):
            for identity in dict.fromkeys(generation.id for generation in recorded.generations):
                found[identity].append(address)
        return {identity: tuple(addresses) for identity, addresses in found.items()}

    def is_gone(self, generation: Generation) -> bool:
        """Whether its server gives it no more, as far as can be known."""
        if not generation.on_server:
            return True
        if self.is_expired(generation):
            return True
        provider = self.provider_of(generation)
        settle_s = provider.profile.settle_s if provider else 0.0
        return generation.is_missed_for_good(self.world.observed.at, settle_s)

    def is_expired(self, generation: Generation) -> bool:
        """Whether its video has had its time, by the server's own word."""
        expires_at = generation.expires_at
        return expires_at is not None and expires_at <= self.world.observed.at

    def expiry(self, generation: Generation) -> datetime | None:
        """When its server gives its video no more: its own word, else its profile's; None: never.

        Of a job that runs nobody knows when it will be finished.
        """
        if generation.expires_at is not None or generation.status.is_running:
            return generation.expires_at
        finished_at = generation.completed_at or generation.created_at
        return _end_of_life(finished_at, self.provider_of(generation))

    def expiry_of_job(self, job: ObservedJob, provider: str) -> datetime | None:
        """Likewise of a job that nobody recorded."""
        finished_at = job.completed_at or job.created_at
        if job.expires_at is not None or job.status.is_running or finished_at is None:
            return job.expires_at
        return _end_of_life(finished_at, self.world.providers.get(provider))

    def expiry_of_sidecar(self, sidecar: Sidecar) -> datetime | None:
        """Likewise of a generation that only a sidecar tells of."""
        providers = self.world.providers
        able = reaching(providers, name=sidecar.provider, account=sidecar.account)
        return _end_of_life(sidecar.completed_at or sidecar.created_at, able)

    @cached_property
    def askers(self) -> Mapping[RecipeDigest, int]:
        """How many declared videos ask for a recipe."""
        return Counter(declaration.digest for declaration in self.world.desired.values())

    def is_named_parent(self, generation: Generation) -> bool:
        """Whether a declaration names its job, by the id, as what it is a remix of."""
        return (generation.account, generation.remote_id) in self._named_parents

    @cached_property
    def _named_parents(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (each.recipe.account, each.external_parent)
            for each in self.world.desired.values()
            if each.external_parent is not None
        )

    @cached_property
    def derived(self) -> Mapping[Address, tuple[Declaration, ...]]:
        """The declared videos that derive from each declared one."""
        found: defaultdict[Address, list[Declaration]] = defaultdict(list)
        for _, declaration in sorted(self.world.desired.items()):
            if declaration.parent is not None:
                found[declaration.parent].append(declaration)
        return {parent: tuple(children) for parent, children in found.items()}


def _current(recorded: Recorded) -> Generation | None:
    return recorded.current


def _edit_in_the_making(recorded: Recorded) -> Generation | None:
    """What would replace the current one, unless that is protected by now."""
    return None if recorded.current and recorded.lifecycle.protect else recorded.pending


def _with_stored(generation: Generation, sidecar: Sidecar | None) -> Generation:
    """A generation with what the asset store has of it, where the state does not say so."""
    if sidecar is None:
        return generation
    return replace(
        generation, assets=sidecar.assets, status=JobStatus.COMPLETED, lost=False, missing_count=0
    )


def _end_of_life(finished_at: datetime, provider: Provider | None) -> datetime | None:
    lifetime_s = provider.profile.asset_lifetime_s if provider else None
    return None if lifetime_s is None else finished_at + timedelta(seconds=lifetime_s)


def _up_to_date(generation: Generation, seen: ObservedJob | str | None) -> Generation:
    if seen is None:
        return generation
    if not isinstance(seen, ObservedJob):
        # One more sighting, counted here as the state would count it.
        return replace(generation, missing_count=generation.missing_count + 1)
    # Completed and failed are final, here as in the state: an old copy of the answer must
    # not make a paid video look unfinished, nor a late failure one that is stored look failed.
    return replace(
        generation,
        status=seen.status if generation.status.is_running else generation.status,
        progress=max(generation.progress, seen.progress),
        completed_at=seen.completed_at or generation.completed_at,
        expires_at=seen.expires_at or generation.expires_at,
        error=seen.error or generation.error,
        missing_count=0,
        missing_since=None,
        on_server=True,
    )
