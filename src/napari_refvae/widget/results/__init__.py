"""Runs as layers: what goes into the viewer, where it lies, how it is kept."""
