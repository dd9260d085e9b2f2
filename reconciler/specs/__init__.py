"""The adapter from a project's TOML files to its desired state."""
