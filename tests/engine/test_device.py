import subprocess
import sys
from threading import Event, Thread

import pytest
import torch

from napari_refvae.engine.device import choose_device, choose_precision, exactly, free_memory, is_out_of_memory
from napari_refvae.errors import DeviceError, InvalidSpecError
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import CompactConfig

SMALL = CompactConfig(width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8, 8), code=4, noise=2)


def test_auto_device_is_usable_and_says_why():
    choice = choose_device("auto")
    assert torch.ones(2, device=choice.value).sum() == 2
    assert choice.reason


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "", "cpu:x"])
def test_an_absent_device_is_named_and_those_present_are_listed(name):
    with pytest.raises(DeviceError, match=rf"cpu.*got '{name}'"):
        choose_device(name)


def test_precision_names_are_checked():
    with pytest.raises(InvalidSpecError, match="auto, float32 or bfloat16; got 'half'"):
        choose_precision("half", torch.device("cpu"), build_model(SMALL))


def test_auto_precision_falls_back_when_bfloat16_disagrees(monkeypatch):
    model = build_model(SMALL).eval()
    monkeypatch.setattr("napari_refvae.engine.device.has_native_bf16", lambda device: True)
    torch.nn.init.normal_(model.last.weight, std=30)
    choice = choose_precision("auto", torch.device("cpu"), model)
    assert choice.value == "float32"
    assert "differs" in choice.reason


def test_true_float32_lasts_until_the_last_thread_is_done():
    inside, leave = Event(), Event()

    def compute():
        with exactly():
            inside.set()
            leave.wait(10)

    other, seen = Thread(target=compute), []
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):
        with exactly():
            other.start()
            inside.wait(10)
        seen.append(torch.backends.cudnn.allow_tf32)  # the first one is out, the other is not
        leave.set()
        other.join()
        seen.append(torch.backends.cudnn.allow_tf32)
    assert seen == [False, True]


def test_true_float32_ends_with_an_error_too():
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):
        with pytest.raises(ZeroDivisionError), exactly(), exactly():
            raise ZeroDivisionError
        assert torch.backends.cudnn.allow_tf32


MULTIPLIERS = torch.backends.cuda.matmul, torch.backends.mkldnn.matmul, torch.backends.cudnn.conv


def precisions():
    return [multiplier.fp32_precision for multiplier in MULTIPLIERS]


@pytest.fixture
def as_before():
    kept, cudnn = precisions(), (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic)
    yield
    torch.set_float32_matmul_precision("highest")
    for multiplier, precision in zip(MULTIPLIERS, kept, strict=True):
        multiplier.fp32_precision = precision
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn


@pytest.mark.parametrize(
    "ask",
    [
        lambda: torch.set_float32_matmul_precision("medium"),
        lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
        lambda: [setattr(multiplier, "fp32_precision", "tf32") for multiplier in MULTIPLIERS],
    ],
    ids=["medium", "TF32 products", "newer interface"],
)
@pytest.mark.usefixtures("as_before")
def test_what_the_process_allows_is_neither_used_nor_changed(ask):
    ask()
    torch.backends.cudnn.benchmark = torch.backends.cudnn.deterministic = True
    allowed = precisions()
    with exactly():
        assert set(precisions()) <= {"ieee", "none"}
        assert torch.backends.cudnn.benchmark
        assert torch.backends.cudnn.deterministic
    assert precisions() == allowed


@pytest.mark.usefixtures("as_before")
def test_products_are_exact_whatever_the_process_allows():
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.rand(256, 256, generator=generator) for _ in range(2))
    with exactly():
        expected = one @ other
    torch.set_float32_matmul_precision("medium")
    with exactly():
        assert torch.equal(one @ other, expected)


def test_free_memory_is_plausible():
    assert 2**20 < free_memory(torch.device("cpu")) < 2**50


def test_torch_running_out_of_memory_is_recognised():
    program = (
        "import resource, torch\n"
        "from napari_refvae.engine.device import is_out_of_memory\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**35, 2**35))\n"
        "try:\n"
        "    torch.empty(2**40)\n"
        "except RuntimeError as error:\n"
        "    assert is_out_of_memory(error), error\n"
        "else:\n"
        "    raise SystemExit('nothing raised')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_other_errors_are_not_taken_for_it():
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("sizes do not match"))
