"""The gallery in a real viewer."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from comparing import LEVELS, add_channels, add_run
from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_refvae.widget.gallery.cards import Card
from napari_refvae.widget.gallery.gallery import Gallery
from napari_refvae.widget.gallery.thumbnails import detail_window, whole_window
from napari_refvae.widget.results.export import Export
from napari_refvae.widget.results.layers import is_result
from napari_refvae.widget.results.runs import Runs
from napari_refvae.widget.shortcuts import BLINK, KEEP, NEXT_SAMPLE, PREVIOUS_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def viewer() -> ViewerModel:
    """Napari's model: layers, camera, grid and keys are real, and no window has to be opened."""
    return ViewerModel()


@pytest.fixture
def gallery(viewer: ViewerModel, qtbot: Any) -> Iterator[Gallery]:
    made = Gallery(Runs.of_viewer(viewer), viewer)
    qtbot.addWidget(made)
    made.resize(320, 700)
    made.show()
    yield made
    made.detach()


def visible(viewer: Any) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.visible and layer.name != "photo"]


def press(viewer: Any, key: str) -> None:
    from napari.utils.key_bindings import coerce_keybinding

    viewer.keymap[coerce_keybinding(key)](viewer)


def cards(gallery: Gallery) -> list[str]:
    return list(gallery._shelf._cards)


def shows_cards(gallery: Gallery, *keys: str) -> Callable[[], bool]:
    return lambda: cards(gallery) == list(keys)


def test_samples_appear_as_they_come_and_go(viewer: ViewerModel, gallery: Gallery, qtbot: Any) -> None:
    assert cards(gallery) == []
    assert gallery._empty.isVisible()
    runs, run = add_run(viewer)
    qtbot.waitUntil(shows_cards(gallery, "faithful", "sample 0", "sample 1", "sample 2"))
    viewer.layers.remove(run.samples[1].image)
    qtbot.waitUntil(shows_cards(gallery, "faithful", "sample 0", "sample 2"))
    _, newer = add_run(viewer, samples=1)
    qtbot.waitUntil(shows_cards(gallery, "faithful", "sample 0"))
    assert gallery.run is newer
    runs.remove(newer)
    assert gallery.run is run
    runs.remove(run)
    assert gallery._empty.isVisible()


def test_click_hover_and_keys_show_samples(viewer: ViewerModel, gallery: Gallery, qtbot: Any) -> None:
    add_run(viewer)
    gallery.refresh()
    shelf = gallery._shelf
    shelf.clicked.emit("sample 2", False)
    assert visible(viewer) == ["photo 8x #3"]
    press(viewer, NEXT_SAMPLE)
    assert visible(viewer) == ["photo 8x #1"]
    press(viewer, PREVIOUS_SAMPLE)
    assert visible(viewer) == ["photo 8x #3"]
    shelf.hovered.emit("sample 1", True)
    qtbot.waitUntil(lambda: visible(viewer) == ["photo 8x #2"])
    shelf.hovered.emit("sample 1", False)
    assert visible(viewer) == ["photo 8x #3"]
    shelf.clicked.emit("sample 0", True)  # with Shift: the first of the pair
    press(viewer, BLINK)
    assert visible(viewer) == ["photo 8x #1"]
    press(viewer, BLINK)
    assert visible(viewer) == ["photo 8x #3"]


def test_an_older_run_that_is_chosen_is_shown_on_the_canvas_too(viewer: ViewerModel, gallery: Gallery) -> None:
    runs, older = add_run(viewer)
    newer = runs.begin(older.origin)
    for sample in older.samples.values():
        runs.add_sample(newer, sample.finished)
    gallery.refresh()
    assert visible(viewer) == ["photo 8x run 2 #1"]
    entries = {name: gallery._header._run.native.findText(name) for name in ("photo", "Run 2: photo")}
    assert -1 not in entries.values()
    gallery._header._run.native.setCurrentIndex(entries["photo"])
    assert gallery.run is older
    assert visible(viewer) == ["photo 8x #1"]
    gallery._shelf.clicked.emit("sample 1", False)
    gallery._header._run.native.setCurrentIndex(entries["Run 2: photo"])
    assert gallery.run is newer
    assert visible(viewer) == ["photo 8x run 2 #1"]


class Windows(QObject):
    """Notes which cards are shown as windows of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        if event.type() == QEvent.Type.Show and isinstance(watched, Card) and watched.isWindow():
            self.found.append(watched)
        return False


def test_cards_that_go_are_never_windows(viewer: ViewerModel, gallery: Gallery, qtbot: Any, qapp: Any) -> None:
    windows = Windows()
    qapp.installEventFilter(windows)
    try:
        _, square = add_run(viewer, samples=1, lr=np.full((6, 6, 3), 255, np.uint8))
        add_run(viewer, samples=4)
        gallery.refresh()
        for _ in range(2):
            gallery.show_run(square)
            qtbot.wait(30)
            gallery.step(1)
    finally:
        qapp.removeEventFilter(windows)
    assert windows.found == []


@pytest.mark.parametrize("way", ["preview", "grid", "guest"])
def test_a_new_run_comes_while_the_one_before_is_looked_at(
    viewer: ViewerModel, gallery: Gallery, qtbot: Any, way: str
) -> None:
    runs, _ = add_run(viewer)
    gallery.refresh()
    if way == "preview":
        gallery._shelf.hovered.emit("sample 1", True)
        qtbot.waitUntil(lambda: visible(viewer) == ["photo 8x #2"])
    elif way == "grid":
        gallery._panel._grid_button.click()
        assert len(visible(viewer)) == 3
    else:
        gallery._panel.choose("input", first=True)
        press(viewer, BLINK)
        assert visible(viewer) == ["Input"]
    _, newer = add_run(viewer, samples=2)
    gallery._shelf.hovered.emit("sample 1", False)
    gallery.refresh()
    assert [layer.name for layer in viewer.layers if layer.visible and is_result(layer)] == ["photo [1] 8x #1"]
    runs.remove(newer)
    assert [layer.name for layer in viewer.layers if layer.visible and is_result(layer)] == ["photo 8x #1"]


@pytest.mark.parametrize("automatic", [False, True])
def test_what_a_run_has_for_a_while_only_goes_with_it(viewer: ViewerModel, gallery: Gallery, automatic: bool) -> None:
    _, older = add_run(viewer)
    if not automatic:
        add_run(viewer, samples=2)
    gallery.refresh()
    gallery.show_run(shown := next(iter(Runs.of_viewer(viewer))))
    assert shown is older
    gallery._panel.choose("input", first=True)
    press(viewer, BLINK)
    assert "Input" in viewer.layers
    if automatic:
        add_run(viewer, samples=2)
        gallery.refresh()
    else:
        gallery._header.chosen.emit(Runs.of_viewer(viewer).latest())
    assert gallery.run is not older
    assert "Input" not in viewer.layers
    assert not older.samples[0].image.visible


def test_verdicts(viewer: ViewerModel, gallery: Gallery, tmp_path: Path, qtbot: Any) -> None:
    _, run = add_run(viewer)
    gallery.refresh()
    press(viewer, KEEP)
    gallery._shelf.judged.emit("sample 2", False)
    assert [sample.kept for sample in run.samples.values()] == [True, None, False]
    gallery.export(".tiff", str(tmp_path))
    assert not gallery._verdicts._export.isEnabled()
    qtbot.waitUntil(gallery._verdicts._export.isEnabled)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo_x8.json", "photo_x8_none_s10.tiff"]
    gallery.remove_discarded()
    assert list(run.samples) == [0, 1]
    assert "photo 8x #3 residual" not in viewer.layers
    press(viewer, KEEP)
    assert run.samples[0].kept is None


def test_an_export_blocks_nothing_and_its_end_is_said(
    viewer: ViewerModel,
    gallery: Gallery,
    tmp_path: Path,
    qtbot: Any,
    messages: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, write = threading.Event(), Export.write

    def slow(export: Export) -> Any:
        assert gate.wait(20)
        return write(export)

    monkeypatch.setattr(Export, "write", slow)
    add_run(viewer)
    gallery.refresh()
    gallery.judge(0, True)
    gallery.refresh()
    (tmp_path / "file").touch()
    gallery.export(".png", str(tmp_path / "file"))
    assert messages == []
    gate.set()
    qtbot.waitUntil(lambda: [severity for severity, _ in messages] == ["error"])
    gallery.export(".png", str(tmp_path))
    gallery.detach()  # the dock is closed meanwhile
    qtbot.waitUntil(lambda: len(messages) == 2)
    assert "1 written to" in messages[1][1]
    assert (tmp_path / "photo_x8_none_s10.png").is_file()


def test_channels_are_one_entry_and_one_thumbnail_a_sample(viewer: ViewerModel, gallery: Gallery, qtbot: Any) -> None:
    _, older = add_run(viewer)
    _, channels = add_channels(viewer)
    gallery.refresh()
    box = gallery._header._run.native
    assert [box.itemText(row) for row in range(box.count())] == ["red + green", "photo"]
    assert gallery.run is channels[0]
    assert cards(gallery) == ["faithful", "sample 0", "sample 1"]
    assert gallery._shelf._cards["sample 0"]._lines[0].text() == "LR-PSNR 50.0 dB"  # the worst

    def painted() -> None:
        for index in range(2):
            pixmap = gallery._shelf._cards[f"sample {index}"].picture._pixmap
            assert pixmap is not None
            assert pixmap.toImage().pixelColor(20, 20).getRgb()[:3] == (LEVELS[index], LEVELS[index + 1], 0)

    qtbot.waitUntil(painted)
    viewer.layers.remove(channels[0].samples[1].image)  # the other channel has it still
    gallery.refresh()
    assert cards(gallery) == ["faithful", "sample 0", "sample 1"]
    gallery._header.chosen.emit(older)
    assert gallery.run is older


def test_a_grid_of_channels_that_would_take_too_much_shows_one(
    viewer: ViewerModel, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_channels(viewer)
    gallery.refresh()
    panel = gallery._panel
    panel._grid_button.click()
    assert [layer.name for layer in viewer.layers if layer.visible] == ["#2", "#1"]
    assert panel._note.text() == "All 2"
    monkeypatch.setattr("napari_refvae.widget.compare.panel.LARGEST_MIXTURE", 2 * 4 * 48 * 64 - 1)
    gallery.refresh()
    assert [layer.name for layer in viewer.layers if layer.visible] == ["red 8x #2", "red 8x #1"]
    assert panel._note.text() == "All 2; one channel"
    assert "would take" in panel._note.toolTip()


def test_a_star_is_about_all_channels(
    viewer: ViewerModel, gallery: Gallery, tmp_path: Path, qtbot: Any, messages: list[tuple[str, str]]
) -> None:
    add_channels(viewer)
    gallery.refresh()
    gallery.judge(1, True)
    gallery.export(".png", str(tmp_path))
    qtbot.waitUntil(lambda: bool(messages))
    assert len(list(tmp_path.glob("*_s11.png"))) == 2
    assert "2 written of 2 channels to" in messages[0][1]


def test_removing_what_is_shown_shows_another(viewer: ViewerModel, gallery: Gallery) -> None:
    add_run(viewer)
    gallery.refresh()
    gallery.judge(0, False)
    gallery.remove_discarded()
    assert visible(viewer) == ["photo 8x #2"]


def test_thumbnails_show_the_detail_in_view(viewer: ViewerModel, gallery: Gallery, qtbot: Any) -> None:
    add_run(viewer)
    viewer.fit_to_view()
    gallery.refresh()

    def painted() -> None:
        for key, level in zip(("sample 0", "sample 1"), LEVELS, strict=False):
            pixmap = gallery._shelf._cards[key].picture._pixmap
            assert pixmap is not None
            assert pixmap.toImage().pixelColor(20, 20).red() == level

    qtbot.waitUntil(painted, timeout=5000)
    picture = gallery._pictures["sample 0"]
    whole = whole_window(picture, (60, 80))
    assert whole.step * 60 >= 6
    viewer.scene.camera.zoom *= 4
    detail = detail_window(viewer, picture, (60, 80))
    assert detail.step < whole.step / 2
    centre = detail.top + detail.step * 30, detail.left + detail.step * 40
    np.testing.assert_allclose(centre, viewer.scene.camera.center[-2:])
    viewer.scene.camera.center = (0, 1000, 1000)
    assert detail_window(viewer, picture, (60, 80)) == whole


def test_scores_against_the_ground_truth(viewer: ViewerModel, gallery: Gallery, qtbot: Any) -> None:
    truth = np.full((48, 64, 3), LEVELS[1], np.uint8)
    _, run = add_run(viewer, truth=truth)
    qtbot.waitUntil(lambda: all("psnr" in sample.scores for sample in run.samples.values()), timeout=60_000)
    assert run.samples[1].scores == {"psnr": float("inf"), "ssim": pytest.approx(1)}
    assert 0 < run.samples[0].scores["psnr"] < 20
    assert "PSNR: equal" in [line.text() for line in gallery._shelf._cards["sample 1"]._lines]


def test_comparisons_exclude_each_other_and_follow_verdicts(viewer: ViewerModel, gallery: Gallery) -> None:
    add_run(viewer)
    gallery.refresh()
    layers = [(layer.name, layer.visible) for layer in viewer.layers]
    panel = gallery._panel
    panel._divider_button.click()
    assert panel._divider.active
    panel._grid_button.click()
    assert not panel._divider.active
    assert visible(viewer) == ["photo 8x #3", "photo 8x #2", "photo 8x #1"]
    gallery.judge(1, False)
    gallery.refresh()
    assert visible(viewer) == ["photo 8x #3", "photo 8x #1"]
    panel._grid_button.click()
    assert [(layer.name, layer.visible) for layer in viewer.layers] == layers


def test_it_lets_go_when_its_dock_goes(make_napari_viewer_proxy: Callable[..., Any], qtbot: Any) -> None:
    viewer = make_napari_viewer_proxy()
    runs, run = add_run(viewer.__wrapped__)
    gallery, box = Gallery(runs, viewer), QWidget()
    QVBoxLayout(box).addWidget(gallery)
    dock = viewer.window.add_dock_widget(box)
    gallery._panel._divider_button.click()
    assert len(viewer.keymap) > 0
    names = [layer.name for layer in viewer.layers]
    gallery.detach()
    assert len(viewer.keymap) == 0
    assert [layer.name for layer in viewer.layers] == names[:-1]
    viewer.window.remove_dock_widget(dock)
    runs.remove(run)
    gallery.detach()
