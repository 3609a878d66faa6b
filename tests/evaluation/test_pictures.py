import numpy as np
import pytest
from skimage import data

pytest.importorskip("matplotlib")

from napari_refvae.evaluation import pictures
from napari_refvae.evaluation.outputs import upscale_bicubic
from napari_refvae.evaluation.pictures import FigureWriter, output_panels
from napari_refvae.evaluation.scores import Scored, Scores
from napari_refvae.evaluation.subjects import Output, Subject
from napari_refvae.figures.canvas import Canvas
from napari_refvae.spec import ImageReference, PriorReference, SelfReference

BRICK = ImageReference(np.full((16, 16, 3), 0.5, np.float32), "brick")


def scored(*outputs, name="cat.png", **measured):
    subject = Subject.of(np.ascontiguousarray(data.chelsea()[80:160, 100:196]), name, 8)
    bicubic = Output("bicubic", upscale_bicubic(subject.lr))
    made = (bicubic, *(Output(kind, subject.hr, reference, None, source) for kind, reference, source in outputs))
    scores = tuple(Scores(name, o.kind, o.reference, None, 20.0, 0.5, 50.0, **measured) for o in made)
    return Scored(subject, made, scores, None)


def test_panels_have_names_figures_and_references():
    told = scored(
        ("faithful", "", None),
        ("sample", "brick", BRICK),
        ("sample", "self", SelfReference()),
        ("sample", "none", PriorReference()),
        ("mean", "", None),
        distance=0.25,
    )
    panels = output_panels(told)
    assert [panel.title for panel in panels] == [
        *("bicubic", "faithful", "mean of samples"),
        *("sample 1", "sample 2", "sample 3"),
    ]
    assert {panel.figures for panel in panels} == {"20.00 / 0.250"}
    references = [panel.reference for panel in panels]
    assert references[:3] == [None] * 3
    assert references[5] is None
    np.testing.assert_array_equal(references[3], np.full((16, 16, 3), 128, np.uint8))
    np.testing.assert_array_equal(references[4], told.subject.lr)


def test_another_methods_pictures_are_called_what_their_names_add():
    told = scored(("sample", "cat_SRFlow", None), ("sample", "catx8-b", None), ("sample", "cat", None))
    assert [panel.title for panel in output_panels(told)] == ["bicubic", "SRFlow", "x8-b", "picture 3"]


@pytest.mark.parametrize(
    ("measured", "note"),
    [({}, "dB"), ({"distance": 0.5}, "dB / VGG distance"), ({"lpips": 0.1, "distance": 0.5}, "dB / LPIPS")],
)
def test_figures_say_which_distance_they_tell(measured, note, tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(pictures, "SUFFIXES", ())  # drawn, not written
    draw = pictures.residual_figure
    monkeypatch.setattr(pictures, "residual_figure", lambda *words: notes.append(words[3]) or draw(*words))
    said = []
    FigureWriter(tmp_path / "figures", say=said.append)(scored(("sample", "brick", BRICK), **measured))
    assert notes == [note]
    assert said == [f"Wrote {tmp_path / 'figures' / 'cat'}_comparison and _residuals, .png and .pdf"]


def test_images_that_share_a_name_have_figures_of_their_own(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(Canvas, "save", lambda self, path: saved.append(path.relative_to(tmp_path).as_posix()))
    write = FigureWriter(tmp_path)
    for name in ("a/cat.png", "b/cat.jpg", "b/cat.png"):
        write(scored(("sample", "brick", BRICK), name=name))
    assert saved[::4] == ["a/cat_comparison.png", "b/cat_comparison.png", "b/cat.png_comparison.png"]
    assert len(set(saved)) == 12
    assert (tmp_path / "b").is_dir()
