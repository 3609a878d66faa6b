import pytest

from napari_refvae.engine.forecasting import Costs, forecast_run, measure_costs
from napari_refvae.engine.frame import plan_frame
from napari_refvae.regions import Region, TileSpec

COSTS = Costs(encode=1e-6, decode=4e-6, finish=2e-6, features=64, latent=52)


def told(upscaler, size=(40, 50), region=None, samples=2, scale=8, tiles=64, **settings):
    frame = plan_frame(size, region, "bicubic")
    return forecast_run(
        upscaler, COSTS, frame, pixel_bytes=3, samples=samples, scale=scale, tiles=TileSpec(tiles), **settings
    )


def test_an_untiled_run_is_the_sum_of_its_pixels(upscaler):
    run = told(upscaler)
    assert (run.size, run.samples, run.tiles) == ((320, 400), 2, 1)
    assert run.result_bytes == 3 * 320 * 400 * 3  # two samples and the bicubic image
    assert run.seconds == pytest.approx(40 * 50 * (1e-6 + 2 * 6e-6))


def test_what_is_asked_for_is_counted(upscaler):
    run, more, faithful, half = (told(upscaler, **x) for x in ({}, {"samples": 3}, {"faithful": True}, {"scale": 4}))
    assert more.result_bytes - run.result_bytes == more.peak_bytes - run.peak_bytes == 320 * 400 * 3
    assert (faithful.result_bytes, faithful.seconds) == (more.result_bytes, more.seconds)
    assert faithful.samples == run.samples
    assert (half.size, 4 * half.result_bytes, half.seconds) == ((160, 200), run.result_bytes, run.seconds)


def test_passes_of_a_self_ensemble_encode_and_decode_anew(upscaler):
    run = told(upscaler, samples=2, passes=16)
    assert run.seconds == pytest.approx(40 * 50 * (15 * 1e-6 + 16 * 4e-6 + 2 * 2e-6))
    assert run.peak_bytes == told(upscaler).peak_bytes


def test_tiles_read_more_and_hold_less(upscaler):
    whole, cut = (told(upscaler, size=(600, 600), tiles=tiles) for tiles in (600, 150))
    assert cut.tiles == 16
    assert cut.seconds > whole.seconds
    assert cut.peak_bytes < whole.peak_bytes


def test_a_region_costs_what_is_around_it_and_not_the_image(upscaler):
    small, large = (told(upscaler, size=size, region=Region(90, 90, 20, 30)) for size in ((200, 200), (900, 900)))
    assert small.size == (160, 240)
    assert small.seconds == large.seconds > told(upscaler, size=(20, 30)).seconds


def test_costs_are_measured_on_the_model(upscaler, network):
    costs = measure_costs(upscaler)
    assert min(costs.encode, costs.decode, costs.finish) > 0
    assert costs.features == 4 * 16
    assert costs.latent == 4 * 4  # the noise
