"""Keeping videos true to their specs while somebody edits them."""
