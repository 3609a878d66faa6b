import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.provenance import FORMAT, Source, describe_run, pixel_hash, read_record

arrays = hnp.arrays(st.sampled_from([np.uint8, np.uint16, np.float32]), hnp.array_shapes(max_dims=3, max_side=5))


@given(array=arrays)
def test_the_hash_is_of_the_values_and_not_of_their_layout(array):
    told = pixel_hash(array)
    assert pixel_hash(np.asfortranarray(array)) == told
    assert pixel_hash(array.astype(array.dtype.newbyteorder(">"))) == told
    assert pixel_hash(np.stack([array, array], axis=-1)[..., 0]) == told


@given(array=arrays)
def test_the_hash_sees_shape_and_dtype(array):
    assert pixel_hash(array[None]) != pixel_hash(array)
    assert pixel_hash(array.view(f"i{array.itemsize}")) != pixel_hash(array)


def record():
    settings = dict.fromkeys(("count", "seed", "temperature", "strength", "vividness"), 1)
    return describe_run(
        model={"name": "m", "sha256": "0"},
        image=Source("image", "a.png", "a.png", "0"),
        references=[Source("self", "self")],
        settings=settings | {"consistency": None, "intensity_range": [0, 1]},
        resolved={"device": "cpu", "precision": "float32", "tile": {"size": 8, "overlap": 0}},
        samples=[{"seed": 0}],
    )


def test_a_record_is_json_and_reads_back(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(record()))
    assert read_record(path) == record()
    assert record()["references"] == [{"kind": "self", "name": "self"}]
    assert set(record()["software"]) == {"napari-refvae", "torch", "numpy"}


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"\xff\xfe", UnreadableFileError, "cannot be read"),
        (b"{", UnreadableFileError, "cannot be read"),
        (b"[]", InvalidInputError, f"format {FORMAT} .* got 'list'"),
        (b'{"format": "other"}', InvalidInputError, "got 'other'"),
    ],
)
def test_what_is_no_record_is_named(tmp_path, content, error, message):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(error, match=message):
        read_record(path)


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(UnreadableFileError, match="expected a side-car"):
        read_record(tmp_path / "none.json")


def test_what_is_missing_is_named(tmp_path):
    told = record()
    del told["settings"]["seed"], told["samples"]
    path = tmp_path / "run.json"
    path.write_text(json.dumps(told))
    with pytest.raises(InvalidInputError, match=r"lacks settings.seed, samples.all"):
        read_record(path)
