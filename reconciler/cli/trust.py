"""Which providers may be contacted, and with whose key: a checkout is not trusted with that."""

from collections.abc import Mapping

from reconciler.domain.errors import RefusedError
from reconciler.domain.provider import Provider

CONSENT = "SORAFILE_TRUST"


def require_trust(provider: Provider, environ: Mapping[str, str]) -> None:
    """Let a provider act, or refuse it.

    Raises:
        RefusedError: it would send requests off this machine, or run a command for its key,
            and nobody has consented.
    """
    if environ.get(CONSENT) == "1" or provider.is_closed_openai:
        return  # nothing is ever sent to a closed server
    asks = []
    if not provider.is_loopback:
        asks.append(f"send requests to {provider.base_url}")
    if provider.key is not None and provider.key.kind == "command":
        asks.append(f"run `{' '.join(provider.key.value)}` for its key")
    if asks:
        raise RefusedError(
            f"provider {provider.name} would {' and '.join(asks)}, and is not trusted",
            fix=f"if that is what you want, set {CONSENT}=1",
        )
