from __future__ import annotations

from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy
from napari.utils.key_bindings import coerce_keybinding

from napari_refvae.widget.shortcuts import Shortcuts


def press(viewer: ViewerModel, key: str) -> None:
    viewer.keymap[coerce_keybinding(key)](viewer)


def test_a_free_key_does_what_it_was_bound_to_until_it_is_given_back() -> None:
    viewer, pressed = ViewerModel(), []
    bound = Shortcuts.bind(viewer, {"K": lambda: pressed.append("K"), "Shift-N": lambda: pressed.append("N")})
    press(viewer, "K")
    press(viewer, "Shift-N")
    assert pressed == ["K", "N"]
    bound.unbind()
    assert not viewer.keymap


def test_a_users_key_is_left_alone() -> None:
    viewer = ViewerModel()

    def mine(_: object) -> None: ...

    viewer.bind_key("K", mine)
    bound = Shortcuts.bind(viewer, {"K": lambda: None, "N": lambda: None})
    assert (list(bound.bound), bound.taken) == (["N"], ["K"])
    bound.unbind()
    assert list(viewer.keymap.values()) == [mine]


def test_a_key_of_every_viewer_is_seen_through_the_proxy_that_plugins_get() -> None:
    class Keyed(ViewerModel):
        pass

    Keyed.class_keymap[coerce_keybinding("K")] = lambda _: None
    try:
        assert Shortcuts.bind(PublicOnlyProxy(Keyed()), {"K": lambda: None}).taken == ["K"]
    finally:
        Keyed.class_keymap.clear()


def test_a_key_that_the_user_has_bound_since_stays() -> None:
    viewer = ViewerModel()
    bound = Shortcuts.bind(viewer, {"K": lambda: None})

    def mine(_: object) -> None: ...

    viewer.bind_key("K", mine, overwrite=True)
    bound.unbind()
    assert list(viewer.keymap.values()) == [mine]
