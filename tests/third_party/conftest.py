"""The preview servers and pictures of its own tests."""

from preview.conftest import picture, start

__all__ = ["picture", "start"]
