import hashlib
import json
import os
import pickle
import random
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_refvae.errors import CheckpointError, OutputError
from napari_refvae.model.checkpoint import (
    FORMAT,
    build_model,
    list_names,
    load_checkpoint,
    read_info,
    read_tensors,
    save_checkpoint,
)
from napari_refvae.model.config import config_to_dict


@pytest.fixture
def state(small_config):
    return build_model(small_config).state_dict()


@pytest.fixture
def save(tmp_path, small_config):
    def run(state, name="model.safetensors", dtype=torch.float32):
        path = tmp_path / name
        save_checkpoint(path, state, preset="compact", config=small_config, training={"steps": 7}, dtype=dtype)
        return path

    return run


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 0), (torch.float16, 2**-11)])
def test_round_trip(save, state, small_config, dtype, tolerance):
    model, info = load_checkpoint(save(state, dtype=dtype))
    assert (info.preset, info.config, info.training) == ("compact", small_config, {"steps": 7})
    assert not model.training
    loaded = model.state_dict()
    assert loaded.keys() == state.keys()
    for name, value in state.items():
        assert loaded[name].dtype == torch.float32
        assert loaded[name].device.type == "cpu"
        torch.testing.assert_close(loaded[name], value, rtol=tolerance, atol=1e-7 if tolerance else 0)


def test_only_floating_point_is_stored_in_the_precision_that_is_asked_for(save, state):
    stored = load_file(save(state | {"count": torch.tensor([70_000])}, dtype=torch.float16))
    assert stored.pop("count").tolist() == [70_000]
    assert {value.dtype for value in stored.values()} == {torch.float16}


def test_a_loaded_model_computes_what_the_saved_one_did(save, small_config):
    model = build_model(small_config).eval()
    torch.nn.init.normal_(model.last.weight)
    loaded, _ = load_checkpoint(save(model.state_dict()))
    lr, latent = torch.rand(1, 3, 4, 5), torch.randn(1, 8, 4, 5)
    assert torch.equal(loaded.decode(loaded.encode(lr), latent), model.decode(model.encode(lr), latent))
    reference = torch.rand(1, 3, 9, 30)
    assert torch.equal(loaded.posterior(reference).mean, model.posterior(reference).mean)


def test_a_loaded_model_does_not_hang_on_its_file(save, state):
    path = save(state)
    model, _ = load_checkpoint(path)
    before = model.head.weight.clone()
    path.write_bytes(b"\xff" * path.stat().st_size)
    assert torch.equal(model.head.weight, before)
    assert model.head.weight.requires_grad


def test_the_identity_is_the_files_sha256(save, state):
    path = save(state)
    assert read_info(path).identity == hashlib.sha256(path.read_bytes()).hexdigest()
    state["head.bias"] = state["head.bias"] + 1
    assert read_info(save(state, "other.safetensors")).identity != read_info(path).identity


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda state: state.pop("head.bias"), "missing: head.bias; unknown: nothing"),
        (lambda state: state.update({"tail.9.wing": torch.zeros(1)}), "missing: nothing; unknown: tail.9.wing"),
        (lambda state: state.update({"head.bias": torch.zeros(3)}), r"head.bias of shape \(8,\); got \(3,\)"),
        (lambda state: state["head.bias"].fill_(torch.nan), "head.bias holds values that are not finite"),
        (lambda state: state["head.bias"].fill_(torch.inf), "head.bias holds values that are not finite"),
    ],
)
def test_what_does_not_fit_is_named(save, state, spoil, words):
    spoil(state)
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(save(state))


def test_a_weight_too_large_for_half_precision_is_found(save, state):
    state["head.bias"].fill_(1e6)
    with pytest.raises(CheckpointError, match=r"head\.bias holds"):
        load_checkpoint(save(state, dtype=torch.float16))


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(100), b"weights, honestly", b"\x08" + bytes(7) + b"not json"]
)
def test_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="expected a model file"):
        load_checkpoint(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="expected a model file"):
            read_info(path)


def test_other_safetensors_files_are_refused(tmp_path, state):
    path = tmp_path / "other.safetensors"
    save_file(state, path)
    with pytest.raises(CheckpointError, match="refvae convert"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "part",
    [
        *({"config": "{"}, {"config": "3"}, {"config": "[]"}, {"training": "[1]"}, {"config": None}),
        {"training": "[" * 100_000},
        {"config": '{"family": "compact", "trunk_blocks": 100000000}'},
    ],
    ids=["cut", "number", "list", "no table", "none", "deep", "absurd"],
)
def test_a_damaged_description_is_refused(tmp_path, state, small_config, part):
    described = {"format": FORMAT, "preset": "compact", "config": json.dumps(config_to_dict(small_config))} | part
    path = tmp_path / "model.safetensors"
    save_file(state, path, {key: value for key, value in described.items() if value is not None})
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


def test_truncated_files_are_refused(save, state):
    path = save(state)
    whole = path.read_bytes()
    for length in (1, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            load_checkpoint(path)


def test_a_flipped_bit_never_changes_a_network(save, state, small_config):
    path = save(state)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    chance = random.Random(0)
    places = [*range(12), *chance.choices(range(header), k=150), *chance.choices(range(header, len(whole)), k=50)]
    refused = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            model, info = load_checkpoint(path)
        except CheckpointError:
            refused += 1
            continue
        assert header > place  # and there, in the name of the hash
        assert info.config == small_config
        assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert refused >= 0.95 * len(places)


def test_a_flipped_weight_is_told(save, state):
    path = save(state)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="is not what was written there"):
        load_checkpoint(path)


def test_files_without_a_hash_are_read(tmp_path, state, small_config):
    metadata = {"format": FORMAT, "preset": "compact", "config": json.dumps(config_to_dict(small_config))}
    save_file(state, tmp_path / "model.safetensors", metadata)
    assert load_checkpoint(tmp_path / "model.safetensors")[1].config == small_config


def test_the_order_in_which_a_file_describes_itself_means_nothing(save, state):
    path = save(state)
    with safe_open(path, "pt") as file:
        described = file.metadata()
    whole = path.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + size])
    for order in (sorted(described), sorted(described, reverse=True)):
        header["__metadata__"] = {name: described[name] for name in order}
        text = json.dumps(header, separators=(",", ":")).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + size :])
        assert load_checkpoint(path)[1].preset == "compact"


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("attempt", [load_checkpoint, read_info, read_tensors])
@pytest.mark.parametrize("name", ["model.safetensors", "model.pth", "model.pkl"])
@pytest.mark.parametrize("archive", [True, False], ids=["torch", "pickle"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
def test_a_pickle_given_as_a_model_does_not_run(tmp_path, attempt, name, archive):
    trap = {"head.bias": Trap(tmp_path / "ran")}
    path = tmp_path / name
    torch.save(trap, path) if archive else path.write_bytes(pickle.dumps(trap))
    with pytest.raises(CheckpointError):
        attempt(path)
    assert not (tmp_path / "ran").exists()
    path = path.rename(tmp_path / "plain")  # torch goes by names
    torch.load(path, weights_only=False) if archive else pickle.loads(path.read_bytes())
    assert (tmp_path / "ran").exists()  # the trap does work


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_named_and_keeps_the_old_file(save, state, full_disk):
    path = save(state)
    before = path.read_bytes()
    with full_disk(1000), pytest.raises(OutputError, match="could not write the model"):
        save(state)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_nothing_is_left_where_a_model_cannot_be_written(tmp_path, state, small_config):
    target = tmp_path / "taken"
    target.mkdir()
    for path in (target, tmp_path / "nowhere" / "model.safetensors"):
        with pytest.raises(OutputError, match="check the folder"):
            save_checkpoint(path, state, preset="compact", config=small_config, training={})
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_saving_replaces_the_old_file(save, state):
    save(state)
    state["head.bias"].fill_(3)
    path = save(state)
    assert torch.equal(load_file(path)["head.bias"], torch.full((8,), 3.0))
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_foreign_weights_are_read_as_tensors(tmp_path, state, name):
    path = tmp_path / name
    parallel = {f"module.{key}": value for key, value in state.items()}
    torch.save(parallel, path) if path.suffix == ".pth" else save_file(parallel, path)
    found = read_tensors(path)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], value) for key, value in state.items())


def test_a_prefix_that_only_some_names_have_belongs_to_them(tmp_path):
    mixed = {"module.head": torch.ones(1), "tail": torch.zeros(1)}
    torch.save(mixed, tmp_path / "a.pth")
    assert read_tensors(tmp_path / "a.pth").keys() == mixed.keys()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([torch.ones(1)], "got a list"),
        ({"fine": torch.ones(1), "steps": 3}, "other entries: steps:"),
        ({1: torch.ones(1)}, "other entries: 1:"),
        ({"mask": torch.zeros(2, 2).to_sparse()}, "other entries: mask:"),
    ],
)
@pytest.mark.filterwarnings("ignore:Validating sparse tensor:UserWarning")
def test_what_is_no_named_tensor_is_told(tmp_path, content, words):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=words):
        read_tensors(tmp_path / "a.pth")


def test_a_refusal_says_why_in_one_line(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"")  # for which torch has no words
    with pytest.raises(CheckpointError, match=r"\(EOFError\)"):
        read_tensors(path)
    torch.save({"head.bias": Trap(tmp_path / "ran")}, path)  # for which it has many
    with pytest.raises(pickle.UnpicklingError) as theirs:
        torch.load(path, weights_only=True)
    with pytest.raises(CheckpointError) as ours:
        read_tensors(path)
    assert f"({str(theirs.value).splitlines()[0]})" in str(ours.value)
    assert len(str(theirs.value).splitlines()) > len(str(ours.value).splitlines()) == 1


def test_long_lists_of_names_are_cut():
    assert list_names([]) == "nothing"
    assert list_names("ba") == "a, b"
    assert list_names("abcdefgh", limit=3) == "a, b, c and 5 more"
    assert list_names("abcd", limit=3) == "a, b, c and 1 more"
    assert list_names("abc", limit=3) == "a, b, c"


def test_six_names_are_told_at_most(save, state):
    """Enough to see what kind of file it is, in a sentence that can be read."""
    for name in "abcdefgh":
        state[name] = torch.zeros(1)
    with pytest.raises(CheckpointError, match="unknown: a, b, c, d, e, f and 2 more:"):
        load_checkpoint(save(state))
