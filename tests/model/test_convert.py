import os
import pickle

import numpy as np
import pytest
import torch

from napari_refvae.errors import CheckpointError, InvalidSpecError, OutputError
from napari_refvae.model.checkpoint import load_checkpoint, sha256
from napari_refvae.model.config import PaperConfig
from napari_refvae.model.convert import convert
from napari_refvae.resampling import upsample


@pytest.fixture(scope="module", params=[8, 4])
def converted(request, authors_files, tmp_path_factory):
    path = tmp_path_factory.mktemp("converted") / "paper.safetensors"
    written = convert(*authors_files, path, request.param)
    model, info = load_checkpoint(path)
    assert info == written
    return model.requires_grad_(False), info


def test_the_file_says_what_it_is_made_of(converted, authors_files):
    model, info = converted
    assert info.preset == {8: "paper", 4: "paper-4x"}[model.scale]
    assert info.config == PaperConfig(model.scale)
    assert info.training == {
        "source": "ConVAE.pth",
        "source_sha256": sha256(authors_files[0]),
        "vgg": "vgg_r41.pth",
        "vgg_sha256": sha256(authors_files[1]),
    }


def test_it_computes_what_the_authors_network_computes(converted, authors):
    model, _ = converted
    lr, code = torch.rand(1, 3, 8, 4), torch.randn(2, 256)
    latent = model.lift(code, torch.zeros(2, 0, 8, 4), torch.ones(2))
    found = upsample(lr, model.scale) + model.decode(model.encode(lr), latent)
    expected = torch.cat([authors.super_resolve(lr, z[None], model.scale) for z in code])
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("converted", [8], indirect=True)  # the reference branch is the same at both scales
def test_it_has_the_authors_posterior(converted, authors):
    model, _ = converted
    reference = torch.rand(1, 3, 256, 256)
    found, (mean, log_variance) = model.posterior(reference), authors.posterior(reference)
    torch.testing.assert_close(found.mean, mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.log_variance, log_variance, atol=1e-4, rtol=1e-4)


@pytest.fixture
def light(authors):
    """The layout without the weight: every tensor is one stored number."""
    return {name: torch.zeros((), dtype=value.dtype).expand(value.shape) for name, value in authors.conv_vae.items()}


@pytest.fixture
def attempt(tmp_path, authors_files):
    def run(state, name="ConVAE.pth", scale=8):
        path = tmp_path / name
        torch.save(state, path)
        return convert(path, authors_files[1], tmp_path / "out.safetensors", scale)

    return run


@pytest.fixture
def accept(tmp_path):
    """See that the network's file is taken, by what comes next: VGG-19's, which is not there."""

    def run(state, name="ConVAE.pth", scale=8, **settings):
        torch.save(state, tmp_path / name, **settings)
        with pytest.raises(CheckpointError, match=r"at .*no_vgg.pth; there is none"):
            convert(tmp_path / name, tmp_path / "no_vgg.pth", tmp_path / "out.safetensors", scale)

    return run


def test_data_parallels_prefix_is_dropped_and_the_unused_layer_may_be_absent(accept, light):
    accept({f"module.{name}": value for name, value in light.items() if not name.startswith("bn.")})


def test_files_as_they_were_saved_before_2020_are_read(accept, light):
    accept(light, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda state: state.pop("mask.4.bias"), "missing: mask.4.bias; unknown: nothing"),
        (lambda state: state.update({"mask.9.bias": torch.zeros(1)}), "missing: nothing; unknown: mask.9.bias"),
        (lambda state: state.update({"bn.wing": torch.zeros(1)}), "unknown: bn.wing"),
        (lambda state: state.update({"mask.4.bias": torch.zeros(5)}), r"mask.4.bias of shape \(1024,\); got \(5,\)"),
        (lambda state: state.update({"mask.4.bias": torch.full((1024,), torch.inf)}), "mask.4.bias holds values"),
    ],
)
def test_what_does_not_fit_is_named_as_in_the_file(attempt, light, tmp_path, spoil, words):
    spoil(light)
    with pytest.raises(CheckpointError, match=words):
        attempt(light)
    assert not (tmp_path / "out.safetensors").exists()


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def pickled(path, content):
    path.write_bytes(pickle.dumps(content))


def saved(path, content):
    torch.save(content, path)


def saved_as_before_2020(path, content):
    torch.save(content, path, _use_new_zipfile_serialization=False)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("write", [pickled, saved, saved_as_before_2020])
@pytest.mark.parametrize("place", [0, 1])
def test_a_malicious_pickle_does_not_run(tmp_path, authors_files, write, place):
    trace = tmp_path / "trace"
    files = list(authors_files)
    files[place] = tmp_path / "evil.pth"
    write(files[place], {"mask.4.bias": Trap(trace)})
    with pytest.raises(CheckpointError, match="refused unopened"):
        convert(*files, tmp_path / "out.safetensors", 8)
    assert not trace.exists()
    torch.load(files[place], weights_only=False) if write is not pickled else pickle.loads(files[place].read_bytes())
    assert trace.exists()  # the trap does work


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 no archive", b"\x80\x02.", b"\x89PNG\r\n\x1a\n", b"weights, honestly", bytes(300)]
)
def test_damaged_and_foreign_files_are_refused(tmp_path, authors_files, content):
    path = tmp_path / "ConVAE.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="named tensors"):
        convert(path, authors_files[1], tmp_path / "out.safetensors", 8)


def test_truncated_files_are_refused(tmp_path, light, authors_files):
    path = tmp_path / "ConVAE.pth"
    torch.save(light, path)
    whole = path.read_bytes()
    chance = np.random.default_rng(0)
    for length in chance.integers(0, len(whole), 20):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="named tensors"):
            convert(path, authors_files[1], tmp_path / "out.safetensors", 8)


@pytest.mark.filterwarnings("ignore:Validating sparse tensor:UserWarning")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([torch.zeros(1)], "got a list"),
        (torch.zeros(1), "got a Tensor"),
        ({"epoch": 3, "state_dict": {}}, "epoch, state_dict"),
        ({1: torch.zeros(1)}, "other entries: 1"),
        ({"mask": torch.zeros(2, 2).to_sparse()}, "other entries: mask"),
    ],
)
def test_what_is_no_state_dict_is_refused(attempt, content, words):
    with pytest.raises(CheckpointError, match=words):
        attempt(content)


def test_a_missing_file_is_named(tmp_path, authors_files):
    with pytest.raises(CheckpointError, match=r"nowhere.pth; there is none"):
        convert(tmp_path / "nowhere.pth", authors_files[1], tmp_path / "out.safetensors", 8)


@pytest.mark.parametrize(("name", "scale"), [("ConVAE_4x.pth", 8), ("ConVAE_8x.pth", 4)])
def test_a_file_named_for_the_other_scale_is_refused(attempt, light, name, scale):
    with pytest.raises(InvalidSpecError, match=f"{name} is named for"):
        attempt(light, name, scale)


@pytest.mark.parametrize(("name", "scale"), [("ConVAE_4x.pth", 4), ("ConVAE_8x.pth", 8), ("from-4x-to-8x.pth", 8)])
def test_a_file_named_for_its_scale_is_not(accept, light, name, scale):
    accept(light, name, scale)


def test_other_scales_are_refused(attempt, light):
    with pytest.raises(InvalidSpecError, match="4 and 8; got 3"):
        attempt(light, scale=3)


def test_an_output_that_cannot_be_written_is_named(tmp_path, light, authors_files):
    path = tmp_path / "ConVAE.pth"
    torch.save(light, path)
    with pytest.raises(OutputError, match="nowhere"):
        convert(path, authors_files[1], tmp_path / "nowhere" / "out.safetensors", 8)
