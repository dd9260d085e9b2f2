"""Another process with the same state: `child.py ROOT URL TASK`, told to go by a line.

hold     take the workspace, say `held` or `locked`, and keep it until the input ends
send     take it, journal a request as being sent, say so, and wait likewise
"""

import sys
from pathlib import Path

from reconciler.domain.errors import LockedError
from state.desk import Desk, sent


def main() -> None:
    root, url, task = sys.argv[1:]
    desk = Desk(root=Path(root), url=url)
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        with desk.writer() as writer:
            print(sent(writer) if task == "send" else "held", flush=True)
            sys.stdin.read()
    except LockedError:
        print("locked", flush=True)


if __name__ == "__main__":
    main()
