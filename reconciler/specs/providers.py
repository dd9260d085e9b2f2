"""Providers: what a project says of a server, merged onto the server's profile."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from reconciler.domain.durations import seconds_in
from reconciler.domain.profile import ANY_MODEL, Price, Profile, Variant
from reconciler.domain.provider import AccountUse, KeySource, OnAmbiguous, Provider
from reconciler.specs.codes import Code
from reconciler.specs.findings import Trouble, listed, nearest_fix
from reconciler.specs.shape import KeyTable, ProviderTable, WireTable

_AS_WRITTEN = (
    "default_model",
    "default_seconds",
    "default_size",
    "delete",
    "edit",
    "edit_upload",
    "extend",
    "extend_steps_max",
    "extend_total_seconds_max",
    "extra_fields",
    "hidden_retries",
    "jobs_survive_restart",
    "list",
    "max_in_flight",
    "needs_key",
    "prompt_characters_max",
    "reference_matches_size",
    "remix",
    "requests_per_minute",
    "seconds_max",
    "seconds_min",
    "size_pixels_max",
    "size_step",
    "typical_job_s",
)
_TUPLES = (
    "echoes",
    "extend_seconds",
    "models",
    "reference_types",
    "seconds",
    "sizes",
    "transient_errors",
)
_DURATIONS = ("poll_interval", "settle", "asset_lifetime")
_DEFAULTS = (
    ("default_model", "models"),
    ("default_seconds", "seconds"),
    ("default_size", "sizes"),
)
_SECRET = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
_LOOPBACK_EXAMPLE = "http://127.0.0.1:8000/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One `[providers.NAME]` as written; None is what it leaves to its profile."""

    name: str
    profile: str
    base_url: str | None = field(default=None, repr=False)  # unchecked: it may hold a password
    key: KeySource | None = None
    account: str
    account_use: AccountUse = "shared"
    on_ambiguous: OnAmbiguous = "wait"
    corrections: Mapping[str, Any] = field(default_factory=dict)  # fields of Profile by name
    wire: Mapping[str, Any] = field(default_factory=dict)  # fields of Wire by name
    prices: tuple[Price, ...] = ()


class BadProviderError(Exception):
    """A provider cannot be used: what is wrong, each with the key where it was written."""

    def __init__(self, troubles: tuple[tuple[str, Trouble], ...]) -> None:
        super().__init__("; ".join(trouble.summary for _, trouble in troubles))
        self.troubles = troubles


def settings_from(name: str, table: ProviderTable) -> ProviderSettings:
    """What one table says."""
    corrections = {key: getattr(table, key) for key in _AS_WRITTEN}
    corrections |= {key: _tuple(getattr(table, key)) for key in _TUPLES}
    corrections |= {f"{key}_s": _duration_s(getattr(table, key)) for key in _DURATIONS}
    if table.model_sizes is not None:
        corrections["model_sizes"] = {
            model: tuple(sizes) for model, sizes in table.model_sizes.items()
        }
    if table.variants is not None:
        corrections["variants"] = tuple(Variant(variant) for variant in table.variants)
    return ProviderSettings(
        name=name,
        profile=name if table.profile is None else table.profile,
        base_url=table.base_url,
        key=_key_source(table.api_key),
        account=table.account or name,
        account_use=table.account_use or "shared",
        on_ambiguous=table.on_ambiguous or "wait",
        corrections={key: value for key, value in corrections.items() if value is not None},
        wire=_wire_from(table.wire),
        prices=tuple(_price(key, price) for key, price in (table.prices or {}).items()),
    )


def trouble_with_table(table: ProviderTable) -> Iterator[tuple[str, Trouble]]:
    """What is wrong with one table whatever its profile, each with its key."""
    key = table.api_key
    if key is not None and _key_source(key) is None:
        yield (
            "api_key",
            Trouble(
                code=Code.KEY_SOURCE,
                summary="`api_key` must name exactly one source",
                allowed="env, command, keyring",
            ),
        )
    wire = table.wire or WireTable()
    for name in (*(wire.headers or {}), *(wire.query or {})):
        if _SECRET.search(name):
            yield (
                "wire",
                Trouble(
                    code=Code.KEY_IN_FILE,
                    summary=f"`{name}` would hold a key, and a key is in no file",
                    fix="say in `api_key` where the key comes from, and in `wire.auth` how it is"
                    " sent",
                ),
            )
    if table.poll_interval is not None and not _duration_s(table.poll_interval):
        yield (
            "poll_interval",
            Trouble(code=Code.BAD_VALUE, summary="`poll_interval` must be greater than 0"),
        )


def provider_from(
    settings: ProviderSettings, profiles: Mapping[str, Profile], environ: Mapping[str, str]
) -> Provider:
    """Merge settings onto their profile.

    Args:
        settings: of one provider.
        profiles: all that this release has, by name.
        environ: read for OPENAI_BASE_URL and OPENAI_API_KEY, by the ecosystem's convention,
            where a provider names neither URL nor key, and its profile no variable of its own.

    Raises:
        BadProviderError: they do not fit.
    """
    profile = profiles.get(settings.profile)
    if profile is None:
        raise BadProviderError((("profile", _unknown_profile(settings, profiles)),))
    merged = _corrected(profile, settings)
    base_url, key = settings.base_url, settings.key
    written_at, named = "base_url", "`base_url`"
    if base_url is None and key is None and not profile.embedded:
        variable = profile.key_variable or "OPENAI_API_KEY"
        if profile.key_variable is None:
            written_at, named = "profile", "OPENAI_BASE_URL"
            base_url = environ.get("OPENAI_BASE_URL")
        if merged.needs_key or environ.get(variable):
            key = KeySource(kind="env", value=(variable,))
    base_url = base_url or profile.base_url
    troubles = list(_contradictions(merged, settings))
    wrong = _trouble_with_url(base_url, named) if base_url else None
    if wrong is not None:
        troubles.append((written_at, wrong))
    if base_url is None and not profile.embedded:
        troubles.append(("profile", _no_url(settings)))
    if troubles:
        raise BadProviderError(tuple(troubles))
    return Provider(
        name=settings.name,
        account=settings.account,
        profile=merged,
        base_url=base_url.rstrip("/") if base_url else None,
        key=key,
        account_use=settings.account_use,
        on_ambiguous=settings.on_ambiguous,
    )


def _corrected(profile: Profile, settings: ProviderSettings) -> Profile:
    corrections = dict(settings.corrections)
    for default, offered in _DEFAULTS:
        # A server with a list of its own has a default among them, named or the first.
        values = corrections.get(offered)
        if values and default not in corrections and getattr(profile, default) not in values:
            corrections[default] = values[0]
    if settings.prices:
        named = {price.model for price in settings.prices}
        kept = tuple(price for price in profile.prices if price.model not in named)
        corrections |= {
            "prices": (*settings.prices, *kept),
            "prices_source": "sorafile.toml" + (f", else {profile.prices_source}" if kept else ""),
            "prices_date": profile.prices_date if kept else None,
        }
    return replace(profile, wire=replace(profile.wire, **settings.wire), **corrections)


def _contradictions(merged: Profile, settings: ProviderSettings) -> Iterator[tuple[str, Trouble]]:
    model, seconds, size = merged.default_model, merged.default_seconds, merged.default_size
    if model is not None and not merged.offers_model(model):
        yield "default_model", _not_offered("default_model", model, merged.models)
    if not merged.offers_seconds(seconds):
        lengths = merged.seconds or (f"{merged.seconds_min} to {merged.seconds_max}",)
        yield "default_seconds", _not_offered("default_seconds", seconds, lengths)
    if not merged.offers_size(size):
        yield "default_size", _not_offered("default_size", size, merged.sizes)
    for price in settings.prices:
        if price.model != ANY_MODEL and not merged.offers_model(price.model):
            yield "prices", _not_offered("prices", price.model, merged.models)
        elif price.size is not None and not merged.offers_size(price.size, price.model):
            yield "prices", _not_offered("prices", price.size, merged.sizes_of(price.model))
    if Variant.VIDEO not in merged.variants:
        yield "variants", _not_offered("variants", "nothing", ("video",))


def _not_offered(key: str, value: object, values: Collection[object]) -> Trouble:
    return Trouble(
        code=Code.CAPABILITY,
        summary=f"`{key}` names `{value}`, which the provider does not offer",
        allowed=listed(values) or None,
        fix=nearest_fix(str(value), map(str, values)),
    )


def _unknown_profile(settings: ProviderSettings, profiles: Mapping[str, Profile]) -> Trouble:
    name, allowed = settings.profile, listed(sorted(profiles))
    return Trouble(
        code=Code.UNKNOWN_PROFILE,
        summary=f"provider `{settings.name}`: there is no profile `{name}`",
        allowed=allowed,
        fix=nearest_fix(name, profiles) or 'write profile = "NAME" with one of these',
    )


def _no_url(settings: ProviderSettings) -> Trouble:
    or_set = "" if settings.key else ", or set OPENAI_BASE_URL"
    return Trouble(
        code=Code.BASE_URL,
        summary=f"provider `{settings.name}` has no `base_url`, and its profile has none either",
        fix=f'write base_url = "{_LOOPBACK_EXAMPLE}"{or_set}',
    )


def _trouble_with_url(url: str, name: str) -> Trouble | None:
    """What is wrong with a URL, without showing any of it: it may hold a password."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # a wrong one is noticed only when it is read
    except ValueError:
        is_whole = False
    if not is_whole or re.search(r"[\s\x00-\x1f\x7f]", url):
        return Trouble(
            code=Code.BASE_URL,
            summary=f"{name} is no http or https URL",
            allowed=f"a URL as {_LOOPBACK_EXAMPLE}",
        )
    if parts.username is not None or parts.password is not None:
        return Trouble(
            code=Code.BASE_URL,
            summary=f"{name} holds a user name or a password",
            fix="leave it out, and say in `api_key` where the key comes from",
        )
    if parts.query or parts.fragment:
        return Trouble(
            code=Code.BASE_URL,
            summary=f"{name} ends in a query or a fragment",
            fix="end it with the path",
        )
    return None


def _key_source(table: KeyTable | None) -> KeySource | None:
    """The key's source, or None where it is not exactly one."""
    if table is None:
        return None
    sources = [
        KeySource(kind="env", value=(table.env,)) if table.env else None,
        KeySource(kind="command", value=tuple(table.command)) if table.command else None,
        KeySource(kind="keyring", value=(table.keyring,)) if table.keyring else None,
    ]
    named = [source for source in sources if source is not None]
    return named[0] if len(named) == 1 else None


def _price(key: str, usd_per_second: Decimal) -> Price:
    model, _, size = key.partition("@")
    return Price(model=model, size=size or None, usd_per_second=usd_per_second)


def _duration_s(text: str | None) -> float | None:
    return None if text is None else seconds_in(text)


def _wire_from(table: WireTable | None) -> Mapping[str, Any]:
    """What a table corrects, by the fields of `Wire`."""
    if table is None:
        return {}
    said = {each.name: getattr(table, each.name) for each in fields(table)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in said.items()
        if value is not None
    }


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)
