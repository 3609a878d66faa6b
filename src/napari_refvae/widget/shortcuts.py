"""Keyboard shortcuts, bound in code: napari reads key bindings in manifests, but does not register them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils.key_bindings import coerce_keybinding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel

__all__ = ["BLINK", "KEEP", "NEXT_SAMPLE", "PREVIOUS_SAMPLE", "UPSCALE", "Shortcuts"]

UPSCALE = "Control-Alt-U"
"""Click Upscale, or Cancel while a run is under way."""

BLINK = "B"
"""Blink between two samples."""

NEXT_SAMPLE = "N"
"""Show the next sample of the run."""

PREVIOUS_SAMPLE = "Shift-N"
"""Show the sample before."""

KEEP = "K"
"""Keep the sample shown."""


@dataclass(eq=False)
class Shortcuts:
    """Keys that a widget has bound on a viewer, until it gives them back.

    A key that the viewer or its image layers use already, for the user or for napari, is left alone. The
    keys work while the canvas has the focus.

    Attributes
    ----------
    bound
        Keys that were free; name them in tooltips.
    taken
        Keys that were not.
    """

    viewer: ViewerModel
    bound: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)

    @classmethod
    def bind(cls, viewer: ViewerModel, actions: Mapping[str, Callable[[], Any]]) -> Shortcuts:
        """Bind each free key to its action.

        Parameters
        ----------
        viewer
            Whose keys.
        actions
            Key combinations as napari spells them, such as ``Control-Alt-U``, and what they do.
        """
        made = cls(viewer)
        for key, action in actions.items():
            made._bind(key, action)
        return made

    def unbind(self) -> None:
        """Give back the keys that are still ours."""
        for key, callback in self.bound.items():
            if self._holder(key) is callback:
                self.viewer.bind_key(key, None)
        self.bound.clear()

    def _bind(self, key: str, action: Callable[[], Any]) -> None:
        def pressed(_: Any) -> None:
            action()

        if self._is_free(key):
            self.viewer.bind_key(key, pressed)
            self.bound[key] = pressed
        else:
            self.taken.append(key)

    def _is_free(self, key: str) -> bool:
        """Layers are asked before the viewer, so a key of image layers would never arrive.

        The proxy that napari hands to plugins says its viewer's class, but is not of that type.
        """
        owners = [self.viewer.keymap, *_class_keymaps(self.viewer.__class__), *_class_keymaps(Image)]
        return all(coerce_keybinding(key) not in keymap for keymap in owners)

    def _holder(self, key: str) -> Any:
        return self.viewer.keymap.get(coerce_keybinding(key))


def _class_keymaps(kind: type) -> list[Mapping[Any, Any]]:
    return [base.class_keymap for base in kind.__mro__ if hasattr(base, "class_keymap")]
