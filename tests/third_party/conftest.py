"""The preview servers and pictures of its own tests, and projects of the command's."""

from e2e.conftest import film
from preview.conftest import picture, start

__all__ = ["film", "picture", "start"]
