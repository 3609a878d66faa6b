"""Pixels and files: from what a user has to what the engine takes, and back."""
