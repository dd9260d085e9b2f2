"""Declaring jobs that a server has already: the TOML is written for them."""

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from typing_extensions import TypedDict

from reconciler.cli.asking import consent
from reconciler.cli.documents import FORMAT
from reconciler.cli.opening import mistakes_told, open_outside, open_project, print_document
from reconciler.cli.options import Options
from reconciler.cli.planning import look_and_plan
from reconciler.cli.remote_jobs import declared_provider, every_job
from reconciler.cli.units import plural, printable
from reconciler.cli.variables import given_variables
from reconciler.cli.wiring import Declared, read_project, rewrite, write_new
from reconciler.domain.address import NAME, Address
from reconciler.domain.drafts import Drafts, UnmanagedJob, Usual
from reconciler.domain.errors import (
    Diagnostic,
    ExitCode,
    InvalidSpecError,
    JobGoneError,
    SorafileError,
)
from reconciler.domain.plan import Reason
from reconciler.plan.drafting import JobKey, Surroundings, draft_all, draft_one
from reconciler.specs.additions import CannotAddError, added, toml_of, usual_of
from reconciler.specs.codes import Code
from reconciler.specs.folder import ProjectFolder
from reconciler.specs.shape import DefaultsTable

_NEW_FILE = "imported.toml"


class ImportDocument(TypedDict):
    """A job, and what it is to be."""

    to: str
    id: str
    declared: bool  # already, so that only the job is named


class LeftOutDocument(TypedDict):
    """A job for which nothing is written."""

    provider: str
    id: str
    why: str
    fix: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The spec file that something is to be added to."""

    file: str  # relative to the project
    path: Path
    text: str | None  # as it is; None: it is not there yet


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """What would be written, once it is known to be taken by a plan."""

    drafts: Drafts
    toml: str
    text: str  # the whole file


def write_import(
    said: Options, name: str, remote_id: str, provider_name: str | None, file: str, *, yes: bool
) -> int:
    """Declare one job under a name, in a spec file; an empty `file` chooses one."""
    declared = open_project(said)
    _see_that_name_is_free(said, declared, name)
    provider = declared_provider(declared, provider_name)
    desk = _Desk(said, declared, _target(said, declared, file))

    async def ready() -> _Ready:
        try:
            job = await desk.job(provider.name, remote_id)
            return await desk.one(name, job)
        finally:
            await desk.outside.aclose()

    return desk.write(asyncio.run(ready()), yes=yes)


def show_imports(said: Options, provider_name: str | None) -> int:
    """Print what would be written for every unmanaged job; nothing is changed."""
    declared = open_project(said)
    desk = _Desk(said, declared, _target(said, declared, ""))
    chosen = f" --provider {provider_name}" if provider_name else ""
    write = said.command(f"import --all{chosen} --write")
    return desk.show(asyncio.run(_ready_for_all(desk, provider_name)), write)


def write_imports(said: Options, provider_name: str | None, file: str, *, yes: bool) -> int:
    """Declare every unmanaged job, in a spec file; an empty `file` chooses one."""
    declared = open_project(said)
    desk = _Desk(said, declared, _target(said, declared, file))
    return desk.write(asyncio.run(_ready_for_all(desk, provider_name)), yes=yes)


async def _ready_for_all(desk: "_Desk", provider_name: str | None) -> _Ready:
    try:
        return await desk.all(await desk.jobs(provider_name))
    finally:
        await desk.outside.aclose()


class _Desk:
    """One command's look at the project, the state and the servers."""

    def __init__(self, said: Options, declared: Declared, target: Target) -> None:
        self.outside = open_outside(said, declared)
        self._said = said
        self._declared = declared
        self._target = target
        own = declared.defaults.get(target.file, DefaultsTable())
        self._usual: Mapping[str, Usual] = {
            name: usual_of(own, declared.project, provider)
            for name, provider in declared.providers.items()
        }
        recorded = self.outside.reader().read()
        sidecars = tuple(self.outside.assets.every_sidecar()) if recorded.is_new else ()
        self._around = Surroundings(
            desired=declared.desired,
            blocks=declared.blocks,
            recorded=recorded,
            sidecars=sidecars,
            providers=declared.providers,
            usual=self._usual,
            at=self.outside.clock.now(),
        )

    async def job(self, provider: str, remote_id: str) -> UnmanagedJob:
        """One job that nobody has."""
        said, account = self._said, self._declared.providers[provider].account
        for generation in self._around.recorded.generations.values():
            if (generation.account, generation.remote_id) == (account, remote_id):
                show = said.command(f"remote show {shlex.quote(remote_id)} --provider {provider}")
                raise SorafileError(f"job {remote_id} is recorded already", fix=f"see: {show}")
        for address, block in self._declared.blocks.imports.items():
            if block.remote_id == remote_id and self._account_of(address) == account:
                raise SorafileError(
                    f"an [[import]] block takes job {remote_id} into {address} already",
                    fix=f"bring it home with: {said.command('apply')}",
                )
        try:
            seen = await self.outside.server_of(provider).retrieve(remote_id)
        except JobGoneError as error:
            listing = said.command(f"remote list --unmanaged --provider {provider}")
            raise SorafileError(
                f"{provider} knows no job {remote_id}", fix=f"see its jobs: {listing}"
            ) from error
        return UnmanagedJob(provider=provider, job=seen)

    async def jobs(self, provider_name: str | None) -> list[UnmanagedJob]:
        """All jobs that one provider lists, or every one that is used here."""
        if provider_name is not None:
            names = [declared_provider(self._declared, provider_name).name]
        else:
            names = sorted(self._used_providers())
        listing = [n for n in names if self._declared.providers[n].profile.list != "none"]
        for name in names:
            if name not in listing:
                self._said.terminal.talk(f"Provider {name} has no list of jobs.")
        return [
            UnmanagedJob(provider=name, job=job)
            for name in listing
            for job in await every_job(self.outside, name)
        ]

    def _used_providers(self) -> set[str]:
        """All but the embedded one, which is not started for nothing."""
        makers = {each.provider for each in self._declared.desired.values()}
        makers.add(self._declared.project.default_provider)
        return {
            name
            for name, provider in self._declared.providers.items()
            if name in makers or not provider.profile.embedded
        }

    async def one(self, name: str, job: UnmanagedJob) -> _Ready:
        """What takes one job under a name.

        Raises:
            SorafileError: nothing can.
        """
        drafts = draft_one(name, job, self._around)
        for each in drafts.left_out:
            raise SorafileError(
                f"job {each.remote_id} cannot be taken so: {each.why}", fix=each.fix
            )
        ready = self._ready(drafts)
        for why in (await self._refused(ready, [job])).values():
            raise SorafileError(f"job {job.job.remote_id} cannot be taken so: {why}")
        return ready

    async def all(self, jobs: Sequence[UnmanagedJob]) -> _Ready:
        """What takes all of the jobs that can be taken."""
        refused: dict[JobKey, str] = {}
        while True:
            ready = self._ready(draft_all(jobs, self._around, refused))
            found = await self._refused(ready, jobs)
            if not found:
                return ready
            refused |= found

    def _ready(self, drafts: Drafts) -> _Ready:
        before, file = self._target.text or "", self._target.file
        toml = toml_of(drafts, self._usual)
        try:
            text = added(file, before, toml) if toml else before
        except CannotAddError as error:
            raise SorafileError(
                f"nothing can be added to {file}: {error}",
                fix="name another spec file: --write FILE",
            ) from error
        return _Ready(drafts=drafts, toml=toml, text=text)

    async def _refused(self, ready: _Ready, jobs: Sequence[UnmanagedJob]) -> dict[JobKey, str]:
        """The jobs that a plan would not take, though they were written so; and why."""
        taken = ready.drafts.all_imports
        if not taken:
            return {}
        declared = self._as_written(ready.text)
        desired = declared.desired
        jobs_by_key = {(self._account(each), each.job.remote_id): each.job for each in jobs}
        keys = {
            each.target: (desired[each.target].recipe.account, each.remote_id) for each in taken
        }
        seen = {
            (desired[address].provider, key[1]): jobs_by_key[key] for address, key in keys.items()
        }
        with mistakes_told(self._said):
            looked = await look_and_plan(
                declared, self.outside, workspace=self._said.workspace, seen=seen
            )
        actions = {action.address: action for action in looked.plan.actions}
        found: dict[JobKey, str] = {}
        for address, key in keys.items():
            action = actions.get(address)
            if action is None or action.reason is not Reason.IMPORTED:
                because = action.because if action else "nothing would be done"
                found[key] = f"a plan would not take it: {because}"
        return found

    def _as_written(self, text: str) -> Declared:
        """The project as it would be.

        Raises:
            click.exceptions.Exit: it would be invalid, and every mistake was told.
        """
        said = self._said
        with mistakes_told(said):
            try:
                given = given_variables(said)
                drafted = {self._target.file: text}
                return read_project(said.folder, said.workspace, given, drafted=drafted)
            except InvalidSpecError:
                said.terminal.complain(
                    f"Nothing was written: with what would be added to {self._target.file},"
                    " the specs would be wrong."
                )
                raise

    def _account(self, each: UnmanagedJob) -> str:
        return self._declared.providers[each.provider].account

    def _account_of(self, address: Address) -> str | None:
        declaration = self._declared.desired.get(address)
        return declaration.recipe.account if declaration else None

    def show(self, ready: _Ready, to_write: str) -> int:
        """Print the TOML, and the command that writes it."""
        said = self._said
        if said.json:
            print_document(said, self._document(ready, written=False))
            return ExitCode.OK
        self._tell_what_is_left_out(ready)
        if ready.toml:
            said.terminal.out.print(ready.toml, end="", markup=False, soft_wrap=True)
            said.terminal.talk(f"This would be added to {self._target.file} by: {to_write}")
        else:
            said.terminal.talk("There is no job to take.")
        return ExitCode.OK

    def write(self, ready: _Ready, *, yes: bool) -> int:
        """Write the TOML, once a person has said so, and tell what was written."""
        said, target = self._said, self._target
        if not said.json:
            self._tell_what_is_left_out(ready)
        if ready.toml:
            if not yes:
                if said.may_ask and not said.json:
                    said.terminal.err.print(ready.toml, markup=False, soft_wrap=True)
                consent(said, f"This adds {_counted(ready.drafts)} to {target.file}", "Write it?")
            _replace(target, ready.text)
        if said.json:
            print_document(said, self._document(ready, written=bool(ready.toml)))
            return ExitCode.OK
        for each in ready.drafts.all_imports:
            said.terminal.out.print(f"{each.target}  {printable(each.remote_id)}", soft_wrap=True)
        if ready.toml:
            said.terminal.talk(
                f"Added {_counted(ready.drafts)} to {target.file}. Bring"
                f" {'it' if len(ready.drafts.all_imports) == 1 else 'them'} home with:"
                f" {said.command('apply')}"
            )
        else:
            said.terminal.talk("There is no job to take.")
        return ExitCode.OK

    def _tell_what_is_left_out(self, ready: _Ready) -> None:
        for each in ready.drafts.left_out:
            self._said.terminal.talk(f"Left out: job {printable(each.remote_id)}: {each.why}.")
            if each.fix:
                self._said.terminal.talk(f"  fix: {each.fix}")

    def _document(self, ready: _Ready, *, written: bool) -> dict[str, object]:
        declared = set(ready.drafts.imports)
        return {
            "format_version": FORMAT,
            "file": self._target.file,
            "written": written,
            "imports": [
                ImportDocument(to=str(each.target), id=each.remote_id, declared=each in declared)
                for each in ready.drafts.all_imports
            ],
            "left_out": [
                LeftOutDocument(
                    provider=each.provider, id=each.remote_id, why=each.why, fix=each.fix
                )
                for each in ready.drafts.left_out
            ],
            "toml": ready.toml,
        }


def _counted(drafts: Drafts) -> str:
    """`2 videos`, `2 videos and jobs for 3 that are declared`."""
    videos = plural(len(drafts.videos), "video")
    if not drafts.imports:
        return videos
    jobs = f"{plural(len(drafts.imports), 'job')} of declared videos"
    return f"{videos} and {jobs}" if drafts.videos else jobs


def _see_that_name_is_free(said: Options, declared: Declared, name: str) -> None:
    """See that a name can be given to a new video.

    Raises:
        SorafileError: it cannot.
        click.exceptions.Exit: it is declared, and where that is was told.
    """
    if not NAME.fullmatch(name):
        raise SorafileError(
            f"`{name}` is no name for a new video", fix="write letters, digits, `_` and `-`"
        )
    spec = next((each for each in declared.specs.values() if each.name == name), None)
    if spec is not None:
        found = Diagnostic(
            code=Code.DUPLICATE.value,
            summary=f"video `{name}` is declared already",
            span=spec.file.document.key_span(spec.path),
            fix="take another name; or, if the job is its video, leave out --write",
        )
        with mistakes_told(said):
            raise InvalidSpecError((found,))
    recorded = open_outside(said, declared).reader().read()
    if any(address.name == name for address in recorded.videos):
        raise SorafileError(
            f"{name} is not declared, but recorded still",
            fix=f"take another name, or let go of it first: {said.command('apply')}",
        )


def _target(said: Options, declared: Declared, file: str) -> Target:
    """The spec file to add to: as it is said, the only one, or a new one of its own."""
    root, files = declared.root, tuple(declared.defaults)
    if file:
        return _said_target(said, declared, file)
    if len(files) == 1:
        return _as_it_is(root, files[0])
    folder = next((each for each in declared.project.specs if _is_folder(each)), None)
    if folder is None:
        raise SorafileError("no spec file is named", fix="say which: --write FILE")
    return _as_it_is(root, (PurePosixPath(folder) / _NEW_FILE).as_posix())


def _is_folder(entry: str) -> bool:
    return not any(mark in entry for mark in "*?[") and not entry.endswith(".toml")


def _said_target(said: Options, declared: Declared, file: str) -> Target:
    inside, path = ProjectFolder(declared.root), (said.folder / file).resolve()
    for known in declared.defaults:
        if (declared.root / known).resolve() == path:
            return _as_it_is(declared.root, known)
    if path.is_relative_to(inside.real_root):
        shown = inside.relative(path)
        finds = any(inside.would_find(entry, shown) for entry in declared.project.specs)
        if finds and not path.exists():
            return _as_it_is(declared.root, shown)
    places = ", ".join(declared.project.specs)
    raise SorafileError(
        f"{file} is no spec file of this project", fix=f"name a .toml file below {places}"
    )


def _as_it_is(root: Path, file: str) -> Target:
    path = (root / file).resolve()
    return Target(file=file, path=path, text=_text_of(path))


def _text_of(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SorafileError(f"{path} cannot be read: {error.strerror}") from error


def _replace(target: Target, text: str) -> None:
    """Give the file its new text, if it is still what it was."""
    if _text_of(target.path) != target.text:
        raise SorafileError(
            f"{target.file} changed meanwhile; nothing was written", fix="say it again"
        )
    write = write_new if target.text is None else rewrite
    write(target.path, text.encode())
