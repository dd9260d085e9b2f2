"""Images made to fit without a thread, for which simulated time would not wait."""

from collections.abc import Sequence

from reconciler.domain.ports import FittedImage
from reconciler.domain.recipe import ReferenceFit


class SimulatedFitter:
    """The port `ImageFitter`; what it makes says of what, and how."""

    async def fitted(
        self, image: bytes, *, size: str, fit: ReferenceFit, types: Sequence[str]
    ) -> FittedImage:
        """The image, with the size and the fit before it."""
        return FittedImage(data=f"{fit} {size} ".encode() + image, media_type=types[-1])
