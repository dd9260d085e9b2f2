"""What the official Python client does here, step by step; run by a Python that has it."""

import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from openai import APIStatusError, BadRequestError, NotFoundError, OpenAI

warnings.simplefilter("ignore")  # it calls all of it deprecated
base_url, picture_path = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key="sk-rehearsal", max_retries=0)

with Path(picture_path).open("rb") as picture:
    video = client.videos.create_and_poll(
        prompt="A cat", seconds="8", size="1280x720", input_reference=picture
    )
assert video.status == "completed", video
assert (video.seconds, video.size, video.model) == ("8", "1280x720", "sora-2")
assert video.expires_at
plain = client.videos.create(prompt="A dog")
assert (plain.seconds, plain.size, plain.progress) == ("4", "720x1280", 0), plain
client.videos.poll(plain.id)

for variant, magic in (("video", b"ftyp"), ("thumbnail", b"WEBP"), ("spritesheet", b"JFIF")):
    body = client.videos.download_content(video.id, variant=variant).read()
    assert magic in body[:16], (variant, body[:16])

remix = client.videos.remix(video.id, prompt="A cat at night")
assert remix.remixed_from_video_id == video.id
assert (remix.seconds, remix.size) == ("8", "1280x720")
client.videos.poll(remix.id)
clip = client.videos.download_content(plain.id).read()
edit = client.videos.edit(prompt="A dog in the rain", video=("dog.mp4", BytesIO(clip)))
assert (edit.seconds, edit.size) == ("4", "720x1280")
client.videos.poll(edit.id)

listed = [each.id for each in client.videos.list(limit=1)]
assert listed[:4] == [edit.id, remix.id, plain.id, video.id], listed
assert [each.id for each in client.videos.list(order="asc", limit=2)][:1] == [listed[-1]]

deleted = client.videos.delete(plain.id)
assert (deleted.id, deleted.deleted, deleted.object) == (plain.id, True, "video.deleted")


def refusal(ask: Callable[[], object]) -> APIStatusError | None:
    """What the server says against a request; None where it takes it."""
    try:
        ask()
    except APIStatusError as error:
        return error
    return None


gone = refusal(lambda: client.videos.retrieve(plain.id))
assert isinstance(gone, NotFoundError), gone
assert gone.code == "video_not_found", gone
wrong = refusal(lambda: client.videos.create(prompt="A cat", seconds="5"))
assert isinstance(wrong, BadRequestError), wrong
assert wrong.param == "seconds", wrong
print("all operations done")
