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
    import signal

    from reconciler.cli.main import run

    code = run(sys.argv[1:])
    # All is done but to say how it went, and one more Ctrl-C would only say something else.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


if __name__ == "__main__":
    sys.exit(main())
