"""Looking through the state and the asset store for damage; repairing only what is asked for."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reconciler.apply.download import sidecar_of
from reconciler.cli.diagnostic_text import diagnostics_text
from reconciler.cli.documents import FORMAT, diagnostic_document
from reconciler.cli.opening import open_settings, print_document
from reconciler.cli.options import Options
from reconciler.cli.units import plural
from reconciler.cli.wiring import asset_store, inspect_assets, state_care, state_reader
from reconciler.domain.errors import Diagnostic, ExitCode
from reconciler.domain.observed import Sidecar
from reconciler.domain.recorded import NOTHING_RECORDED, Asset, Generation

if TYPE_CHECKING:
    from reconciler.assets.inspection import Inspected


def verify(said: Options, *, repair: bool) -> int:
    """Report all that is damaged, and what to do about each; 1 if anything is.

    With `repair`, sidecars that are missing or damaged are written anew first, from what the
    database records.
    """
    project = open_settings(said)
    of_state = state_care(project).check()
    is_sound = not any(each.severity == "error" for each in of_state)
    recorded = state_reader(project, said.workspace).read() if is_sound else NOTHING_RECORDED
    stored = [each for each in recorded.generations.values() if each.assets and not each.lost]
    if repair:
        store = asset_store(project)
        for generation in stored:
            store.write_sidecar(sidecar_of(generation))
    inspected = inspect_assets(project)
    findings = (*of_state, *inspected.findings, *_disagreements(stored, inspected))
    is_damaged = any(each.severity == "error" for each in findings)
    if said.json:
        document = {
            "format_version": FORMAT,
            "sound": not is_damaged,
            "assets": len(inspected.whole) + len(inspected.damaged),
            "sidecars": len(inspected.sidecars),
            "findings": [diagnostic_document(each) for each in findings],
        }
        print_document(said, document)
    else:
        if findings:
            said.terminal.out.print(diagnostics_text(findings), soft_wrap=True)
        said.terminal.out.print(_summary(inspected, is_damaged=is_damaged), soft_wrap=True)
    return ExitCode.ERROR if is_damaged else ExitCode.OK


def _disagreements(stored: Iterable[Generation], inspected: "Inspected") -> Iterator[Diagnostic]:
    """Where what the database records as stored differs from what lies in the store."""
    there = inspected.whole | inspected.damaged
    told = {(each.account, each.remote_id): each for each in inspected.sidecars}
    for generation in stored:
        for asset in generation.assets:
            if asset.sha256 not in there:
                yield _missing(generation, asset)
        sidecar = told.get((generation.account, generation.remote_id))
        if sidecar is None or not _tells_of(sidecar, generation):
            yield _untold(generation)


def _tells_of(sidecar: Sidecar, generation: Generation) -> bool:
    recorded = {(asset.variant, asset.sha256) for asset in generation.assets}
    return recorded <= {(asset.variant, asset.sha256) for asset in sidecar.assets}


def _missing(generation: Generation, asset: Asset) -> Diagnostic:
    return Diagnostic(
        code="SF0721",
        summary=f"the {asset.variant} of job {generation.remote_id} is recorded as stored, and is"
        " not in the asset store",
        fix="Run `sorafile apply`: where a declared video needs it, it is taken back from its"
        " published file, or downloaded again if the server still has it.",
    )


def _untold(generation: Generation) -> Diagnostic:
    return Diagnostic(
        code="SF0722",
        summary=f"no sidecar tells of all that is stored of job {generation.remote_id}: with the"
        " database lost, nobody would know that it was paid for",
        fix="Run `sorafile state verify --repair`: it is written anew from the database.",
    )


def _summary(inspected: "Inspected", *, is_damaged: bool) -> str:
    assets = plural(len(inspected.whole) + len(inspected.damaged), "stored asset")
    sidecars = plural(len(inspected.sidecars), "sidecar")
    verdict = "Damaged" if is_damaged else "Sound"
    return f"{verdict}: the state database, {assets} and {sidecars} were read."
