"""What a checkout may do with URLs and keys: nothing off this machine, until somebody consents."""

import hashlib
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never

from reconciler.cli.asking import answer
from reconciler.cli.consents import Consents
from reconciler.cli.options import Options
from reconciler.domain.errors import RefusedError, SorafileError
from reconciler.domain.provider import KeySource, Provider

CONSENT = "SORAFILE_TRUST"

Need = Literal["url", "command"]
"""What needs trust: a URL that is not loopback, a command that gives a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a provider of a project would do with a URL and a key; its texts steer no terminal."""

    provider: Provider
    project: Path  # the real path of its folder

    @property
    def url(self) -> str:
        """Where its requests go."""
        url = self.provider.base_url
        return "built in, on this machine" if url is None else _shown(url)

    @property
    def key(self) -> str:
        """Where its key comes from, never the key."""
        return "none" if self.provider.key is None else _source(self.provider.key)

    @property
    def needs(self) -> tuple[Need, ...]:
        """For what it needs trust; empty: it may act."""
        key = self.provider.key
        if self.provider.is_closed_openai:
            return ()  # nothing is ever sent to a closed server, and no key is fetched for it
        url: tuple[Need, ...] = () if self.provider.is_loopback else ("url",)
        command: tuple[Need, ...] = ("command",) if key and key.kind == "command" else ()
        return (*url, *command)

    def told(self) -> str:
        """What it needs trust for, as the end of `it would`."""
        sent = f" with the key of {self.key}" if self.provider.key else ""
        words = {
            "url": f"send requests to {self.url}" + ("" if "command" in self.needs else sent),
            "command": f"run {self.key} for its key",
        }
        return " and ".join(words[each] for each in self.needs)

    def digest(self) -> str:
        """What a consent is known by: another URL, key source or project is another one.

        A file of the project that a command names counts with its content: who edits the
        script that gives the key must not find it trusted.
        """
        provider, key = self.provider, self.provider.key
        is_run = key is not None and key.kind == "command"
        facts = [
            "sorafile consent 1",
            str(self.project),
            provider.base_url,
            key and [key.kind, *key.value],
            [_content_of(word, self.project) for word in key.value] if key and is_run else None,
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def lines(self) -> tuple[str, ...]:
        """All of it, for a person to judge."""
        account = _shown(self.provider.account)
        return (f"URL      {self.url}", f"key      {self.key}", f"account  {account}")


class Trust:
    """Lets the providers of a project act, or refuses them; asks a person where there is one."""

    def __init__(self, said: Options, project: Path) -> None:
        """Look at nothing yet; `project` is the real path of its folder."""
        self._said = said
        self._project = project
        self._consents = Consents(project)

    def require(self, provider: Provider) -> None:
        """Let a provider act.

        Raises:
            RefusedError: it would send requests off this machine, or run a command for its
                key, and nobody has consented.
        """
        use = Use(provider=provider, project=self._project)
        if not use.needs or is_trusted_by_environment():
            return
        digest = use.digest()  # taken before anybody is asked: what changes then is asked anew
        is_recorded, doubt = recorded(self._consents, digest)
        if is_recorded:
            return
        if self._said.json or not self._said.may_ask:
            why = f" ({doubt})" if doubt else ""
            raise RefusedError(
                f"provider {provider.name} would {use.told()}, and is not trusted{why}",
                fix=f"if that is what you want: {self._said.command('trust')}; or set {CONSENT}=1",
            )
        if doubt:
            self._said.terminal.complain(f"No consent is taken from what is recorded: {doubt}.")
        self._ask(use)
        self._consents.add([digest])

    def _ask(self, use: Use) -> None:
        name = use.provider.name
        told = (f"This checkout is not trusted yet with provider {name}:", *use.lines())
        self._said.terminal.err.print("\n  ".join(told), soft_wrap=True)
        typed = answer(self._said, "Let it act, from now on? Only 'yes' is taken: ")
        if typed.lower() != "yes":
            raise RefusedError(f"provider {name} is not trusted; nothing was done")


def is_trusted_by_environment() -> bool:
    """Whether everything is, by a variable that no checkout can set."""
    return os.environ.get(CONSENT) == "1"


def recorded(consents: Consents, digest: str) -> tuple[bool, str | None]:
    """Whether a consent is recorded, and what keeps the record from being believed."""
    try:
        return consents.holds(digest), None
    except SorafileError as error:
        return False, error.message


def _source(key: KeySource) -> str:
    match key.kind:
        case "env":
            return f"the environment variable {_shown(key.value[0])}"
        case "command":
            return f"the command `{' '.join(map(_shown, key.value))}`"
        case "keyring":
            return f"the keyring entry {_shown(key.value[0])}"
        case _:
            assert_never(key.kind)


def _shown(text: str) -> str:
    """A text of the checkout such that it neither steers a terminal nor looks like another."""
    return shlex.quote(text) if text.isascii() and text.isprintable() else json.dumps(text)


def _content_of(word: str, project: Path) -> str | None:
    """The digest of the file of a project that a command's word names; None: it names none."""
    path = project / word
    try:
        is_of_project = not Path(word).is_absolute() or path.resolve().is_relative_to(project)
        if is_of_project and path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, RuntimeError, ValueError):  # before 3.13 a loop of links is a RuntimeError
        return None
    return None
