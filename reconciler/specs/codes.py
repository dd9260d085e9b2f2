"""Every code that a mistake in the project or its specs is reported under.

Codes are looked up and searched for, so a released one never changes its meaning.
"""

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """A stable name for one kind of mistake; `meaning` says which."""

    meaning: str

    UNREADABLE = "SF0101", "a file is missing, cannot be read, or is no plain file"
    ENCODING = "SF0102", "a text file is not UTF-8"
    SYNTAX = "SF0103", "a file is not TOML"
    ESCAPE = "SF0104", "a path leads out of the project"
    LOOP = "SF0105", "symbolic links lead in a circle"
    NO_FOLDER = "SF0106", "a folder that the project names is not there"
    NO_SPECS = "SF0107", "warning: there is no spec file at all"
    OFF_LIMITS = "SF0108", "a path leads to what no spec may read: hidden files, state, assets"

    UNKNOWN_KEY = "SF0201", "a key or table that nobody knows"
    WRONG_TYPE = "SF0202", "a value of the wrong type"
    BAD_VALUE = "SF0203", "a value that is never allowed there"
    LATER = "SF0204", "something that this release does not have"
    BAD_NAME = "SF0205", "a name with characters that names do not have"
    NO_KEY = "SF0206", "a key is missing that must be there"

    KEY_IN_FILE = "SF0301", "an API key is written into a file"
    KEY_SOURCE = "SF0302", "a key's source is not exactly one of env, command and keyring"
    UNKNOWN_PROFILE = "SF0303", "no profile has that name"
    BASE_URL = "SF0304", "a provider's URL is missing, or is no plain http(s) URL"
    CAPABILITY = "SF0305", "a correction of a profile contradicts itself"
    UNKNOWN_PROVIDER = "SF0306", "no provider has that name"
    UNUSED_TAG = "SF0311", "warning: a budget for a tag that no video has"

    NO_PROMPT = "SF0401", "a video has no prompt, an empty one, or two"
    PROMPT_TEXT = "SF0402", "a prompt is too long or holds control characters"
    NOT_OFFERED = "SF0403", "the provider does not offer that value"
    DUPLICATE = "SF0404", "two videos have one name"
    REFERENCE = "SF0405", "an input reference cannot be used"
    SOFT_REFERENCE = "SF0406", "warning: an input reference is much smaller than its video"
    ODD_MODEL = "SF0407", "warning: a model of the preview that looks like a slip of the pen"
    UNKNOWN_PARENT = "SF0411", "a video that derives from one that is not declared"
    REMIX_CYCLE = "SF0412", "videos that derive from each other in a circle"
    REMIX_SETS = "SF0413", "a derived video sets what it takes from its parent"
    REMIX_ACROSS = "SF0414", "a derived video on another provider than its parent"
    NO_REMIX = "SF0415", "the provider makes no remixes, or no edits, or no extensions"
    EXTENSION = "SF0416", "a video that cannot be extended, or not so far"
    BLOCK = "SF0440", "a block that contradicts another, or what is declared"

    UNDEFINED = "SF0421", "a name in `${...}` that nothing defines"
    TEMPLATE = "SF0422", "a `${...}` that cannot be read"
    VARIABLE_CYCLE = "SF0423", "variables that are made of each other in a circle"
    UNUSED_VARIABLE = "SF0424", "a variable was given that nothing uses"
    MATRIX = "SF0431", "a matrix that cannot be read"
    PICK = "SF0432", "a pick of no take"
    PARENT_IS_MANY = (
        "SF0433",
        "a video derives from one that is several, from none in particular",
    )

    OUTPUT_TEMPLATE = "SF0501", "the output template cannot be read"
    OUTPUT_PLACE = "SF0502", "an output lies where none may lie"
    OUTPUT_SHARED = "SF0503", "two outputs share one path"

    def __new__(cls, code: str, meaning: str) -> Self:
        """A member that equals its code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member
