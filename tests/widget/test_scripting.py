"""`upscale_layer` on viewers without a window, with a tiny network."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as Picture
from sample_pictures import PHOTOGRAPH, TEXTURE

from napari_refvae import upscale, upscale_layer
from napari_refvae.errors import InvalidInputError, InvalidSpecError, RefVAEError
from napari_refvae.spec import SelfReference
from napari_refvae.widget import scripting
from napari_refvae.widget.results.layers import METADATA_KEY
from napari_refvae.widget.results.maps import MapSpec
from napari_refvae.widget.results.runs import Runs
from napari_refvae.widget.results.snippet import python_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.components import ViewerModel

    from napari_refvae.loading import LoadedModel


class TestUpscaleLayer:
    def test_it_shows_what_the_api_returns_where_the_layer_lies(
        self, viewer: ViewerModel, run_layer: Callable[..., list[Any]], tiny_model: Path
    ) -> None:
        layers = run_layer("photo", ["bark", "self"], samples=2, seed=3, vividness=0.5)
        bark = (TEXTURE.astype(np.float32) - 100) / 2900
        expected = upscale(
            PHOTOGRAPH, [bark.clip(0, 1), "self"], samples=2, seed=3, vividness=0.5, faithful=True, model=tiny_model
        )
        np.testing.assert_array_equal([layer.data for layer in layers], expected.sr)
        for layer in layers:
            np.testing.assert_allclose(layer.scale, 2 / 8)
            np.testing.assert_allclose(layer.translate, np.array([5, 7]) - 2 * 7 / 16)
            assert layer.units == viewer.layers["photo"].units
        run = Runs.of_viewer(viewer).of(layers[0])
        assert run is not None
        kinds = [layer.metadata[METADATA_KEY]["kind"] for layer in run.layers]
        assert kinds == ["sample", "residual"] * 4 + ["faithful", "spread"]
        assert [sample.reference for sample in run.samples.values()] == ["bark", "bark", "self", "self"]
        assert layers[0].metadata[METADATA_KEY]["provenance"]["samples"] == expected.provenance["samples"]

    def test_layers_arrays_and_paths_are_references(
        self, viewer: ViewerModel, run_layer: Callable[..., list[Any]], tmp_path: Path
    ) -> None:
        grey = (TEXTURE >> 4).astype(np.uint8)
        Picture.fromarray(grey).save(tmp_path / "bark.png")
        viewer.add_image(grey, name="other", contrast_limits=(0, 255), units=("um", "um"))
        layers = run_layer(viewer.layers["photo"], [viewer.layers["other"], grey, tmp_path / "bark.png"], samples=1)
        again = [run_layer("photo", [item], samples=1, seed=seed)[0] for seed, item in enumerate([grey] * 3)]
        for one, other in zip(layers, again, strict=True):
            np.testing.assert_array_equal(one.data, other.data)

    def test_a_region_a_plane_and_a_truth(
        self, viewer: ViewerModel, run_layer: Callable[..., list[Any]], tiny_model: Path
    ) -> None:
        stack = np.random.default_rng(2).integers(0, 256, (3, 12, 10), np.uint8)
        viewer.add_image(stack, name="stack", contrast_limits=(0, 255), units=("um",) * 3)
        viewer.add_image(stack.repeat(8, 1).repeat(8, 2), name="original", units=("um",) * 3)
        layers = run_layer(
            "stack",
            region=(2, 1, 4, 5),
            plane=[1],
            truth="original",
            maps=MapSpec("truth"),
            samples=1,
            faithful=False,
        )
        whole = upscale(stack[1], samples=1, model=tiny_model).sr[0]
        np.testing.assert_array_equal(layers[0].data[0], whole[16:48, 8:48])
        run = Runs.of_viewer(viewer).latest()
        assert run is not None
        truth = stack[1].repeat(8, 0).repeat(8, 1)[16:48, 8:48]
        np.testing.assert_allclose(run.samples[0].residual.data, layers[0].data.astype(float) - truth)

    @pytest.mark.parametrize(
        ("layer", "references", "settings", "sentence"),
        [
            ("photos", (), {}, "expected the name of a layer, such as 'photo', 'bark'; got 'photos'"),
            ("photo", ["barc"], {}, "expected a reference: a layer such as 'photo', 'bark'"),
            ("photo", (), {"samples": 0}, "samples must be an integer"),
            ("photo", (), {"region": (0, 0, 99, 2)}, "all within the image of 12 x 10"),
            ("photo", (), {"plane": [3]}, "plane must have 0 indices"),
            ("photo", (), {"truth": "bark"}, "expected a ground truth"),
        ],
    )
    def test_what_cannot_be_used_is_named_and_leaves_nothing(
        self,
        viewer: ViewerModel,
        run_layer: Callable[..., list[Any]],
        layer: str,
        references: Any,
        settings: dict[str, Any],
        sentence: str,
    ) -> None:
        with pytest.raises((InvalidInputError, InvalidSpecError), match=sentence):
            run_layer(layer, references, **settings)
        assert len(viewer.layers) == 2
        assert len(Runs.of_viewer(viewer)) == 0

    def test_a_truth_is_as_large_as_the_models_samples(self, viewer: ViewerModel, fourfold_model: LoadedModel) -> None:
        truth = PHOTOGRAPH.repeat(4, 0).repeat(4, 1)
        viewer.add_image(truth, name="original", units=("um", "um"))
        settings = {"truth": "original", "maps": MapSpec("truth"), "samples": 1, "faithful": False}
        for scale in (None, 4):
            [layer] = upscale_layer(viewer, "photo", model=fourfold_model, scale=scale, **settings)
            assert layer.data.shape == truth.shape
        with pytest.raises(InvalidInputError, match="2 times the image; got 'original'"):
            upscale_layer(viewer, "photo", model=fourfold_model, scale=2, **settings)

    @pytest.mark.parametrize("change", [{"order": (1, 0, 2)}, {"ndisplay": 3}])
    def test_a_view_that_does_not_show_which_plane_is_refused_unless_it_is_given(
        self, viewer: ViewerModel, run_layer: Callable[..., list[Any]], change: dict[str, Any]
    ) -> None:
        viewer.add_image(np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((3, 6, 5), np.uint8), name="stack")
        for layer in viewer.layers:
            layer.units = ("um",) * layer.ndim
        viewer.dims.update(change)
        for call in (("stack",), ("photo", "stack")):
            with pytest.raises(InvalidInputError, match="for a stack whose plane is not given"):
                run_layer(*call, samples=1)
        assert len(viewer.layers) == 3
        assert run_layer("stack", ["stack"], plane=[2], samples=1)[0].name == "stack[2] 8x by stack #1"
        assert len(run_layer("photo", samples=1)) == 1

    @pytest.mark.parametrize(
        ("stored", "limits"),
        [(np.uint16, (0, 4095)), (np.uint16, (0, 65535)), (np.float32, (0, 1)), (np.float32, (-100, 300))],
    )
    def test_colours_are_seen_through_their_limits_and_their_snippet_makes_them_again(
        self, viewer: ViewerModel, tiny_model: Path, stored: Any, limits: tuple[float, float]
    ) -> None:
        low, high = limits
        pixels = (PHOTOGRAPH / 255 * (high - low) + low).astype(stored)
        for name in ("deep", "guide"):
            viewer.add_image(pixels, rgb=True, name=name, contrast_limits=limits, units=("um", "um"))
        [layer] = upscale_layer(viewer, "deep", "guide", samples=1, model=tiny_model, seed=3)
        expected = upscale(pixels, pixels, samples=1, model=tiny_model, seed=3, intensity_range=limits)
        np.testing.assert_array_equal(layer.data, expected.sr[0])
        assert list(layer.contrast_limits) == list(limits)
        record = layer.metadata[METADATA_KEY]["provenance"]
        assert record["settings"]["intensity_range"] == list(limits)
        run = Runs.of_viewer(viewer).latest()
        assert run is not None
        scope: dict[str, Any] = {"viewer": viewer}
        exec(python_of(run), scope)
        np.testing.assert_array_equal(scope["layers"][0].data, layer.data)

    def test_residuals_against_a_truth_that_is_not_given_are_refused_before_the_engine(
        self, run_layer: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        called: list[Any] = []
        monkeypatch.setattr(scripting, "_steps", called.append)
        with pytest.raises(InvalidInputError, match="expected a ground truth to take residuals against"):
            run_layer(maps=MapSpec("truth"))
        assert called == []

    def test_a_run_that_is_stopped_takes_back_what_it_showed(
        self, viewer: ViewerModel, run_layer: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        closed = []

        def endless(**_: Any) -> Any:
            try:
                raise KeyboardInterrupt
                yield
            finally:
                closed.append(True)

        monkeypatch.setattr(scripting, "_steps", lambda arguments: endless(**arguments))
        with pytest.raises(KeyboardInterrupt):
            run_layer()
        assert closed == [True]
        assert len(viewer.layers) == 2

    def test_a_worker_is_refused(self, viewer: ViewerModel) -> None:
        seen: list[str] = []

        def work() -> None:
            try:
                upscale_layer(viewer, "photo")
            except RefVAEError as error:
                seen.append(str(error))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert "main thread" in seen[0]


class TestChannels:
    @pytest.fixture
    def channels(self, viewer: ViewerModel) -> list[Any]:
        noise = np.random.default_rng(4)
        return [
            viewer.add_image(
                noise.integers(0, 1000, (12, 10), np.uint16),
                name=name,
                colormap=name,
                blending="additive",
                contrast_limits=(0, limit),
                units=("um", "um"),
            )
            for name, limit in (("red", 900), ("green", 1100))
        ]

    def test_channels_share_latents_and_keep_their_looks(
        self, viewer: ViewerModel, channels: list[Any], tiny_model: Path
    ) -> None:
        layers = upscale_layer(viewer, channels, ["self", "bark"], samples=1, seed=7, model=tiny_model)
        assert [layer.name for layer in layers] == [
            f"{colour} 8x by {reference} #{number}"
            for colour in ("red", "green")
            for number, reference in ((1, "self"), (2, "bark"))
        ]
        assert [layer.colormap.name for layer in layers] == ["red"] * 2 + ["green"] * 2
        assert [layer.contrast_limits for layer in layers[1:3]] == [[0, 900], [0, 1100]]
        assert [layer.blending for layer in layers] == ["translucent"] * 2 + ["additive"] * 2
        assert [layer.visible for layer in layers] == [True, False] * 2
        records = [layer.metadata[METADATA_KEY]["provenance"] for layer in layers]
        assert records[0]["references"] == records[2]["references"]
        mixed = np.stack([channels[0].data / 900, channels[1].data / 1100, np.zeros((12, 10))], axis=2).clip(0, 1)
        alone = upscale(
            channels[1].data,
            np.rint(mixed * 255).astype(np.float32) / 255,
            samples=1,
            seed=7,
            intensity_range=(0, 1100),
            model=tiny_model,
        )
        np.testing.assert_allclose(layers[2].data.astype(int), alone.sr[0].astype(int), atol=12)  # mixed in 8 bits

    def test_they_are_shown_and_undone_as_one(self, viewer: ViewerModel, channels: list[Any], tiny_model: Path) -> None:
        before = list(viewer.layers)
        layers = upscale_layer(viewer, ["red", "green"], samples=2, model=tiny_model)
        runs = Runs.of_viewer(viewer)
        run = runs.latest()
        assert run is not None
        runs.show_only(run, 1)
        assert [layer.visible for layer in layers] == [False, True] * 2
        runs.remove(run)
        assert list(viewer.layers) == before

    @pytest.mark.parametrize("declared", [None, (50, 700)])
    def test_its_snippet_makes_all_channels_again(
        self, viewer: ViewerModel, channels: list[Any], tiny_model: Path, declared: Any
    ) -> None:
        settings = {"samples": 1, "region": (2, 1, 6, 5), "model": tiny_model, "intensity_range": declared}
        layers = upscale_layer(viewer, channels, ["self", "none"], **settings)
        run = Runs.of_viewer(viewer).latest()
        assert run is not None
        scope: dict[str, Any] = {"viewer": viewer}
        exec(python_of(run), scope)
        np.testing.assert_array_equal([layer.data for layer in scope["layers"]], [layer.data for layer in layers])

    def test_the_image_itself_may_be_said_by_its_kind(
        self, viewer: ViewerModel, channels: list[Any], tiny_model: Path
    ) -> None:
        layers = upscale_layer(viewer, channels, SelfReference(), samples=1, model=tiny_model)
        one, other = (layer.metadata[METADATA_KEY]["provenance"]["references"] for layer in layers)
        assert one == other
        assert one[0]["kind"] == "image"  # what both add up to

    def test_planes_in_colours_are_no_channels(self, viewer: ViewerModel) -> None:
        viewer.add_image(np.zeros((2, 6, 5, 3), np.uint8), rgb=True, name="film", units=("um",) * 3)
        with pytest.raises(InvalidInputError, match="'film', RGB"):
            upscale_layer(viewer, "film", channel_axis=0)

    def test_planes_along_an_axis_are_channels(self, viewer: ViewerModel, tiny_model: Path) -> None:
        stack = np.random.default_rng(5).integers(0, 200, (3, 2, 6, 5), np.uint8)
        viewer.add_image(stack, name="cells", contrast_limits=(0, 200), units=("um",) * 4)
        viewer.dims.set_current_step(0, 2)
        layers = upscale_layer(viewer, "cells", channel_axis=1, samples=1, model=tiny_model)
        assert [layer.name for layer in layers] == ["cells[2,0] 8x #1", "cells[2,1] 8x #1"]
        for channel, layer in enumerate(layers):
            np.testing.assert_allclose(layer.data_to_world((0, 0, -0.5, -0.5)), (2, channel, -0.5, -0.5))
            alone = upscale(stack[2, channel], samples=1, intensity_range=(0, 200), model=tiny_model)
            np.testing.assert_array_equal(layer.data[0, 0], alone.sr[0])
        run = Runs.of_viewer(viewer).latest()
        assert run is not None
        assert "channel_axis=1" in python_of(run)

    @pytest.mark.parametrize(
        ("others", "says"),
        [(["photo"], "'photo', RGB"), (["bark"], "'bark', 30 x 40"), (["red"], "a layer twice")],
    )
    def test_what_is_no_channel_is_refused(
        self, viewer: ViewerModel, channels: list[Any], others: list[str], says: str
    ) -> None:
        before = list(viewer.layers)
        with pytest.raises(InvalidInputError, match=says):
            upscale_layer(viewer, ["red", *others])
        assert list(viewer.layers) == before
