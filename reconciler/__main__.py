"""`python -m reconciler`, and the `sorafile` command."""

import gc
import sys

from reconciler import __version__


def main() -> int:
    """Run one command, and return what the process shall exit with."""
    if sys.argv[1:] in (["version"], ["--version"]):
        sys.stdout.write(f"sorafile {__version__}\n")  # nothing is imported to say this
        return 0
    # Start-up makes many objects and no garbage; a command that stays turns it on again.
    gc.disable()
    from reconciler.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
