"""Colours: which ones belong to a prompt, and how they are mixed. Needs no imaging library."""

from __future__ import annotations

import hashlib
import math

_DEGREES = 360
_KIN_DEGREES = (12, 26)  # how far a remix turns its parent's hue: visible side by side, still kin

Colour = tuple[int, int, int]  # sRGB
Tone = tuple[float, float, float]  # OKLCH: lightness 0..1, chroma, hue in degrees


def seed_of(prompt: str) -> bytes:
    """Return 32 bytes that all chance in a picture of this prompt comes from."""
    return hashlib.sha256(prompt.encode()).digest()


def family_of(prompt: str) -> str:
    """Return what a video of this prompt, its remixes and theirs have in common."""
    return seed_of(prompt).hex()


def hue_of(prompt: str) -> int:
    """Return the hue of a prompt's colours, in degrees: equal prompts look alike."""
    return int.from_bytes(seed_of(prompt)[:2]) % _DEGREES


def kin_hue(parent_hue: int, prompt: str) -> int:
    """Return the hue of a remix: its parent's, turned a little by its own prompt."""
    low, high = _KIN_DEGREES
    turn = low + seed_of(prompt)[2] % (high - low + 1)
    sign = 1 if seed_of(prompt)[3] % 2 else -1
    return (parent_hue + sign * turn) % _DEGREES


def mixed(start: Tone, end: Tone, amount: float) -> Tone:
    """Return the tone that lies `amount` (0..1) of the way from `start` to `end`."""
    lightness, chroma, hue = (a + (b - a) * amount for a, b in zip(start, end, strict=True))
    return lightness, chroma, hue


def oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """Convert a colour from OKLCH (equal lightness looks equally light in every hue) to sRGB.

    Source: the matrices that define Oklab, in CSS Color 4, section 9.
    """
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _gamma(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        _gamma(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        _gamma(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )


def _gamma(linear: float) -> int:
    clipped = min(max(linear, 0.0), 1.0)
    is_near_black = clipped <= 0.0031308  # noqa: PLR2004 - sRGB's own limit
    encoded = 12.92 * clipped if is_near_black else 1.055 * clipped ** (1 / 2.4) - 0.055
    return round(255 * encoded)
