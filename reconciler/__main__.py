"""`python -m reconciler`, and the `sorafile` command."""

import gc
import sys

from reconciler import __version__
from reconciler.cli import streams


def main() -> int:
    """Run one command, and return what the process shall exit with."""
    streams.prepare()
    if sys.argv[1:] in (["version"], ["--version"]):  # nothing is imported to say this
        try:
            print(f"sorafile {__version__}", flush=True)  # noqa: T201 - the result
        except OSError as error:
            streams.leave(error)
            return 1
        return 0
    # Start-up makes many objects and no garbage; a command that stays turns it on again.
    gc.disable()
    from reconciler.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
