"""Faults of the machine, caused and not pretended: full disks, read-only folders, too little memory, kill -9."""

import os
import signal
import subprocess
import sys
import textwrap
import zlib

import numpy as np
import pytest

from napari_refvae.errors import OutputError, UnreadableFileError
from napari_refvae.imageio.files import read_image, write_image
from napari_refvae.imageio.layout import Axis, Layout

NOISE = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
NAMES = ["a.png", "a.tif", "a.ome.tif"]

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.fixture
def tmpfs(tmp_path):
    """A file system of its own, of so many kilobytes."""
    folders = []

    def mount(options):
        folder = tmp_path / f"mount{len(folders)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("may not mount file systems here")
        folders.append(folder)
        return folder

    if sys.platform != "linux":
        pytest.skip("needs tmpfs")
    yield mount
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk(tmpfs, name):
    folder = tmpfs("size=64k")
    with pytest.raises(OutputError, match="the disk is full; free some space"):
        write_image(folder / name, NOISE)
    assert os.listdir(folder) == []
    write_image(folder / name, NOISE[:9, :9])  # there is room again
    assert os.listdir(folder) == [name]


@pytest.mark.parametrize("array", [NOISE, NOISE[..., 0], NOISE.astype(np.uint16)], ids=["rgb", "grey", "rgb16"])
@pytest.mark.parametrize("name", NAMES)
@posix
def test_a_disk_that_fills_up_keeps_the_old_file(tmp_path, full_disk, name, array):
    write_image(tmp_path / name, NOISE[:9, :9])
    with full_disk(5000), pytest.raises(OutputError, match="the disk is full"):
        write_image(tmp_path / name, array)
    assert os.listdir(tmp_path) == [name]
    np.testing.assert_array_equal(read_image(tmp_path / name), NOISE[:9, :9])


@pytest.mark.parametrize("name", NAMES)
def test_a_read_only_folder(tmpfs, name):
    folder = tmpfs("size=64k,ro")
    with pytest.raises(OutputError, match="may not be written to; choose another"):
        write_image(folder / name, NOISE)


def test_a_full_disk_under_ome_zarr(tmpfs):
    pytest.importorskip("zarr")
    from napari_refvae.imageio.zarrwriting import create_ome_zarr

    folder = tmpfs("size=64k")
    layout = Layout((Axis("y", 200), Axis("x", 200), Axis("s", 3)), "s")
    target = create_ome_zarr(folder / "a.zarr", layout, np.uint8)
    with pytest.raises(OutputError, match="the disk is full"):
        target.write(NOISE)


LITTLE_MEMORY = """
import resource, sys
from napari_refvae.errors import RefVAEError
from napari_refvae.imageio.files import read_image

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000, used + 60_000_000))
try:
    read_image(sys.argv[1])
except RefVAEError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_too_little_memory(tmp_path, name):
    write_image(tmp_path / name, np.broadcast_to(np.uint8(0), (6000, 6000, 3)))
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(LITTLE_MEMORY), str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert f"{name} needs more memory than there is" in done.stdout


@posix
def test_a_pipe_is_no_image_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UnreadableFileError, match="is a folder or device"):
        read_image(tmp_path / "a.png")


WRITE_FOREVER = """
import sys
import numpy as np
from napari_refvae.imageio.files import write_image

images = [np.full((300, 300, 3), value, np.uint8) for value in range(256)]
while True:
    for image in images:
        write_image(sys.argv[1], image)
        print("written", flush=True)
"""


@posix
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_kill_9_leaves_a_whole_file(tmp_path, name):
    command = [sys.executable, "-c", textwrap.dedent(WRITE_FOREVER), str(tmp_path / name)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for _ in range(20):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)

    assert np.ptp(read_image(tmp_path / name)) == 0
    assert all(path.name == name or path.name.startswith(".") for path in tmp_path.iterdir())


def test_bombs_in_what_comes_with_the_pixels(tmp_path):
    def chunk(name, body):
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    write_image(tmp_path / "a.png", NOISE)
    whole = (tmp_path / "a.png").read_bytes()
    bomb = zlib.compress(bytes(100_000_000))
    for extra in (chunk(b"iCCP", b"x\0\0" + bomb), chunk(b"zTXt", b"x\0\0" + bomb)):
        (tmp_path / "b.png").write_bytes(whole[:33] + extra + whole[33:])
        try:
            np.testing.assert_array_equal(read_image(tmp_path / "b.png"), NOISE)
        except UnreadableFileError as error:
            assert "b.png" in str(error)  # noqa: PT017 (either is right)
