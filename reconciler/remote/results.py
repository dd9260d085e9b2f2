"""Videos that lie at a URL of the server's choosing: where it may lead, and who sees the key.

A server, or what lies behind it, says where to fetch from. It must not make this machine speak
to its private network, nor hand the key to somebody else.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies

import httpx

from reconciler.domain.errors import RejectedError, UnavailableError

REDIRECTS_MAX = 3

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPlace:
    """Where a video is, and whether the key may go there."""

    url: httpx.URL
    is_providers: bool  # of the provider's own origin

    async def requested(self, *, provider: httpx.URL) -> tuple[httpx.URL, dict[str, Any]]:
        """The URL to connect to, and httpx's arguments that name the host it is for.

        The address is looked up once and connected to as it was seen, so that no second answer
        of a name server can lead elsewhere.

        Raises:
            RejectedError: it leads into a private network, and the provider is in none.
            UnavailableError: the name has no address now.
        """
        if self.is_providers:
            return self.url, {}
        addresses = await _addresses(self.url)
        if not addresses and getproxies():
            return self.url, {}  # the proxy alone knows names; it leads out of this network
        if not addresses:
            raise UnavailableError(f"the result's host `{self.url.host}` has no address")
        is_private = not all(each.is_global for each in addresses)
        if is_private and all(each.is_global for each in await _addresses(provider)):
            raise RejectedError(
                f"the result's URL leads to `{self.url.host}`, in a private network, where a"
                " provider outside must not send anybody",
                status=200,
            )
        pinned = self.url.copy_with(host=str(addresses[0]))
        host = self.url.netloc.decode("ascii")
        return pinned, {"headers": {"Host": host}, "extensions": {"sni_hostname": self.url.host}}


def result_place(told: str, *, base: httpx.URL, provider: httpx.URL) -> ResultPlace:
    """Where a result that a server tells of lies.

    Args:
        told: the URL in the server's words, relative to `base`.
        base: what told it: the job, or the place that redirects.
        provider: the server's base URL.

    Raises:
        RejectedError: nothing may be asked there.
    """
    try:
        url = base.join(told)
    except (httpx.InvalidURL, ValueError) as error:
        raise RejectedError("the result's URL is none", status=200) from error
    is_providers = origin_of(url) == origin_of(provider)
    if not url.host or url.userinfo:
        raise RejectedError("the result's URL names no host, or holds a password", status=200)
    if url.scheme != "https" and not is_providers:
        raise RejectedError(
            f"the result's URL leads to `{url.host}` by `{url.scheme}`, and only https is"
            " trusted outside the provider's own origin",
            status=200,
        )
    return ResultPlace(url=url, is_providers=is_providers)


def origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    """What must be equal for two URLs to be of one origin."""
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


async def _addresses(
    url: httpx.URL,
) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    port = url.port or _PORTS.get(url.scheme)
    try:
        found: Iterable[Any] = await asyncio.get_running_loop().getaddrinfo(
            url.host, port, type=socket.SOCK_STREAM
        )
    except OSError:
        return []
    return [ipaddress.ip_address(each[4][0].partition("%")[0]) for each in found]
