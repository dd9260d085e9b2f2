"""Where a key comes from: the environment, a command, or the keyring. It is never kept.

No message here holds a key, nor anything that a command printed.
"""

import subprocess
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import assert_never

from reconciler.domain.errors import UnauthorizedError
from reconciler.domain.provider import KeySource

COMMAND_S_MAX = 30.0
KEYRING_SERVICE = "sorafile"


def resolve_key(
    source: KeySource | None,
    environ: Mapping[str, str],
    *,
    folder: Path | None = None,
    command_s_max: float = COMMAND_S_MAX,
) -> str | None:
    """Fetch a provider's key; None where it names no source.

    A command runs without a shell, in `environ` and in `folder`, for at most `command_s_max`
    seconds; the key is the first line that it prints. A keyring's entry is one of the service
    `sorafile`.

    Raises:
        UnauthorizedError: the source gives no key.
    """
    if source is None:
        return None
    match source.kind:
        case "env":
            return _from_environment(source.value[0], environ)
        case "command":
            return _from_command(source.value, environ, folder, command_s_max)
        case "keyring":
            return _from_keyring(source.value[0])
        case _:
            assert_never(source.kind)


def _from_environment(variable: str, environ: Mapping[str, str]) -> str:
    key = environ.get(variable)
    if not key:
        how = "is not set" if key is None else "is empty"
        raise UnauthorizedError(
            f"the environment variable {variable}, which should hold the key, {how}",
            fix=f"export {variable}=…",
        )
    return key


def _from_command(
    words: tuple[str, ...], environ: Mapping[str, str], folder: Path | None, wait_s_max: float
) -> str:
    # Only the program is named in messages: its arguments might tell too much.
    program = f"the command `{words[0]}`, which should print the key,"
    fix = "run the command by hand; its first line must be the key"
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, trusted once (design.md 3)
            words,
            env=dict(environ),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, ValueError) as error:
        raise UnauthorizedError(f"{program} cannot be started", fix=fix) from error
    with process:
        try:
            printed, _ = process.communicate(timeout=wait_s_max)
        except subprocess.TimeoutExpired:
            process.kill()
            # Without its cause, which may hold what was printed so far.
            raise UnauthorizedError(
                f"{program} did not end within {wait_s_max:g} s", fix=fix
            ) from None
    if process.returncode != 0:
        raise UnauthorizedError(f"{program} ended with {process.returncode}", fix=fix)
    first, *_ = printed.decode("utf-8", "replace").splitlines() or [""]
    if not first.strip():
        raise UnauthorizedError(f"{program} printed an empty first line", fix=fix)
    return first.strip()


def _from_keyring(entry: str) -> str:
    try:
        keyring = import_module("keyring")
    except ImportError as error:
        raise UnauthorizedError(
            f"the key lies in the keyring entry `{entry}`, but keyrings cannot be read here",
            fix="install the Python package keyring, or take the key from the environment",
        ) from error
    try:
        key: str | None = keyring.get_password(KEYRING_SERVICE, entry)
    except keyring.errors.KeyringError as error:
        raise UnauthorizedError(
            f"the keyring does not open its entry `{entry}`: {type(error).__name__}",
            fix="unlock the keyring, or take the key from the environment",
        ) from error
    if not key:
        raise UnauthorizedError(
            f"the keyring has no entry `{entry}`",
            fix=f"keyring set {KEYRING_SERVICE} {entry}",
        )
    return key
