import contextlib
import hashlib
import re
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from napari_refvae.errors import CheckpointError, MissingWeightsError, OutputError, UnknownModelError
from napari_refvae.model import zoo
from napari_refvae.model.checkpoint import build_model, save_checkpoint
from napari_refvae.model.config import PRESETS
from napari_refvae.model.zoo import MODELS, RegisteredModel, fetch, find_model, list_models

CONTENT = bytes(range(256)) * 400
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PIECE = 10_000


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("REFVAE_CACHE", str(folder))
    return folder


def held(cache):
    """Names of the files in the cache, but for locks."""
    return [entry.name for entry in cache.iterdir() if entry.suffix != ".lock"]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """The package's folder of weights, empty."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(zoo, "WEIGHTS_DIR", folder)
    return folder


@pytest.fixture
def model_file(small_config):
    def write(path):
        path.parent.mkdir(exist_ok=True)
        save_checkpoint(
            path, build_model(small_config).state_dict(), preset="compact", config=small_config, training={}
        )
        return path

    return write


class Server:
    """A server of CONTENT on this machine that can stop half-way, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.cut = len(CONTENT)
        self.ranges = True
        self.status = 200
        self.pause = 0.0  # after each piece that is sent
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                server.asked.append(wanted)
                start = int(re.findall(r"\d+", wanted)[0]) if wanted and server.ranges else 0
                status = server.status if server.status != 200 else 416 if start >= len(CONTENT) else 200
                status = 206 if status == 200 and start else status
                body = CONTENT[start:] if status < 400 else b"no"
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                body = body[: server.cut]
                with contextlib.suppress(ConnectionError):  # whoever asked was killed
                    for start in range(0, len(body), PIECE):
                        self.wfile.write(body[start : start + PIECE])
                        time.sleep(server.pause)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/weights"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.close()


def test_a_file_is_fetched_once(server, cache):
    path = fetch(server.url, DIGEST, "weights.bin")
    assert path == cache / "weights.bin"
    assert path.read_bytes() == CONTENT
    assert fetch(server.url, DIGEST, "weights.bin") == path
    assert server.asked == [None]
    assert held(cache) == ["weights.bin"]


def test_a_wrong_hash_is_refused_and_nothing_is_kept(server, cache):
    with pytest.raises(CheckpointError, match=rf"sha256 {'0' * 64}.*got {DIGEST}, and deleted it"):
        fetch(server.url, "0" * 64, "weights.bin")
    assert held(cache) == []


def test_a_download_that_was_cut_off_goes_on_where_it_stopped(server, cache):
    server.cut = 80_000
    with pytest.raises(MissingWeightsError, match="goes on where it stopped") as caught:
        fetch(server.url, DIGEST, "weights.bin")
    assert str(cache / "weights.bin") in str(caught.value)
    assert not (cache / "weights.bin").exists()
    kept = (cache / "weights.bin.partial").read_bytes()
    assert kept
    assert kept == CONTENT[: len(kept)]
    server.cut = len(CONTENT)
    assert fetch(server.url, DIGEST, "weights.bin").read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={len(kept)}-"]
    assert held(cache) == ["weights.bin"]


FETCH = """
import sys
from napari_refvae.model.cache import fetch

print(fetch(*sys.argv[1:], "weights.bin"))
"""


def started(server):
    command = [sys.executable, "-c", FETCH, server.url, DIGEST]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_of_two_processes_one_downloads_and_both_get_the_file(server, cache):
    server.pause = 0.05  # slow enough that each finds the other at work
    processes = [started(server) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert all(out.strip() == str(cache / "weights.bin") for out, _ in said)
    assert (cache / "weights.bin").read_bytes() == CONTENT
    assert server.asked == [None]
    assert held(cache) == ["weights.bin"]


def test_a_process_that_is_killed_leaves_its_half_and_no_lock(server, cache):
    server.pause = 0.2
    process = started(server)
    while not ((cache / "weights.bin.partial").exists() and (cache / "weights.bin.partial").stat().st_size):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    half = (cache / "weights.bin.partial").stat().st_size
    server.pause = 0.0
    assert 0 < half < len(CONTENT)
    assert fetch(server.url, DIGEST, "weights.bin").read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={half}-"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_named_and_the_half_is_kept(server, cache, full_disk):
    with full_disk(70_000), pytest.raises(OutputError, match=r"the disk of the cache .* is full"):
        fetch(server.url, DIGEST, "weights.bin")
    assert held(cache) == ["weights.bin.partial"]
    assert fetch(server.url, DIGEST, "weights.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_it_all_again(server, cache):
    cache.mkdir()
    (cache / "weights.bin.partial").write_bytes(CONTENT[:500])
    server.ranges = False
    assert fetch(server.url, DIGEST, "weights.bin").read_bytes() == CONTENT


def test_a_partial_file_that_is_whole_needs_no_network(cache):
    cache.mkdir()
    (cache / "weights.bin.partial").write_bytes(CONTENT)
    assert fetch("http://127.0.0.1:9/weights", DIGEST, "weights.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("stale", [b"x" * 700, CONTENT + b"more"], ids=["other", "longer"])
def test_a_stale_partial_file_does_not_stand_in_the_way_for_long(server, cache, stale):
    cache.mkdir()
    (cache / "weights.bin.partial").write_bytes(stale)
    with pytest.raises((CheckpointError, MissingWeightsError)):
        fetch(server.url, DIGEST, "weights.bin")
    assert fetch(server.url, DIGEST, "weights.bin").read_bytes() == CONTENT


def test_a_damaged_file_in_the_cache_is_replaced(server, cache):
    cache.mkdir()
    (cache / "weights.bin").write_bytes(b"damaged")
    assert fetch(server.url, DIGEST, "weights.bin").read_bytes() == CONTENT


def test_without_a_network_the_sentence_says_where_to_put_the_file(server, cache):
    server.close()
    with pytest.raises(MissingWeightsError, match=r"could not download weights\.bin") as caught:
        fetch(server.url, DIGEST, "weights.bin")
    assert f"put it at {cache / 'weights.bin'}" in str(caught.value)


def test_an_unknown_host_is_told_like_any_failure(monkeypatch):
    def no_such_host(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    with pytest.raises(MissingWeightsError, match="on another machine"):
        fetch("http://weights.invalid/file", DIGEST, "weights.bin")


def test_a_missing_page_is_told_with_its_status(server):
    server.status = 404
    with pytest.raises(MissingWeightsError, match="404"):
        fetch(server.url, DIGEST, "weights.bin")


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    blocker = tmp_path / "file"
    blocker.touch()
    monkeypatch.setenv("REFVAE_CACHE", str(blocker / "cache"))
    with pytest.raises(OutputError, match="REFVAE_CACHE"):
        fetch("http://127.0.0.1:9/weights", DIGEST, "weights.bin")


def test_the_cache_is_the_systems_unless_the_environment_says_otherwise(cache, monkeypatch):
    assert zoo.cache_dir() == cache
    monkeypatch.setenv("REFVAE_CACHE", "")
    assert "napari-refvae" in str(zoo.cache_dir())
    monkeypatch.setenv("REFVAE_CACHE", "~/weights")
    assert zoo.cache_dir() == Path.home() / "weights"


def test_the_default_is_bundled():
    assert next(iter(MODELS)) == "compact"
    assert MODELS["compact"].path.parts[-3:] == ("napari_refvae", "weights", "compact-8x.safetensors")


def test_the_bundled_model_is_found(weights, model_file):
    path = model_file(weights / "compact-8x.safetensors")
    assert find_model("compact") == path


def test_a_broken_installation_is_told(weights):
    with pytest.raises(MissingWeightsError, match="install napari-refvae again"):
        find_model("compact")


@pytest.mark.parametrize(
    ("name", "file", "words"),
    [
        ("full", "full-8x.safetensors", "refvae train"),
        ("paper", "paper-8x.safetensors", "ConVAE_8x.pth.*refvae convert"),
        ("paper-4x", "paper-4x.safetensors", "ConVAE_4x.pth.*refvae convert"),
    ],
)
def test_weights_that_are_not_here_say_how_to_get_them(cache, model_file, name, file, words):
    with pytest.raises(MissingWeightsError, match=words) as caught:
        find_model(name)
    assert str(caught.value).endswith(str(cache / file))
    model_file(cache / file)
    assert find_model(name) == cache / file


@pytest.mark.parametrize("name", ["enormous", "", "../compact", "no/such/file.safetensors", "a\0b", "x" * 5000, "."])
def test_an_unknown_model_lists_the_known_ones(name, cache, model_file):
    model_file(cache / "mine.safetensors")
    with pytest.raises(UnknownModelError, match="compact, full, mine, paper, paper-4x"):
        find_model(name)


def test_paths_and_names_in_the_cache_are_found(tmp_path, cache, model_file, monkeypatch):
    path = model_file(tmp_path / "own.safetensors")
    assert find_model(path) == path
    assert find_model(str(path)) == path
    monkeypatch.chdir(tmp_path)
    assert find_model("own.safetensors").resolve() == path
    mine = model_file(cache / "mine.safetensors")
    assert find_model("mine") == mine


def test_a_model_to_download_is_fetched_when_it_is_first_used(server, cache, monkeypatch):
    far = RegisteredModel("far", "compact", "download", "far-8x.safetensors", "far away", url=server.url, sha256=DIGEST)
    monkeypatch.setitem(MODELS, "far", far)
    assert not next(entry for entry in list_models() if entry.name == "far").available
    assert server.asked == []
    assert find_model("far").read_bytes() == CONTENT
    assert find_model("far") == cache / "far-8x.safetensors"
    assert server.asked == [None]


def test_the_list_tells_what_is_here_and_what_is_not(weights, cache, model_file, small_config):
    here = model_file(weights / "compact-8x.safetensors")
    mine = model_file(cache / "mine.safetensors")
    (cache / "broken.safetensors").write_bytes(b"broken")
    entries = {entry.name: entry for entry in list_models()}
    assert list(entries) == ["compact", "full", "paper", "paper-4x", "broken", "mine"]
    small = sum(parameter.numel() for parameter in build_model(small_config).parameters())
    for name, path in (("compact", here), ("mine", mine)):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert (entries[name].available, entries[name].location, entries[name].sha256) == (True, path, digest)
        assert (entries[name].preset, entries[name].parameters) == ("compact", small)
    assert not entries["broken"].available
    assert "cannot be read" in entries["broken"].description
    assert entries["paper"].parameters == entries["paper-4x"].parameters == 37_429_903
    assert entries["paper"].location == cache / "paper-8x.safetensors"
    assert [entry.name for entry in entries.values() if entry.sha256 is None] == ["full", "paper", "paper-4x", "broken"]


def test_every_registered_model_is_a_preset_and_says_what_to_do_without_it():
    for model in MODELS.values():
        assert model.preset in PRESETS
        assert model.description
        assert model.missing or model.url
