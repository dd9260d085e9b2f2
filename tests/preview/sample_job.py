"""A stored row to vary in tests: four seconds, created at 1000, pace ten."""

from reconciler.preview.jobs import Job

JOB = Job(
    sequence=1,
    video_id="video_1",
    prompt="A cat",
    model="sora-2",
    seconds=4,
    size="720x1280",
    hue=10,
    has_reference=False,
    remixed_from=None,
    created_at=1000.0,
    pace_s=10.0,
    bound_to_fail=None,
)
