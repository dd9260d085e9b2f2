"""Freeing a workspace whose holder does not come back."""

from reconciler.cli.asking import consent
from reconciler.cli.clock import SystemClock
from reconciler.cli.opening import open_settings
from reconciler.cli.options import Options
from reconciler.cli.wiring import state_care
from reconciler.domain.durations import duration
from reconciler.domain.errors import RefusedError
from reconciler.domain.ports import Lease


def unlock(said: Options, *, yes: bool, force: bool) -> int:
    """Show who holds the workspace, ask, and free it. He can write nothing more afterwards."""
    care = state_care(open_settings(said))
    held = care.lease(said.workspace)
    if held is None:
        said.terminal.talk(f"Nobody holds the workspace `{said.workspace}`.")
        return 0
    about = _told(held)
    is_alive = care.is_alive(held)
    if is_alive and not force:
        raise RefusedError(
            f"{about}; that process runs on this machine",
            fix=f"let it end, or stop it with Ctrl-C or `kill {held.holder.pid}`: it gives the"
            " workspace back; --force takes it all the same",
        )
    if is_alive is None:
        about += "; whether that process still runs cannot be told from here"
    if not yes:
        consent(said, about, "Free it? What that run was doing is left to the next one.")
    if care.free(held):
        said.terminal.out.print(f"Freed the workspace `{held.workspace}`.", soft_wrap=True)
    else:
        said.terminal.talk("It was given back, or taken by another run, meanwhile.")
    return 0


def _told(held: Lease) -> str:
    holder, quiet_s = held.holder, held.quiet_s(SystemClock().now())
    return (
        f"{holder.user} on {holder.host} (process {holder.pid}, `{holder.command}`) holds the"
        f" workspace `{held.workspace}` since {held.acquired_at:%Y-%m-%d %H:%M:%S} UTC; the last"
        f" sign of life was {duration(quiet_s)} ago"
    )
