"""Extensions: what each adds to its parent, and what of that its provider offers."""

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.profile import Profile
from reconciler.domain.provider import Provider
from reconciler.specs.codes import Code
from reconciler.specs.findings import Findings, Trouble, listed
from reconciler.specs.offered import nearest_offer
from reconciler.specs.spec import Spec


class Extensions:
    """How often each video was extended to what it is, and what may still be added."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._steps: dict[Address, int] = {}

    def count(self, address: Address, parent: Address, *, added: int) -> None:
        """Remember that a video derives from another, by so many steps more of extending."""
        self._steps[address] = self._steps.get(parent, 0) + added

    def seconds_of(self, spec: Spec, parent: Declaration, provider: Provider) -> int:
        """What a video adds; where that, or extending its parent, is not allowed, it is told.

        How long a parent is that only its server knows, is seen in a plan.
        """
        seconds = _seconds(spec, provider.profile)
        if not provider.profile.extend:
            return seconds
        if not provider.profile.extends_by(seconds):
            self._findings.add(_not_offered(seconds, provider), spec.value_span("seconds"))
        for trouble in (
            _begins_with_an_image(parent),
            self._too_often(spec, parent, provider.profile),
            _too_long(spec, parent, seconds, provider.profile),
        ):
            if trouble is not None:
                self._findings.add(trouble, spec.value_span("extends"))
        return seconds

    def _too_often(self, spec: Spec, parent: Declaration, profile: Profile) -> Trouble | None:
        steps = self._steps.get(parent.address, 0) + 1
        if steps <= profile.extend_steps_max:
            return None
        return Trouble(
            code=Code.EXTENSION,
            summary=f"`{spec.address}` would be extended {steps} times",
            allowed=f"at most {profile.extend_steps_max} times",
            fix="extend fewer times, by more `seconds` each",
        )


def _seconds(spec: Spec, profile: Profile) -> int:
    own, default = spec.table.seconds, spec.defaults.seconds
    written: int | None = own if own is not None else default
    if written is not None:
        return written
    offered, usual = profile.extend_seconds, profile.default_seconds
    return usual if usual in offered or not offered else offered[0]


def _not_offered(seconds: int, provider: Provider) -> Trouble:
    offered = provider.profile.extend_seconds
    return Trouble(
        code=Code.NOT_OFFERED,
        summary=f"provider `{provider.name}` does not extend a video by {seconds} seconds",
        allowed=listed(offered) or "1 or more",
        fix=nearest_offer(seconds, offered),
    )


def _begins_with_an_image(parent: Declaration) -> Trouble | None:
    if parent.recipe.reference is None:
        return None
    return Trouble(
        code=Code.EXTENSION,
        summary=f"`{parent.address}` begins with an image, and such a video cannot be extended",
        fix="extend one without `input_reference`",
    )


def _too_long(spec: Spec, parent: Declaration, seconds: int, profile: Profile) -> Trouble | None:
    longest = profile.extend_total_seconds_max
    if parent.seconds is None or parent.seconds + seconds <= longest:
        return None
    return Trouble(
        code=Code.EXTENSION,
        summary=f"`{spec.address}` would last {parent.seconds + seconds} seconds",
        allowed=f"at most {longest}",
        fix=f"`{parent.address}` has {parent.seconds}: add fewer `seconds`, or none",
    )
