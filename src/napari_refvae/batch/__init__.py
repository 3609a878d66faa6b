"""Many images, one after the other: found, made, recognised when made already, reported."""
