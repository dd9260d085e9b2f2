"""A server that a project uses: a profile, an address, an account and a key's source."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from reconciler.domain.profile import Profile

OnAmbiguous = Literal["wait", "ask", "retry", "fail"]
AccountUse = Literal["shared", "exclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where a provider's key comes from; the key itself is never kept."""

    kind: Literal["env", "command", "keyring"]
    value: tuple[str, ...]  # a variable's name, a command's words, or a keyring entry

    def __str__(self) -> str:
        return f"{self.kind} {' '.join(self.value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A server as messages name it, and where it is."""

    name: str
    base_url: str | None  # None: embedded

    @property
    def its_settings(self) -> str:
        """Where its settings are, as the end of `check the key`; empty for plain arguments."""
        return ""

    @property
    def is_loopback(self) -> bool:
        """Whether its requests stay on this machine."""
        if self.base_url is None:
            return True
        host = urlsplit(self.base_url).hostname or ""
        if host == "localhost":
            return True
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def is_closed_openai(self) -> bool:
        """Whether it names OpenAI's own hosted API, which ended on 2026-09-24."""
        host = urlsplit(self.base_url or "").hostname or ""
        return host == "openai.com" or host.endswith(".openai.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider(Site):
    """One `[providers.NAME]`, its profile already corrected by what the project says."""

    account: str
    profile: Profile
    key: KeySource | None = None
    account_use: AccountUse = "shared"
    on_ambiguous: OnAmbiguous = "wait"

    @property
    def its_settings(self) -> str:
        """The table of the project file."""
        return f" of [providers.{self.name}]"


def reaching(providers: Mapping[str, Provider], *, name: str, account: str) -> Provider | None:
    """The provider that can reach a job: the one that made it, or another of its account."""
    named = providers.get(name)
    if named is not None and named.account == account:
        return named
    same_account = (each for _, each in sorted(providers.items()) if each.account == account)
    return next(same_account, None)
