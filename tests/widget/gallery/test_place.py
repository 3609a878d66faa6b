"""One gallery a viewer: in the widget's tab, or in a dock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from comparing import add_run
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_refvae.widget.gallery.dock import GalleryDock
from napari_refvae.widget.pages import Pages
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def pages(viewer: ViewerModel, qtbot: Any) -> Iterator[Pages]:
    made = Pages(QWidget(), [], Runs.of_viewer(viewer), viewer)
    qtbot.addWidget(made)
    yield made
    made.detach()


def tabs(pages: Pages) -> list[str]:
    return [pages._tabs.tabText(index) for index in range(pages._tabs.count())]


def test_a_run_that_the_widget_did_not_start_gets_its_tab(viewer: ViewerModel, pages: Pages) -> None:
    assert "Samples" not in tabs(pages)
    _, run = add_run(viewer)
    assert tabs(pages)[:2] == ["Set up", "Samples"]
    assert pages._tabs.currentIndex() == 0
    assert pages.gallery is not None
    pages.gallery.refresh()
    assert pages.gallery.run is run


def test_a_closed_widget_hears_of_no_run(viewer: ViewerModel, qtbot: Any) -> None:
    closed = Pages(QWidget(), [], Runs.of_viewer(viewer), viewer)
    qtbot.addWidget(closed)
    closed.detach()
    add_run(viewer)
    assert closed.gallery is None
    assert len(viewer.keymap) == 0


def test_a_dock_takes_the_gallery_and_gives_it_back(viewer: ViewerModel, pages: Pages, qtbot: Any) -> None:
    add_run(viewer)
    keys = len(viewer.keymap)
    assert keys > 0
    dock = GalleryDock(viewer)
    qtbot.addWidget(dock)
    assert "Samples" not in tabs(pages)
    assert pages.gallery is None
    assert dock.gallery is not None
    assert len(viewer.keymap) == keys
    pages.show_gallery()
    assert pages._tabs.currentIndex() == 0
    dock.release()
    assert dock.gallery is None
    qtbot.waitUntil(lambda: pages.gallery is not None)
    assert tabs(pages)[:2] == ["Set up", "Samples"]
    assert len(viewer.keymap) == keys


def test_a_tab_waits_for_a_dock_that_was_there_before(viewer: ViewerModel, pages: Pages, qtbot: Any) -> None:
    dock = GalleryDock(viewer)
    qtbot.addWidget(dock)
    add_run(viewer)
    assert dock.gallery is not None
    assert pages.gallery is None
    dock.release()
    qtbot.waitUntil(lambda: pages.gallery is not None)


def test_nothing_comes_back_when_all_go(viewer: ViewerModel, pages: Pages, qtbot: Any) -> None:
    add_run(viewer)
    dock = GalleryDock(viewer)
    qtbot.addWidget(dock)
    dock.release()
    pages.detach()
    qtbot.wait(10)
    assert (pages.gallery, dock.gallery) == (None, None)
    assert len(viewer.keymap) == 0
