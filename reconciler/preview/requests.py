"""Reads and validates what clients send: bodies in two encodings, and query strings."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from reconciler.preview.errors import ApiError
from reconciler.preview.files import VARIANTS, Variant
from reconciler.preview.intake import OFFICIAL, OneOf

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.requests import Request

    from reconciler.preview.intake import Intake, Values

_ORDERS = OneOf(("desc", "asc"))
_VARIANTS = OneOf(tuple(VARIANTS))
_KEY_MAX = 255
_PROMPT_MAX = 32_000  # characters
_LIMIT_MAX = 100
_LIMIT_DEFAULT = "20"
_ECHO_MAX = 80  # characters of a refused value that are worth repeating


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """What `POST /videos` asks for, with the defaults filled in."""

    prompt: str
    model: str
    seconds: int
    size: str
    reference: bytes | None  # an image file, not looked into yet


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """What `POST /videos/edits` asks for."""

    prompt: str
    source: str | bytes  # the id of a video, or an mp4 file, not looked into yet
    model: str  # that edits a file; a video of this server has its own


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRequest:
    """What `POST /videos/extensions` asks for."""

    prompt: str
    source: str  # the id of a video
    seconds: int  # of the new part


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What `GET /videos` asks for."""

    limit: int
    newest_first: bool
    after: str | None


async def read_fields(request: Request, *, takes_json: bool = True) -> dict[str, Any]:
    """Read the fields of a body, multipart or JSON alike; a file comes as its bytes.

    Raises:
        ApiError: the body is neither, or cannot be read.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/json" and takes_json:
        return _from_json(await request.body())
    if kind == "multipart/form-data":
        return await _from_multipart(request)
    raise ApiError(
        f"Content type '{kind}' is not supported: send multipart/form-data or application/json.",
        code="unsupported_content_type",
    )


def parse_create(fields: Mapping[str, Any], intake: Intake = OFFICIAL) -> CreateRequest:
    """Validate the fields of `POST /videos`; the first fault found is refused."""
    _refuse_unknown(fields, {"prompt", "model", "seconds", "size", "input_reference"}, intake)
    return CreateRequest(
        prompt=_prompt(fields),
        model=_one_of(fields, "model", intake.model),
        seconds=int(_one_of(fields, "seconds", intake.seconds)),
        size=_one_of(fields, "size", intake.size),
        reference=_reference(fields),
    )


def parse_remix(fields: Mapping[str, Any], intake: Intake = OFFICIAL) -> str:
    """Validate the fields of `POST /videos/{id}/remix` and return the prompt."""
    _refuse_unknown(fields, {"prompt"}, intake)
    return _prompt(fields)


def parse_edit(fields: Mapping[str, Any], intake: Intake = OFFICIAL) -> EditRequest:
    """Validate the fields of `POST /videos/edits`."""
    _refuse_unknown(fields, {"prompt", "video", "model"}, intake)
    return EditRequest(
        prompt=_prompt(fields),
        source=_source(fields),
        model=_one_of(fields, "model", intake.model),
    )


def parse_extension(fields: Mapping[str, Any], intake: Intake = OFFICIAL) -> ExtensionRequest:
    """Validate the fields of `POST /videos/extensions`."""
    _refuse_unknown(fields, {"prompt", "video", "seconds"}, intake)
    _required(fields, "seconds")
    source = _source(fields)
    if isinstance(source, bytes):
        raise ApiError(
            "The preview server extends videos of its own only: give 'video' as an object with"
            " an 'id'.",
            param="video",
            code="invalid_value",
        )
    return ExtensionRequest(
        prompt=_prompt(fields),
        source=source,
        seconds=int(_one_of(fields, "seconds", intake.added_seconds)),
    )


def _source(fields: Mapping[str, Any]) -> str | bytes:
    """The video that something is made of: an id, or the bytes of a file."""
    _required(fields, "video")
    match fields["video"]:
        case bytes() as video:
            return video
        case {"id": str() as video_id, **rest} if not rest:
            return video_id
        case _:
            raise ApiError(
                "'video' must be a file, or an object with the 'id' of a completed video.",
                param="video",
                code="invalid_type",
            )


def _required(fields: Mapping[str, Any], name: str) -> None:
    if name not in fields:
        raise ApiError(
            f"The required parameter '{name}' is missing.",
            param=name,
            code="missing_required_parameter",
        )


def idempotency_key(request: Request) -> str | None:
    """Return the key under which a client wants a job made once, if it named one.

    Raises:
        ApiError: it is no such key.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= _KEY_MAX and key.isprintable()):
        raise ApiError(
            f"An Idempotency-Key has 1 to {_KEY_MAX} printable characters.",
            code="invalid_idempotency_key",
        )
    return key


def parse_list(query: Mapping[str, str]) -> ListRequest:
    """Validate the query of `GET /videos`."""
    limit = query.get("limit", _LIMIT_DEFAULT)
    # Plain digits only: int() would take "+1", " 1" and "1_0" as well.
    if not (limit.isascii() and limit.isdigit() and int(limit[:9]) <= _LIMIT_MAX):
        raise _invalid("limit", limit, f"Expected an integer from 0 to {_LIMIT_MAX}.")
    order = _one_of(query, "order", _ORDERS)
    return ListRequest(limit=int(limit), newest_first=order == "desc", after=query.get("after"))


def parse_variant(query: Mapping[str, str]) -> Variant:
    """Validate the query of `GET /videos/{id}/content`."""
    return VARIANTS[_one_of(query, "variant", _VARIANTS)]


def _from_json(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError("The body could not be parsed as JSON.", code="invalid_json") from error
    if not isinstance(fields, dict):
        raise ApiError("The body must be a JSON object.", code="invalid_json")
    return fields


async def _from_multipart(request: Request) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    try:
        async with request.form() as form:
            for name, value in form.multi_items():
                if name in fields:
                    raise ApiError(f"Parameter '{_cut(name)}' is given twice.", param=_cut(name))
                fields[name] = await value.read() if isinstance(value, UploadFile) else value
    except MultiPartException as error:
        raise ApiError(
            f"The body could not be parsed as multipart: {error.message}", code="invalid_multipart"
        ) from error
    # The official Node client flattens an object into a field with brackets.
    for name, inner in (("input_reference", "image_url"), ("video", "id")):
        flattened = fields.pop(f"{name}[{inner}]", None)
        if flattened is not None:
            fields.setdefault(name, {inner: flattened})
    return fields


def _refuse_unknown(fields: Mapping[str, Any], known: Collection[str], intake: Intake) -> None:
    for name in fields:
        if name not in known and not intake.ignores_unknown:
            raise ApiError(
                f"Unknown parameter: '{_cut(name)}'.", param=_cut(name), code="unknown_parameter"
            )


def _prompt(fields: Mapping[str, Any]) -> str:
    _required(fields, "prompt")
    prompt = _text(fields, "prompt")
    if not 1 <= len(prompt) <= _PROMPT_MAX:
        raise ApiError(
            f"Invalid length of 'prompt': {len(prompt)} characters. Expected 1 to {_PROMPT_MAX}.",
            param="prompt",
            code="invalid_value",
        )
    try:
        prompt.encode()
    except UnicodeEncodeError as error:  # JSON can escape half a character
        raise ApiError(
            "'prompt' is not valid Unicode text.", param="prompt", code="invalid_value"
        ) from error
    return prompt


def _one_of(fields: Mapping[str, Any], name: str, allowed: Values) -> str:
    """Return the value of one field, or its default."""
    if name not in fields:
        return allowed.default
    said = fields[name]
    is_number = isinstance(said, int) and not isinstance(said, bool)
    value = str(said) if is_number and allowed.may_be_number else _text(fields, name)
    if not allowed.allow(value):
        raise _invalid(name, value, allowed.expected)
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        kind = "a file" if isinstance(value, bytes) else f"JSON {type(value).__name__}"
        raise ApiError(
            f"Invalid type of '{name}': expected a string, but got {kind}.",
            param=name,
            code="invalid_type",
        )
    return value


def _reference(fields: Mapping[str, Any]) -> bytes | None:
    match fields.get("input_reference", b""):
        case b"" if "input_reference" not in fields:
            return None
        case bytes() as image:
            return image
        case {"image_url": str() as url, **rest} if not rest:
            return _from_data_url(url)
        case _:
            raise ApiError(
                "'input_reference' must be a file, or an object with an 'image_url' that is a "
                "data URL.",
                param="input_reference",
                code="invalid_type",
            )


def _from_data_url(url: str) -> bytes:
    # A URL of any other kind is never fetched: this server reaches nothing.
    head, comma, payload = url.partition(",")
    if comma and head.startswith("data:image/") and head.endswith(";base64"):
        try:
            return base64.b64decode(payload, validate=True)
        except (binascii.Error, ValueError):
            pass  # refused below, like any other URL
    raise ApiError(
        "'input_reference.image_url' must be a base64 data URL of an image; "
        "the preview server fetches nothing.",
        param="input_reference",
        code="invalid_value",
    )


def _invalid(name: str, value: str, expected: str) -> ApiError:
    return ApiError(
        f"Invalid value of '{name}': '{_cut(value)}'. {expected}", param=name, code="invalid_value"
    )


def _cut(text: str) -> str:
    return text if len(text) <= _ECHO_MAX else f"{text[:_ECHO_MAX]}..."
