"""Break the product in every way that the catalogue knows: `python -m mutations` in `tests/`.

It takes two to three minutes, and ends with 1 where a mutation goes unseen.
"""

import sys

from mutations.breaking import a_copy, fails, is_seen
from mutations.catalogue import MUTATIONS


def main() -> int:
    """Say of each mutation whether its test saw it."""
    with a_copy() as whole:
        for test in sorted({each.seen_by for each in MUTATIONS.values()}):
            if fails(whole, test):
                print(f"fails without any mutation: {test}")
                return 1
    unseen = 0
    for name, mutation in MUTATIONS.items():
        seen = is_seen(mutation)
        unseen += not seen
        print(f"{'caught' if seen else 'UNSEEN'}  {mutation.breaks:<10}  {name}", flush=True)
    print(f"{len(MUTATIONS) - unseen} of {len(MUTATIONS)} caught")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
