"""Tabs of the widget: which there are, and when what is in them is made and let go."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from comparing import add_run
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_refvae.widget import pages as module
from napari_refvae.widget.gallery.dock import GalleryDock
from napari_refvae.widget.pages import Pages
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator


class Panel(QWidget):
    """Stands for what explores runs."""

    made: list[Panel]

    def __init__(self, runs: Runs, viewer: Any) -> None:
        super().__init__()
        self.given, self.detached = (runs, viewer), 0
        Panel.made.append(self)

    def detach(self) -> None:
        self.detached += 1


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def pages(viewer: ViewerModel, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    Panel.made = []
    explore = ModuleType("explore")
    explore.ExplorePanel = Panel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.EXPLORE, explore)
    monkeypatch.setattr(module, "find_spec", lambda _: True)
    made = Pages(QWidget(), [], Runs.of_viewer(viewer), viewer)
    qtbot.addWidget(made)
    made.show_form(True)
    made.show()
    yield made
    made.detach()


def tabs(pages: Pages) -> list[str]:
    return [pages._tabs.tabText(index) for index in range(pages._tabs.count())]


def test_exploring_is_offered_with_the_first_run_and_goes_with_the_last(viewer: ViewerModel, pages: Pages) -> None:
    assert tabs(pages) == ["Set up"]
    runs, run = add_run(viewer)
    assert tabs(pages) == ["Set up", "Samples", "Explore"]
    pages._tabs.setCurrentIndex(2)
    runs.remove(run)
    assert "Explore" not in tabs(pages)
    assert [panel.detached for panel in Panel.made] == [1]


def test_what_explores_is_made_when_it_is_first_seen_and_let_go_with_the_dock(
    viewer: ViewerModel, pages: Pages
) -> None:
    runs, _ = add_run(viewer)
    pages.show_gallery()
    assert Panel.made == []
    for tab in (2, 0, 2):
        pages._tabs.setCurrentIndex(tab)
    [panel] = Panel.made
    assert panel.given == (runs, viewer)
    pages._explore.release()
    assert panel.detached == 1


def test_the_form_comes_forward_when_the_gallery_moves_to_a_dock(viewer: ViewerModel, pages: Pages, qtbot: Any) -> None:
    add_run(viewer)
    pages.show_gallery()
    dock = GalleryDock(viewer)
    qtbot.addWidget(dock)
    assert tabs(pages) == ["Set up", "Explore"]
    assert pages._tabs.currentIndex() == 0
    assert not pages.exploring
    dock.release()


def test_it_tells_when_exploring_begins_and_ends(viewer: ViewerModel, pages: Pages) -> None:
    add_run(viewer)
    told: list[bool] = []
    pages.turned.connect(lambda: told.append(pages.exploring))
    for tab in (2, 1):
        pages._tabs.setCurrentIndex(tab)
    assert told == [True, False]


def test_without_what_explores_there_is_no_such_tab(
    viewer: ViewerModel, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXPLORE", "napari_refvae.widget.nowhere.panel")
    made = Pages(QWidget(), [], Runs.of_viewer(viewer), viewer)
    qtbot.addWidget(made)
    add_run(viewer)
    assert tabs(made) == ["Set up", "Samples"]
    made.detach()
