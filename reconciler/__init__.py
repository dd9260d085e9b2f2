"""sorafile: a folder of generated videos, kept true to a folder of TOML specs."""

__version__ = "0.1.0"
