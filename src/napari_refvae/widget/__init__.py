"""The napari dock widgets. The only part that imports napari, qtpy or magicgui."""

from napari_refvae.widget.requirements import require_napari

require_napari()  # here: its modules import names that older ones lack
