"""Pieces made by other processes: the same bytes, and a worker that dies takes nothing with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from napari_refvae.cli import app
from napari_refvae.errors import DeviceError, InvalidSpecError, ModelError
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.files import write_image
from napari_refvae.stacks import pools
from napari_refvae.stacks.making import make_elsewhere
from napari_refvae.stacks.planning import plan_stack
from napari_refvae.stacks.pools import DaskPool, _dask_errors, open_pool
from napari_refvae.stacks.saving import save_stack
from napari_refvae.stacks.streaming import StreamedRun

if TYPE_CHECKING:
    from pathlib import Path

distributed = pytest.importorskip("distributed")
pytest.importorskip("zarr")

# dask's own event loop and sockets, as it ends
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals"),
]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_workers_make_the_same_bytes_though_one_is_killed(image, settings, tmp_path):
    plan = plan_stack(describe_array(image), (), settings(count=2))
    save_stack(plan, tmp_path / "here", "a", ".zarr")
    killed = []
    with open_pool(workers=2) as pool:
        assert isinstance(pool, DaskPool)
        processes = list(pool._client.run(os.getpid).values())

        def kill_one(step):
            if step.done == 2:
                killed.append(processes[0])
                os.kill(processes[0], signal.SIGKILL)

        save_stack(plan, tmp_path / "there", "a", ".zarr", pool=pool, on_progress=kill_one)
        assert set(processes) - {os.getpid()} == set(processes)  # they are others
    assert killed
    assert content(tmp_path / "there") == content(tmp_path / "here")


def test_workers_that_do_not_start_are_told(tiny_model, image, tmp_path, monkeypatch):
    def fail(**_):
        raise RuntimeError("Cluster failed to start: no sockets left")

    monkeypatch.setattr(distributed, "LocalCluster", fail)
    write_image(tmp_path / "a.png", image)
    words = ["upscale", str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), "--format", "zarr", "--workers", "3"]
    done = CliRunner().invoke(app, [*words, "--model", str(tiny_model), "--device", "cpu"])
    assert done.exit_code == 2
    told = " ".join(done.stderr.split())
    assert "could not start 3 workers here (Cluster failed to start: no sockets left): ask for fewer" in told


def test_a_worker_with_another_model_is_told(image, settings, tmp_path):
    run = StreamedRun(plan_stack(describe_array(image), (), settings()))
    making = run._making(run.plan.images[0])
    (_, piece), *_ = run._cutter.cut(run.plan.images[0], [(0, run.places[0])], tmp_path, making)
    object.__setattr__(making, "identity", "0" * 64)
    with pytest.raises(ModelError, match=r"expected model 000000000000 .* on every worker"):
        make_elsewhere(piece, making)


def test_workers_compute_on_the_device_and_in_the_precision_that_are_recorded(image, settings):
    run = StreamedRun(plan_stack(describe_array(image), (), settings(device="auto")))
    making = run._making(run.plan.images[0])
    assert making.device == run.resolved["device"] != "auto"
    assert making.precision == run.resolved["precision"] == "float32"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (distributed.client.FutureCancelledError("piece", "scheduler-connection-lost"), r"connection .* is lost"),
        (OSError("broken pipe"), "the workers failed"),
        (ModuleNotFoundError("No module named 'napari_refvae'"), "a worker lacks what it needs"),
    ],
)
def test_a_cluster_that_is_lost_is_told(error, told):
    with pytest.raises(DeviceError, match=rf"{told}.*--resume goes on"), _dask_errors():
        raise error


FOREIGN = """
import sys
sys.modules["napari_refvae"] = None  # as if it were not installed
from distributed import LocalCluster
if __name__ == "__main__":
    alone = {"processes": False, "threads_per_worker": 1, "dashboard_address": ":0", "memory_limit": 0}
    with LocalCluster(n_workers=int(sys.argv[1]), protocol="tcp://", **alone) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "no worker for 1 seconds: start some"), (1, r"the scheduler has none: install it there")],
    ids=["no worker", "no package"],
)
def test_a_cluster_that_can_make_nothing_is_told(monkeypatch, count, told):
    monkeypatch.setattr(pools, "LONE", 1)
    command = [sys.executable, "-c", FOREIGN, str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cluster:
        address = cluster.stdout.readline().strip()
        with pytest.raises(DeviceError, match=told), open_pool(scheduler=address):
            pass
        cluster.stdin.close()


def test_workers_that_all_leave_are_told(image, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "LONE", 1)
    plan = plan_stack(describe_array(image), (), settings())
    cluster = distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0", memory_limit=0)

    def leave(step):
        if step.done == 1:
            cluster.scale(0)

    told = pytest.raises(DeviceError, match=r"no worker for 1 seconds.*--resume")
    with cluster, open_pool(scheduler=cluster.scheduler_address) as pool, told:
        save_stack(plan, tmp_path / "out", "a", ".zarr", pool=pool, on_progress=leave)


def test_a_worker_that_leaves_with_what_it_made_is_told(image, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "LONE", 1)
    plan, wait = plan_stack(describe_array(image), (), settings()), distributed.wait
    cluster = distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0", memory_limit=0)

    def leave(*arguments, **options):
        done = wait(*arguments, **options)
        cluster.scale(0)
        while cluster.scheduler.workers:
            time.sleep(0.01)
        return done

    monkeypatch.setattr(distributed, "wait", leave)
    told = pytest.raises(DeviceError, match=r"no worker for 1 seconds.*--resume")
    with cluster, open_pool(scheduler=cluster.scheduler_address) as pool, told:
        save_stack(plan, tmp_path / "out", "a", ".zarr", pool=pool)


def test_other_work_of_dask_does_not_go_there():
    """An input may be a dask array; and a notebook may have a cluster of its own."""
    cluster = distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0", memory_limit=0)
    with cluster, open_pool(scheduler=cluster.scheduler_address), pytest.raises(ValueError, match="No client"):
        distributed.default_client()


def test_mistakes_are_named():
    with pytest.raises(InvalidSpecError, match="got both"), open_pool(2, "tcp://localhost:1"):
        pass
    with pytest.raises(InvalidSpecError, match="at least 1 worker"), open_pool(0):
        pass
    with pytest.raises(DeviceError, match="scheduler of dask at nonsense"), open_pool(scheduler="nonsense://here"):
        pass
    with open_pool() as pool:
        assert pool is None
