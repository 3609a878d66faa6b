"""Explore the space of super-resolutions in the viewer: a live panel over `napari_refvae.explore`."""
