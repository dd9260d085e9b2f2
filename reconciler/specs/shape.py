"""The tables that a person may write, with the types of their values.

The parser and the JSON Schemas both come from here. Which values a server takes is its
profile's to say; what only later releases have is in `LATER`.
"""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from reconciler.domain.desired import Ignorable
from reconciler.domain.durations import seconds_in
from reconciler.domain.echo import EchoField
from reconciler.domain.observed import REMOTE_ID_CHARACTERS_MAX, is_remote_id
from reconciler.domain.recipe import ReferenceFit
from reconciler.specs.places import KeyPath

_TABLE = ConfigDict(extra="forbid", hide_input_in_errors=True)

_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
_Text = Annotated[str, StringConstraints(min_length=1)]
_Size = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*x[1-9][0-9]*$")]
_Duration = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$")]
_Variant = Literal["video", "thumbnail", "spritesheet"]
_Tag = Annotated[str, StringConstraints(pattern=r"^[^\s,\x00-\x1f\x7f]+$")]
_Address = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\[[^\[\]\x00-\x1f\x7f]+\])?$")
]
_Variants = Annotated[list[_Variant], Field(min_length=1)]
_Texts = Annotated[list[_Text], Field(min_length=1)]
_Codes = list[Annotated[_Text, StringConstraints(to_lower=True)]]
_Sizes = Annotated[list[_Size], Field(min_length=1)]


def _number(value: object) -> object:
    """Let no text through: a decimal would be read from it."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("number_type", "Input should be a number")


def _some_time(duration: str) -> str:
    """Let a duration through that takes time, and comes to an end."""
    if seconds_in(duration) <= 0:
        raise PydanticCustomError("greater_than", "Input should be greater than 0", {"gt": 0})
    if seconds_in(duration) > seconds_in(_LONGEST):
        raise PydanticCustomError("less_than_equal", "Input is too long", {"le": _LONGEST})
    return duration


def _scalar(value: object) -> object:
    """Let only what can stand in a text through."""
    if isinstance(value, str | bool | int | float | Decimal):
        return value
    raise PydanticCustomError("scalar_type", "Input should be a scalar")


def _whole_or_template(value: object) -> object:
    """Let a whole number through, and a text that will be one."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and "${" in value):
        return value
    raise PydanticCustomError("int_type", "Input should be a whole number")


def _remote_id(text: str) -> str:
    """Let through what a server can be asked for."""
    if is_remote_id(text):
        return text
    raise PydanticCustomError("remote_id", "Input should be a job's id")


_JobId = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]+$", max_length=REMOTE_ID_CHARACTERS_MAX),
    AfterValidator(_remote_id),
]
_Scalar = Annotated[
    Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
_Lengths = list[Annotated[StrictInt, Field(gt=0)]]
_Whole = Annotated[
    Any,
    BeforeValidator(_whole_or_template),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"\$\{"}]}),
]
_Axis = Annotated[list[Any], Field(min_length=1)]
_Count = Annotated[StrictInt, Field(gt=0, le=1000)]
_LONGEST = "8760h"  # a year
_SomeTime = Annotated[_Duration, AfterValidator(_some_time)]
_Dollars = Annotated[Decimal, Field(ge=0), BeforeValidator(_number)]


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class LifecycleTable:
    """How careful to be with one video."""

    protect: StrictBool | None = Field(
        default=None,
        description="Refuse to replace or delete this video, even after the block is removed.",
    )
    on_lost: Literal["fail", "regenerate"] | None = Field(
        default=None, description="What to do once the video's bytes are nowhere any more."
    )
    remote: Literal["keep", "delete_after_download", "never"] | None = Field(
        default=None,
        description="When the remote job is deleted: with the video, after its download, never.",
    )
    ignore_changes: list[Ignorable] | None = Field(
        default=None,
        description="What may change in the spec without another video being made. With any other "
        "change, or by --replace, it is made as the spec says.",
    )
    retries: Annotated[StrictInt, Field(ge=0, le=10)] | None = Field(
        default=None,
        description="How often it is bought again after a job failed for a reason that may pass; "
        "by default never.",
    )
    deadline: _SomeTime | None = Field(
        default=None,
        description='How long its job may run, as "30m"; then it is reported stuck, waited for no '
        "more, and never bought again by itself.",
    )


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class DefaultsTable:
    """What holds for every video that does not say otherwise."""

    model: str | None = Field(default=None, description="The model; by default the profile's.")
    seconds: _Whole | None = Field(default=None, description="The clip's length in seconds.")
    size: str | None = Field(default=None, description="WIDTHxHEIGHT in pixels.")
    variants: _Variants | None = Field(
        default=None, description="What to download and publish; by default only the video."
    )
    reference_fit: ReferenceFit | None = Field(
        default=None,
        description="How an input reference comes to the video's size: by default it has exactly "
        "that; scaled to cover it and cropped; or scaled to fit in, on black.",
    )
    tags: list[_Tag] | None = Field(default=None, description="Words to select videos by.")
    provider: str | None = Field(
        default=None, description="The [providers.NAME] that makes the videos."
    )
    lifecycle: LifecycleTable | None = Field(
        default=None, description="How careful to be with the videos."
    )


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class VideoTable(DefaultsTable):
    """One declared video."""

    prompt: str | None = Field(default=None, description="What the video shows.")
    prompt_file: str | None = Field(
        default=None, description="A text file with the prompt, relative to this spec."
    )
    input_reference: str | None = Field(
        default=None, description="A jpeg, png or webp image to start from, relative to this spec."
    )
    remix_of: str | None = Field(
        default=None,
        description="The video that this one is a remix of; it gives model, seconds and size.",
    )
    remix_of_id: _JobId | None = Field(
        default=None,
        description="The id of a job on the server that this one is a remix of, and that no spec "
        "declares.",
    )
    edit_of: str | None = Field(
        default=None,
        description="The video that this one is an edit of; it gives model, seconds and size.",
    )
    extends: str | None = Field(
        default=None,
        description="The video that this one begins with, and goes on after; it gives model and "
        "size, and `seconds` are those that are added.",
    )
    extra: dict[_Name, _Scalar] | None = Field(
        default=None,
        description="What else its server is told, by the server's names, as seed = 7; part of "
        "the recipe.",
    )
    matrix: dict[_Name, _Axis] | None = Field(
        default=None,
        description="One video for each combination of these values, which `${...}` names; "
        "`exclude` takes combinations out, `include` adds some.",
    )
    takes: _Count | None = Field(
        default=None, description="How many results of the same recipe are made."
    )
    pick: _Count | None = Field(
        default=None, description="The take that is published; without it all of them are."
    )


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class MovedTable:
    """A video that has another name now; what the state holds moves there, files and all."""

    from_: _Address = Field(alias="from", description="Its name before.")
    to: _Address = Field(description="Its name now; without keys, all takes and cells move.")


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class RemovedTable:
    """A video that the state shall forget; its remote job and its files are left alone."""

    from_: _Address = Field(alias="from", description="Its name; it is declared no more.")


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class ImportTable:
    """A job that the server has already, to be taken instead of bought."""

    to: _Address = Field(description="The declared video that it is.")
    id: _JobId = Field(description="The job's id on the server.")


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class SpecFile:
    """A spec file of sorafile: the videos that are wanted."""

    vars: dict[_Name, _Scalar] = Field(
        default_factory=dict, description="What `${NAME}` stands for in this file."
    )
    defaults: DefaultsTable | None = Field(
        default=None, description="For the videos of this file, over the project's defaults."
    )
    video: dict[_Name, VideoTable] = Field(
        default_factory=dict, description="The declared videos by name."
    )
    moved: list[MovedTable] = Field(
        default_factory=list, description="Videos that have another name now."
    )
    removed: list[RemovedTable] = Field(
        default_factory=list, description="Videos that are forgotten, and left where they are."
    )
    import_: list[ImportTable] = Field(
        default_factory=list, alias="import", description="Jobs that are taken, not bought."
    )


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class ProjectTable:
    """Where things live."""

    specs: _Texts | None = Field(
        default=None, description='Folders or globs of spec files; by default ["specs"].'
    )
    output: _Text | None = Field(
        default=None,
        description="Where a video is published: by default videos/{address}.{ext}; also "
        "{variant}, {workspace}, {take} and variables.",
    )
    state: _Text | None = Field(
        default=None, description="The state database: by default sqlite:///state/sorafile.db."
    )
    assets: _Text | None = Field(
        default=None, description="The folder of the asset store: by default state/assets."
    )
    provider: str | None = Field(
        default=None,
        description="The provider of videos that name none; by default preview.",
    )


@dataclass(
    frozen=True,
    slots=True,
    kw_only=True,
    config=_TABLE | ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1}),
)
class KeyTable:
    """Where an API key comes from, exactly one of these; never the key itself."""

    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        default=None, description="The environment variable that holds the key."
    )
    command: _Texts | None = Field(
        default=None, description="The command that prints the key, word by word."
    )
    keyring: _Text | None = Field(
        default=None, description="The entry of the system's keyring that holds the key."
    )


_Echoes = list[EchoField]
_Status = Literal["queued", "in_progress", "completed", "failed", "expired"]
_HttpStatuses = list[Annotated[StrictInt, Field(ge=100, le=599)]]
_HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", to_lower=True)]
_HeaderText = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]*$")]


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class WireTable:
    """How the server is spoken to, where it is not as its profile says."""

    auth: Literal["bearer", "api-key"] | None = Field(
        default=None, description="The header of the key: `Authorization: Bearer` or `api-key`."
    )
    query: dict[_Text, str] | None = Field(
        default=None, description='Parameters that go with every request, as provider = "openai".'
    )
    headers: dict[_HeaderName, _HeaderText] | None = Field(
        default=None, description="Headers that go with every request; never a key."
    )
    create_as: Literal["multipart", "json"] | None = Field(
        default=None, description="What the body of a create is."
    )
    model_field: StrictBool | None = Field(
        default=None, description="Whether a create says its model."
    )
    seconds_as: Literal["text", "number"] | None = Field(
        default=None, description="What seconds are in a JSON body."
    )
    size_as: Literal["size", "aspect_ratio"] | None = Field(
        default=None, description="Whether a create says its size, or only its shape."
    )
    reference_as: Literal["file", "image_url", "image_url_text"] | None = Field(
        default=None,
        description="An input reference is a file, an object with a data URL, or that as text.",
    )
    reference_field: _Text | None = Field(
        default=None, description="The name of the input reference's field."
    )
    statuses: dict[Annotated[_Text, StringConstraints(to_lower=True)], _Status] | None = Field(
        default=None, description="What the server's own words for a status mean."
    )
    page_jobs_max: Annotated[StrictInt, Field(gt=0, le=1000)] | None = Field(
        default=None, description="How many jobs a page of the list may have."
    )
    result: Literal["content", "url", "either"] | None = Field(
        default=None, description="Whether the video is at /content, at the job's URL, or either."
    )
    result_bytes_max: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="How long one asset may be, in bytes."
    )
    not_ready: _HttpStatuses | None = Field(
        default=None, description="The statuses of content that is not there yet."
    )
    refusals: _HttpStatuses | None = Field(
        default=None,
        description="The statuses of a paid request that certainly made, and billed, nothing.",
    )
    token_header: _HeaderName | Literal[""] | None = Field(
        default=None,
        description="The header that names a paid request, as Idempotency-Key; an empty text for "
        "none.",
    )
    retry_after: list[_HeaderName] | None = Field(
        default=None, description="The headers that say how long to wait."
    )
    poll_after: list[_HeaderName] | None = Field(
        default=None, description="The headers that say when to look at a job again."
    )


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class ProviderTable:
    """A server: its profile, its address, its key's source, and corrections of the profile."""

    profile: str | None = Field(
        default=None, description="What kind of server it is; by default the provider's name."
    )
    base_url: str | None = Field(default=None, description="The URL that ends in /v1.")
    api_key: KeyTable | None = Field(default=None, description="Where the key comes from.")
    account: _Text | None = Field(
        default=None,
        description="Whose money and whose jobs; part of every recipe. By default the "
        "provider's name.",
    )
    account_use: Literal["shared", "exclusive"] | None = Field(
        default=None, description="Whether others make jobs in this account."
    )
    on_ambiguous: Literal["wait", "ask", "retry", "fail"] | None = Field(
        default=None, description="What to do when nobody knows whether a paid request arrived."
    )
    poll_interval: _Duration | None = Field(
        default=None, description='The longest wait between looks at running jobs, as "10s".'
    )
    settle: _Duration | None = Field(
        default=None, description='How long a new job may be missing from the list, as "60s".'
    )
    asset_lifetime: _Duration | None = Field(
        default=None, description='How long a finished video can be downloaded, as "24h".'
    )
    prices: dict[str, _Dollars] | None = Field(
        default=None, description='Dollars a second by "model" or "model@size"; "*" for any.'
    )
    max_in_flight: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="Jobs running at once."
    )
    requests_per_minute: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="Paid requests a minute."
    )
    needs_key: StrictBool | None = Field(
        default=None, description="Whether the server asks for a key."
    )
    wire: WireTable | None = Field(
        default=None, description="How the server is spoken to, where its profile is wrong."
    )
    models: list[_Text] | None = Field(
        default=None, description="The models that it has; [] for any."
    )
    seconds: list[Annotated[StrictInt, Field(gt=0)]] | None = Field(
        default=None,
        description="The lengths that it makes; [] for any from seconds_min to seconds_max.",
    )
    seconds_min: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="The shortest length, where `seconds` is []."
    )
    seconds_max: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="The longest length, where `seconds` is []."
    )
    sizes: list[_Size] | None = Field(
        default=None, description="The sizes that it makes; [] for any of whole steps a side."
    )
    size_step: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="What both sides are a multiple of, where `sizes` is []."
    )
    size_pixels_max: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="The longest side, where `sizes` is []."
    )
    model_sizes: dict[_Text, _Sizes] | None = Field(
        default=None, description="The sizes of the models that have not all of them."
    )
    default_model: str | None = Field(default=None, description="The model where none is named.")
    default_seconds: StrictInt | None = Field(default=None, description="The length where none is.")
    default_size: str | None = Field(default=None, description="The size where none is named.")
    extra_fields: dict[_Text, Literal["integer", "number", "text", "boolean", "any"]] | None = (
        Field(
            default=None,
            description='What else a video may say in `extra`, as seed = "integer"; "*" for any.',
        )
    )
    hidden_retries: str | None = Field(
        default=None,
        description="What to set there so that it repeats no paid request by itself; an empty text "
        "where that is done.",
    )
    prompt_characters_max: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="The longest prompt that it takes."
    )
    reference_types: list[Literal["image/jpeg", "image/png", "image/webp"]] | None = Field(
        default=None, description="The media types that an input reference may have."
    )
    reference_matches_size: StrictBool | None = Field(
        default=None, description="Whether an input reference must have the video's size."
    )
    list: Literal["complete", "partial", "none"] | None = Field(
        default=None, description="Whether its list shows every job, only some, or is not there."
    )
    delete: StrictBool | None = Field(default=None, description="Whether it deletes jobs.")
    remix: StrictBool | None = Field(default=None, description="Whether it makes remixes.")
    edit: StrictBool | None = Field(
        default=None,
        description="Whether it makes edits; where it makes no remixes, they stand for those.",
    )
    edit_upload: StrictBool | None = Field(
        default=None, description="Whether an edit may send its video along."
    )
    extend: StrictBool | None = Field(default=None, description="Whether it extends videos.")
    extend_seconds: _Lengths | None = Field(
        default=None, description="The lengths by which it extends a video at once; [] for any."
    )
    extend_steps_max: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="How often a video can be extended."
    )
    extend_total_seconds_max: Annotated[StrictInt, Field(gt=0)] | None = Field(
        default=None, description="The length of the longest video that extending makes."
    )
    typical_job_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="Seconds to expect of a job, for each second of its video."
    )
    jobs_survive_restart: StrictBool | None = Field(
        default=None, description="Whether a restart of the server leaves its jobs alone."
    )
    echoes: _Echoes | None = Field(
        default=None, description="What of a request its jobs repeat as it was sent."
    )
    variants: _Variants | None = Field(default=None, description="What can be downloaded.")
    transient_errors: _Codes | None = Field(
        default=None, description="The codes of failed jobs after which `retries` buys again."
    )


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class BudgetTable:
    """What may be spent, in dollars, by all workspaces of the state database together."""

    per_run: _Dollars | None = Field(default=None, description="At most so much in one run.")
    per_day: _Dollars | None = Field(default=None, description="At most so much in a UTC day.")
    per_month: _Dollars | None = Field(default=None, description="At most so much in a UTC month.")
    per_tag: dict[_Tag, _Dollars] | None = Field(
        default=None, description="At most so much in a UTC month for the videos with a tag."
    )


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class WorkspaceTable:
    """What one workspace says otherwise."""

    project: ProjectTable | None = Field(
        default=None, description="Where things live, and who makes the videos."
    )
    providers: dict[_Name, ProviderTable] = Field(
        default_factory=dict, description="The servers by name."
    )
    vars: dict[_Name, _Scalar] = Field(
        default_factory=dict, description="What `${NAME}` stands for in every spec file."
    )
    defaults: DefaultsTable | None = Field(
        default=None, description="For every video; a spec file may have its own."
    )
    budget: BudgetTable | None = Field(
        default=None, description="What may be spent; without it, as much as is asked for."
    )


@dataclass(frozen=True, slots=True, kw_only=True, config=_TABLE)
class ProjectFile(WorkspaceTable):
    """sorafile.toml: the project."""

    workspace: dict[_Name, WorkspaceTable] = Field(
        default_factory=dict, description="What holds instead in a workspace, by its name."
    )


SPEC_FILE = TypeAdapter(SpecFile)
PROJECT_FILE = TypeAdapter(ProjectFile)

PROVIDER_KEYS = frozenset(field.name for field in fields(ProviderTable))


_TABLES: Mapping[tuple[str, ...], tuple[type, frozenset[str]]] = {
    ("spec",): (SpecFile, frozenset()),
    ("spec", "defaults"): (DefaultsTable, frozenset()),
    ("spec", "defaults", "lifecycle"): (LifecycleTable, frozenset()),
    ("spec", "video", "*"): (VideoTable, frozenset()),
    ("spec", "video", "*", "lifecycle"): (LifecycleTable, frozenset()),
    ("spec", "moved", "*"): (MovedTable, frozenset()),
    ("spec", "removed", "*"): (RemovedTable, frozenset()),
    ("spec", "import", "*"): (ImportTable, frozenset()),
    ("project",): (ProjectFile, frozenset()),
    ("project", "workspace", "*"): (WorkspaceTable, frozenset()),
    ("project", "project"): (ProjectTable, frozenset({"publish"})),
    ("project", "defaults"): (DefaultsTable, frozenset()),
    ("project", "defaults", "lifecycle"): (LifecycleTable, frozenset()),
    ("project", "budget"): (BudgetTable, frozenset()),
    ("project", "providers", "*"): (ProviderTable, frozenset()),
    ("project", "providers", "*", "api_key"): (KeyTable, frozenset()),
    ("project", "providers", "*", "wire"): (WireTable, frozenset()),
}


def known_keys(kind: Literal["spec", "project"], table: KeyPath) -> tuple[str, ...]:
    """The keys that one table of a file may have, in the order of their declaration."""
    # What Python keeps for itself is written with an underscore behind it.
    return tuple(field.name.rstrip("_") for field in fields(_table(kind, table)[0]))


def later_keys(kind: Literal["spec", "project"], table: KeyPath) -> frozenset[str]:
    """The keys of one table that only later releases know."""
    return _table(kind, table)[1]


_BELOW_WORKSPACE = 2  # [workspace.NAME]


def _table(kind: Literal["spec", "project"], table: KeyPath) -> tuple[type, frozenset[str]]:
    parts = [str(part) for part in table]
    if parts[:1] == ["workspace"]:
        parts = parts[_BELOW_WORKSPACE:] or ["workspace", "*"]
    if parts and parts[0] in ("video", "providers", "moved", "removed", "import"):
        parts[1] = "*"
    return _TABLES[(kind, *parts)]
