"""Which looks at a job, and which chunks of a download, are worth a line."""

from dataclasses import dataclass, field

from reconciler.domain.address import Address
from reconciler.domain.events import DownloadProgress, JobProgress
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import JobStatus

_GROWTH = 1.5  # of what came of a download whose size nobody says


@dataclass(slots=True)
class Novelty:
    """Lets pass another status, and so many percent more; time alone is no news."""

    points: int  # percent
    _jobs: dict[Address, tuple[JobStatus, int]] = field(default_factory=dict)
    _downloads: dict[tuple[Address, Variant], DownloadProgress] = field(default_factory=dict)

    def is_new(self, event: JobProgress | DownloadProgress) -> bool:
        """Whether it says more than what passed before."""
        match event:
            case JobProgress(address=address, status=status, percent=percent):
                before = self._jobs.get(address)
                said = before is not None and before[0] is status
                if said and before and 0 <= percent - before[1] < self.points:
                    return False
                self._jobs[address] = status, percent
            case DownloadProgress():
                key = event.address, event.variant
                last = self._downloads.get(key)
                if last is not None and not self._is_further(last, event):
                    return False
                self._downloads[key] = event
        return True

    def _is_further(self, last: DownloadProgress, event: DownloadProgress) -> bool:
        if event.bytes < last.bytes:
            return True  # it began again
        if not event.bytes_total:
            return event.bytes >= _GROWTH * last.bytes
        return percent_of(event) - percent_of(last) >= self.points


def percent_of(event: DownloadProgress) -> int:
    """How much of a download came; 0 where nobody says how much there is."""
    return min(100 * event.bytes // event.bytes_total, 100) if event.bytes_total else 0
