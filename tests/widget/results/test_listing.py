"""Many layers at once: everybody hears of each of them, and of the list as a whole once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_refvae.widget.results.listing import insert_layer, remove_layers


class Listener:
    def __init__(self) -> None:
        self.gone: list[Any] = []
        self.times = 0

    def removed(self, event: Any) -> None:
        self.gone.append(event.value)

    def reset_choices(self, event: Any) -> None:
        self.times += 1


@pytest.fixture
def viewer() -> ViewerModel:
    model = ViewerModel()
    for name in "abcdef":
        model.add_image(np.zeros((3, 3)), name=name)
    return model


def test_who_looks_at_the_list_hears_once_and_who_looks_at_layers_of_each(viewer: ViewerModel) -> None:
    listener = Listener()
    viewer.layers.events.removed.connect(listener.removed)
    viewer.layers.events.removed.connect(listener.reset_choices)
    gone = [viewer.layers[name] for name in "bdef"]
    remove_layers(viewer.layers, [*gone, Image(np.zeros((3, 3)))])
    assert [layer.name for layer in viewer.layers] == ["a", "c"]
    assert set(listener.gone) == set(gone)
    assert listener.times == 1
    viewer.layers.remove("c")
    assert listener.times == 2


def test_what_is_not_there_is_left_out(viewer: ViewerModel) -> None:
    remove_layers(viewer.layers, [Image(np.zeros((3, 3)))])
    assert len(viewer.layers) == 6


def test_an_insertion_leaves_the_selection(viewer: ViewerModel) -> None:
    changes: list[Any] = []
    viewer.layers.selection = {viewer.layers["b"], viewer.layers["c"]}
    viewer.layers.selection.events.changed.connect(changes.append)
    insert_layer(viewer.layers, 1, new := Image(np.zeros((3, 3)), name="new"))
    assert [layer.name for layer in viewer.layers] == ["a", "new", "b", "c", "d", "e", "f"]
    assert set(viewer.layers.selection) == {viewer.layers["b"], viewer.layers["c"]}
    assert not changes
    insert_layer(viewer.layers, 0, other := Image(np.zeros((3, 3))), select=True)
    assert viewer.layers.selection.active is other
    assert new in viewer.layers
