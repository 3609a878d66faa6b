"""The napari dock widget. The only part that imports napari, qtpy or magicgui."""
