"""What an animatic looks like: a calm ground, lights that float over it, the prompt in large type.

A scene is one second long and joins its own beginning, so that a clip of any length is that
second over and over. What counts up stands in the strip below. A clip with a reference image
opens on it: its first second is that image, bare.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from reconciler.preview.lettering import Block, fit
from reconciler.preview.palette import Colour, family_of, mixed, oklch
from reconciler.preview.strip import FRAMES_PER_SECOND, Strip, layout_of

_WHITE = (250, 249, 246)
_WHITE_LUMA = 230  # the same white as a brightness in video range, 16..235
_LIGHT_LUMA = 224
_TRAILS = 26  # paths that lights float along
# How many seconds a light lives. More, and a trail looks like a string of pearls.
_LIFE_S = (2, 2, 3)
_STEPS = 24  # of brightness: enough that fading looks smooth
_GRAIN_PX = 256  # side of the tile of grain
_SOFT = 8  # soft shapes are blurred at an eighth of the size: nobody sees the difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """Everything that the pixels of one animatic depend on."""

    prompt: str
    model: str
    seconds: int
    width: int
    height: int
    hue: int  # degrees, 0..359
    family: str = ""  # hexadecimal, the same for a video and its remixes; "": it has no kin
    remix_of: str | None = None  # the parent's id
    reference: bytes | None = None  # an image file of exactly width x height

    @property
    def seed(self) -> bytes:
        """Where all chance in its motion and its sound comes from."""
        return bytes.fromhex(self.family or family_of(self.prompt))


class Scene:
    """One second of a shot.

    Its colours hold still: only brightness moves. So a frame costs one plane of pixels,
    not three, and no conversion of colours.
    """

    def __init__(self, shot: Shot) -> None:
        self._shot = shot
        self._size = (shot.width, shot.height)
        self._short = min(self._size)
        self._margin = round(self._short * 0.085)
        layout = layout_of(shot.width, shot.height, margin=self._margin)
        self.strip = Strip(layout, facts=_facts(shot), seconds=shot.seconds)

    @cached_property
    def ground(self) -> Image.Image:
        """The picture in RGB without lights and type; the shade under the type is in it."""
        shot = self._shot
        picture = _washed(shot, self._reference) if self._reference else _gradient(shot)
        shaded = Image.composite(picture, Image.new("RGB", self._size, _shade(shot)), self._shades)
        return _with_grain(self._with_foot(shaded))

    @cached_property
    def titled(self) -> Image.Image:
        """The ground with its type, in RGB: where the colours of every frame come from."""
        picture = self.ground.copy()
        mask, at = self._letters
        picture.paste(_WHITE, at, mask)
        self.strip.write(picture, _WHITE)
        return picture

    @cached_property
    def opening(self) -> Image.Image | None:
        """What the first second shows where there is a reference image: that, in RGB."""
        if self._reference is None:
            return None
        picture = self._with_foot(self._reference.copy())
        self.strip.write(picture, _WHITE)
        return picture

    def paint(self, luma: Image.Image, index: int) -> None:
        """Add the lights of frame `index` and the type to `luma`, the ground's brightness.

        `luma` is in video range. Frame 24 is frame 0 again.
        """
        for trail in self._trails:
            trail.paint(luma, index % FRAMES_PER_SECOND)
        mask, at = self._letters
        luma.paste(_WHITE_LUMA, at, mask)

    @cached_property
    def _reference(self) -> Image.Image | None:
        shot = self._shot
        return None if shot.reference is None else _photograph(shot, shot.reference)

    def _with_foot(self, picture: Image.Image) -> Image.Image:
        """Darken a picture where the strip stands."""
        layout = self.strip.layout
        box = (0, layout.top, layout.width, layout.top + layout.height)
        foot = picture.crop(box)
        shade = Image.new("RGB", foot.size, _shade(self._shot))
        picture.paste(Image.blend(foot, shade, 0.84 if self._shot.reference else 0.6), box)
        return picture

    @cached_property
    def _trails(self) -> list[Trail]:
        x, y = self._block_at
        pad = self._block.size_px
        right, bottom = x + self._block.width_px, y + self._block.height_px
        return _trails(self._shot, (x - pad, y - pad, right + pad, bottom + pad))

    @cached_property
    def _block(self) -> Block:
        width, height = self._size
        # A few words are a title and stand large; a paragraph need not shout.
        words = len(self._shot.prompt.split())
        largest = min(0.19, max(0.12, 0.215 - 0.0085 * words))
        return fit(
            self._shot.prompt,
            width_px=width - 2 * self._margin,
            height_px=round(height * 0.70) - self._margin,
            size_min=max(1, round(self._short * 0.034)),
            size_max=max(1, round(self._short * largest)),
        )

    @cached_property
    def _block_at(self) -> tuple[int, int]:
        """The upper left corner of the prompt: at a margin, a little above the middle."""
        width, height = self._size
        block = self._block
        is_right = block.lettering.is_right_to_left
        x = width - self._margin - block.width_px if is_right else self._margin
        return x, round((height - self._margin - block.height_px) * 0.47)

    @cached_property
    def _letters(self) -> tuple[Image.Image, tuple[int, int]]:
        """A mask of the prompt, and its place. Painted last, over the lights."""
        x, y = self._block_at
        rim = self._block.size_px // 2
        return self._block.mask(), (x - rim, y - rim)

    @cached_property
    def _shades(self) -> Image.Image:
        """Where the ground stays bright: full white means untouched."""
        width, height = self._size
        # A gradient is dark enough by itself; a photograph can be anything, so it is shaded from
        # side to side: a cloud behind the type would be a thing in the picture.
        is_photograph = self._shot.reference is not None
        all_over, under_prompt = (205, 88) if is_photograph else (255, 208)
        x, y = (edge // _SOFT for edge in self._block_at)
        right = x + self._block.width_px // _SOFT
        bottom = y + self._block.height_px // _SOFT
        pad = self._block.size_px // (2 * _SOFT)
        blur = self._short / _SOFT / 12
        box = (x - pad, y - pad, right + pad, bottom + pad)
        small = Image.new("L", (width // _SOFT, height // _SOFT), all_over)
        if is_photograph:
            blur *= 1.5
            box = (0, y - pad - round(blur), small.width, bottom + pad + round(blur))
        ImageDraw.Draw(small).rectangle(box, fill=under_prompt)
        soft = small.filter(ImageFilter.GaussianBlur(blur))
        return soft.resize(self._size, Image.Resampling.BICUBIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """A short path that lights float along, one second apart from each other.

    A light needs `life_s` seconds for the way, so the trail always holds that many, and
    after a second each has taken the place of the next: the loop closes, however slowly
    they float.
    """

    discs: tuple[Image.Image, ...]  # the same light, from dark to bright
    life_s: int
    phase: float  # 0..1, so that trails are not in step
    start: tuple[float, float]
    way: tuple[float, float]  # from the start to the end, in pixels
    sway_px: float  # how far the path swings to the side of the straight way

    def paint(self, luma: Image.Image, index: int) -> None:
        """Paint the lights of this trail as they stand at one frame."""
        for light in range(self.life_s):
            done = (light + (self.phase + index / FRAMES_PER_SECOND) % 1.0) / self.life_s
            sway = self.sway_px * math.sin(math.tau * (done + self.phase))
            x = self.start[0] + self.way[0] * done + sway
            y = self.start[1] + self.way[1] * done + sway / 2
            # A light comes out of the ground and sinks back into it.
            disc = self.discs[round(math.sin(math.pi * done) ** 1.5 * (_STEPS - 1))]
            luma.paste(_LIGHT_LUMA, (round(x) - disc.width // 2, round(y) - disc.height // 2), disc)


def _trails(shot: Shot, quiet: tuple[int, int, int, int]) -> list[Trail]:
    """Scatter the trails of a shot: all float the same way, dimmed where the type stands."""
    chance = random.Random(shot.seed)  # noqa: S311 - decoration, repeatable by design
    short = min(shot.width, shot.height)
    wind = math.radians(chance.choice((0, 180)) + chance.uniform(-32, 32))
    trails = []
    for number in range(_TRAILS):
        nearness = number / (_TRAILS - 1)  # far ones are small, slow, sharp and bright
        life_s = chance.choice(_LIFE_S)
        length_px = short * (0.07 + 0.08 * nearness) * life_s
        centre = (_row(number, chance) * shot.width, chance.random() * shot.height)
        is_quiet = quiet[0] < centre[0] < quiet[2] and quiet[1] < centre[1] < quiet[3]
        way = (math.cos(wind) * length_px, math.sin(wind) * length_px)
        trails.append(
            Trail(
                discs=_discs(
                    radius=short * (0.005 + 0.055 * nearness**1.6),
                    softness=0.35 + 0.5 * nearness,
                    brightness=(0.75 - 0.57 * nearness**0.7) * (0.45 if is_quiet else 1),
                ),
                life_s=life_s,
                phase=chance.random(),
                start=(centre[0] - way[0] / 2, centre[1] - way[1] / 2),
                way=way,
                sway_px=short * chance.uniform(0.004, 0.02),
            )
        )
    return trails


def _row(number: int, chance: random.Random) -> float:
    """Return a place 0..1, such that consecutive numbers stand apart and none is left empty."""
    return (number * 11 % _TRAILS + chance.random()) / _TRAILS


def _discs(*, radius: float, softness: float, brightness: float) -> tuple[Image.Image, ...]:
    blur = max(1.0, radius * softness)
    reach = round(radius + 2 * blur)
    full = Image.new("L", (2 * reach + 1, 2 * reach + 1))
    box = (reach - radius, reach - radius, reach + radius, reach + radius)
    ImageDraw.Draw(full).ellipse(box, fill=255)
    full = full.filter(ImageFilter.GaussianBlur(blur / 1.6))
    dark = Image.new("L", full.size)
    return tuple(
        Image.blend(dark, full, brightness * step / (_STEPS - 1)) for step in range(_STEPS)
    )


def _gradient(shot: Shot) -> Image.Image:
    """Two tones, laid out on nine points and blended smoothly between them."""
    light, dark = (0.47, 0.105, shot.hue), (0.20, 0.06, shot.hue + 38)
    amounts = (0.0, 0.12, 0.45, 0.25, 0.50, 0.78, 0.62, 0.88, 1.0)
    mesh = Image.new("RGB", (3, 3))
    mesh.putdata([oklch(*mixed(light, dark, amount)) for amount in amounts])
    return mesh.resize((shot.width, shot.height), Image.Resampling.BICUBIC)


def _photograph(shot: Shot, reference: bytes) -> Image.Image:
    """The reference image, where it is not transparent."""
    with Image.open(BytesIO(reference)) as opened:
        if "A" not in opened.getbands() and "transparency" not in opened.info:
            return opened.convert("RGB")
        picture = opened.convert("RGBA")
    ground = Image.new("RGBA", picture.size, (*_shade(shot), 255))
    return Image.alpha_composite(ground, picture).convert("RGB")


def _washed(shot: Shot, picture: Image.Image) -> Image.Image:
    """A picture with a little of the shot's colour."""
    return Image.blend(picture, Image.new("RGB", picture.size, oklch(0.40, 0.10, shot.hue)), 0.16)


def _facts(shot: Shot) -> tuple[str, ...]:
    """What a shot is, and the same in fewer words."""
    size, length = f"{shot.width}x{shot.height}", f"{shot.seconds} s"
    if shot.remix_of is None:
        _, _, name = shot.model.rpartition("/")
        return (_listed(shot.model, size, length), _listed(name, length))
    origin = f"remix of {_short_id(shot.remix_of)}"
    return (_listed(shot.model, size, length, origin), _listed(shot.model, origin))


def _listed(*facts: str) -> str:
    return " \N{MIDDLE DOT} ".join(facts)


def _short_id(video_id: str) -> str:
    kept = 14  # "video_" and eight digits
    return video_id if len(video_id) <= kept else f"{video_id[:kept]}\N{HORIZONTAL ELLIPSIS}"


def _shade(shot: Shot) -> Colour:
    return oklch(0.13, 0.03, shot.hue + 38)


def _with_grain(picture: Image.Image) -> Image.Image:
    """Add the faintest grain: without it a smooth gradient shows steps."""
    chance = random.Random(_GRAIN_PX)  # noqa: S311 - the same grain for every clip
    tile = Image.frombytes("L", (_GRAIN_PX, _GRAIN_PX), chance.randbytes(_GRAIN_PX**2))
    tile = tile.point(lambda level: level * 5 // 256)
    grain = Image.new("L", picture.size)
    for x in range(0, picture.width, _GRAIN_PX):
        for y in range(0, picture.height, _GRAIN_PX):
            grain.paste(tile, (x, y))
    return ImageChops.add(picture, Image.merge("RGB", (grain,) * 3), offset=-2)
