"""Tabs of the widget: which there are, and when what is in them is made and let go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtWidgets import QWidget

from napari_refvae.widget.explore.panel import ExplorePanel
from napari_refvae.widget.gallery.dock import GalleryDock
from napari_refvae.widget.pages import Pages
from napari_refvae.widget.results.maps import MapSpec
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel

    from napari_refvae.widget.results.run import Run


@pytest.fixture
def make_run(viewer: ViewerModel, run_layer: Callable[..., list[Any]]) -> Callable[[], Run]:
    """Adds a run of the photograph, which can be explored."""

    def make() -> Run:
        run_layer("photo", samples=1, faithful=False, maps=MapSpec(None, spread=False))
        latest = Runs.of_viewer(viewer).latest()
        assert latest is not None
        return latest

    return make


@pytest.fixture
def pages(viewer: ViewerModel, qtbot: Any) -> Iterator[Pages]:
    made = Pages(QWidget(), [], Runs.of_viewer(viewer), viewer)
    qtbot.addWidget(made)
    made.show_form(True)
    made.show()
    yield made
    made.detach()


def tabs(pages: Pages) -> list[str]:
    return [pages._tabs.tabText(index) for index in range(pages._tabs.count())]


@pytest.fixture
def detached(monkeypatch: pytest.MonkeyPatch) -> list[ExplorePanel]:
    """Panels that were let go, by the panel's own `detach`."""
    found: list[ExplorePanel] = []
    detach = ExplorePanel.detach

    def note(panel: ExplorePanel) -> None:
        found.append(panel)
        detach(panel)

    monkeypatch.setattr(ExplorePanel, "detach", note)
    return found


def test_exploring_is_offered_with_the_first_run_and_goes_with_the_last(
    viewer: ViewerModel, pages: Pages, make_run: Callable[[], Run], detached: list[ExplorePanel]
) -> None:
    assert tabs(pages) == ["Set up"]
    run = make_run()
    assert tabs(pages) == ["Set up", "Samples", "Explore"]
    pages._tabs.setCurrentIndex(2)
    panel = pages._explore.content
    Runs.of_viewer(viewer).remove(run)
    assert tabs(pages) == ["Set up"]
    assert detached == [panel]
    make_run()
    assert tabs(pages) == ["Set up", "Samples", "Explore"]


def test_what_explores_is_made_when_it_is_first_seen_and_let_go_with_the_dock(
    viewer: ViewerModel, pages: Pages, make_run: Callable[[], Run], detached: list[ExplorePanel]
) -> None:
    make_run()
    pages.show_gallery()
    assert pages._explore.content is None
    pages._tabs.setCurrentIndex(2)
    panel = pages._explore.content
    assert isinstance(panel, ExplorePanel)
    assert panel.ground.layer is viewer.layers["photo"]  # it is about this viewer
    for tab in (0, 2):
        pages._tabs.setCurrentIndex(tab)
    assert pages._explore.content is panel
    pages._explore.release()
    assert detached == [panel]


def test_the_run_in_front_is_the_one_in_the_gallery_while_that_is_seen(
    pages: Pages, make_run: Callable[[], Run], qtbot: Any
) -> None:
    assert pages.run_in_front is None
    first = make_run()
    second = make_run()
    pages.show_gallery()
    qtbot.waitUntil(lambda: pages.run_in_front is second)
    pages.gallery.show_run(first)
    assert pages.run_in_front is first
    for tab in (0, 2):
        pages._tabs.setCurrentIndex(tab)
        assert pages.run_in_front is None


def test_the_form_comes_forward_when_the_gallery_moves_to_a_dock(
    viewer: ViewerModel, pages: Pages, make_run: Callable[[], Run], qtbot: Any
) -> None:
    make_run()
    pages.show_gallery()
    dock = GalleryDock(viewer)
    qtbot.addWidget(dock)
    assert tabs(pages) == ["Set up", "Explore"]
    assert pages._tabs.currentIndex() == 0
    assert not pages.exploring
    dock.release()


def test_it_tells_when_exploring_begins_and_ends(pages: Pages, make_run: Callable[[], Run]) -> None:
    make_run()
    told: list[bool] = []
    pages.turned.connect(lambda: told.append(pages.exploring))
    for tab in (2, 1):
        pages._tabs.setCurrentIndex(tab)
    assert told == [True, False]
