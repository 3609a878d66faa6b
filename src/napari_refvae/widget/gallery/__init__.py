"""The samples of a run as thumbnails."""
