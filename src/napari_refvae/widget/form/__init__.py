"""The fields of a run: what to super-resolve, with which references, how."""
