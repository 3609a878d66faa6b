"""Many layers into and out of napari's list, without doing over and over what is needed once.

After each single layer napari draws the scene anew and sets its buttons and menus by the list as a whole. Of a run
with a hundred layers that is most of the time that its removal takes.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from napari.layers import Layer

__all__ = ["insert_layer", "remove_layers"]

OF_THE_LIST = ("_on_selection_changed", "_update_camera_depth", "_update_welcome_screen", "reset_choices")
"""Names of what listens to removals and looks at the list alone, not at what was removed: once is enough. Were napari
to rename its own, a removal would be slower, and as right as before."""


def insert_layer(layers: Any, position: int, layer: Layer, *, select: bool = False) -> None:
    """Put a layer into a viewer's list; unless it is to be selected, the selection stays, and nobody hears of it."""
    if select:
        layers.insert(position, layer)
        layers.selection = {layer}
        return
    selected, thumbnail = set(layers.selection), layer.thumbnail
    with layers.selection.events.blocker_all():  # napari selects what is new, and its controls would follow
        layers.insert(position, layer)
        layers.selection = selected
    if not layer.visible:
        layer.thumbnail = thumbnail  # napari's own is black until a layer is shown


def remove_layers(layers: Any, gone: Collection[Layer]) -> None:
    """Take layers out of a viewer's list, in one go; those that are not in it are left out."""
    leaving = [layer for layer in layers if layer in set(gone)]
    if not leaving:
        return
    with layers.batched_update():
        layers.selection.difference_update(leaving)
        with _once_at_the_end(layers):
            for layer in reversed(leaving[1:]):
                layers.remove(layer)
        layers.remove(leaving[0])  # of this one everybody hears


@contextmanager
def _once_at_the_end(layers: Any) -> Iterator[None]:
    """Keep removals from who looks at the list as a whole."""
    removed = layers.events.removed
    with ExitStack() as blocked:
        for callback in removed.callbacks:
            owner = callback[0]() if isinstance(callback, tuple) else None
            if owner is not None and callback[1] in OF_THE_LIST:
                blocked.enter_context(removed.blocker(getattr(owner, callback[1])))
        yield
