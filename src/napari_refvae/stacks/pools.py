"""Where pieces are made: in this process, or by the workers of dask.distributed.

Workers get all that a piece needs and give back its pixels; this process alone reads and writes files. So workers
may lie on other machines, and one that dies takes nothing with it but the pieces in its hands, which others make anew.
Dask gives up on a piece under which more workers died than its setting ``distributed.scheduler.allowed-failures`` says.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from napari_refvae.errors import DeviceError, InvalidSpecError, RefVAEError
from napari_refvae.stacks.making import load_maker, make_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from napari_refvae.loading import LoadedModel
    from napari_refvae.stacks.pieces import MadePiece, Making, Piece

    Numbered = tuple[int, "Piece"]

__all__ = ["HERE", "DaskPool", "Pool", "open_pool"]

INSTALL = "dask.distributed is not installed: pip install 'napari-refvae[distributed]'"

WAITING = 2
"""Pieces a worker that are on their way or done and not fetched."""

PATIENCE = "20s"
"""For a scheduler to answer."""

LONE = 60
"""Seconds that a scheduler may be without a worker, or nothing be heard of one before that is asked."""


class Pool(Protocol):
    """What makes pieces."""

    def make(self, pieces: Iterable[Numbered], making: Making, model: LoadedModel) -> Iterator[tuple[int, MadePiece]]:
        """Make pieces, in any order; each comes with its number."""


class _Here:
    """In the process itself, one piece after the other."""

    def make(self, pieces: Iterable[Numbered], making: Making, model: LoadedModel) -> Iterator[tuple[int, MadePiece]]:
        maker = load_maker(model, making.device, making.precision)
        return ((number, maker.make(piece, making)) for number, piece in pieces)


HERE: Pool = _Here()


class DaskPool:
    """The workers of a client of dask.distributed."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def make(self, pieces: Iterable[Numbered], making: Making, model: LoadedModel) -> Iterator[tuple[int, MadePiece]]:
        """Keep every worker busy, and no more pieces in flight than that takes."""
        tasks: dict[str, tuple[Any, int]] = {}
        waiting = iter(pieces)
        try:
            while True:
                for number, piece in waiting:
                    with _dask_errors():
                        task = self._client.submit(make_elsewhere, piece, making, pure=False)
                        tasks[task.key] = task, number
                        enough = WAITING * max(1, self._workers())
                    if len(tasks) >= enough:
                        break
                if not tasks:
                    return
                with _dask_errors():
                    key, made = self._finished([task for task, _ in tasks.values()])
                yield tasks.pop(key)[1], made
        finally:
            tasks.clear()  # which tells the scheduler that nobody wants them any more

    def check(self) -> None:
        """Wait for a first worker, and refuse a cluster that cannot run this package.

        Raises
        ------
        DeviceError
            If no worker comes, or the scheduler or a worker has not this version of the package.
        """
        self._await_worker()
        with _dask_errors():
            found = {"the scheduler": self._client.run_on_scheduler(_asking())}
            found |= {f"the worker {name}": version for name, version in self._client.run(_asking()).items()}
        wanted = _asking()()
        for name, version in found.items():
            if version != wanted:
                raise DeviceError(
                    f"expected napari-refvae {wanted} at the scheduler and every worker; {name} has "
                    f"{version or 'none'}: install it there, in the Python that dask runs in"
                )

    def _finished(self, tasks: list[Any]) -> tuple[str, MadePiece]:
        """The key and the result of one of the tasks that is done, once there is one.

        What is done is lost if its worker leaves before it is fetched, and made again by another one.
        """
        from distributed import wait

        while True:
            try:
                with self._client.as_current():
                    done, _ = wait(tasks, timeout=LONE, return_when="FIRST_COMPLETED")
                task = next(iter(done))
                return task.key, task.result(timeout=LONE)
            except TimeoutError:
                self._await_worker()

    def _await_worker(self) -> None:
        """Return if there is a worker, or one comes in time."""
        try:
            self._client.wait_for_workers(1, timeout=LONE)
        except TimeoutError as error:
            raise DeviceError(
                f"the scheduler has had no worker for {LONE} seconds: start some (dask worker ADDRESS), and go on "
                "with --resume"
            ) from error

    def _workers(self) -> int:
        return len(self._client.scheduler_info(n_workers=-1)["workers"])


def _asking() -> Callable[[], str]:
    """A function that tells which version of the package is there; it travels whole, so that it can run without."""

    def ask() -> str:
        try:
            from napari_refvae.version import installed_version
        except ImportError:
            return ""
        return installed_version()

    return ask


@contextmanager
def _dask_errors() -> Iterator[None]:
    """Turn what dask says of its workers into a `DeviceError`."""
    from distributed import CancelledError
    from distributed.scheduler import KilledWorker

    try:
        yield
    except RefVAEError:
        raise
    except KilledWorker as error:
        raise DeviceError(
            f"several workers died over the same piece ({error}): give them more memory, or say a smaller --tile"
        ) from error
    except CancelledError as error:
        raise DeviceError(
            f"the scheduler or the connection to it is lost ({error}): start it again; --resume goes on"
        ) from error
    except ImportError as error:
        raise DeviceError(
            f"a worker lacks what it needs ({error}): install napari-refvae there, in the Python that dask runs in; "
            "--resume goes on"
        ) from error
    except (OSError, RuntimeError) as error:
        raise DeviceError(f"the workers failed ({error}): see their logs; --resume goes on") from error


@contextmanager
def open_pool(workers: int | None = None, scheduler: str | None = None) -> Iterator[Pool | None]:
    """Start so many processes here, or connect to a scheduler; without either, None.

    Only connect to a cluster that is yours: dask sends pickles, which may run programs.

    Raises
    ------
    InvalidSpecError
        If both are asked for, or dask.distributed is not installed.
    DeviceError
        If workers do not start here, or the scheduler does not answer, or has no workers that can make pieces; see
        `DaskPool.check`.
    """
    if workers is None and scheduler is None:
        yield None
        return
    if workers is not None and scheduler is not None:
        raise InvalidSpecError("expected a number of workers or the address of a scheduler; got both: leave one out")
    if workers is not None and workers < 1:
        raise InvalidSpecError(f"expected at least 1 worker; got {workers}")
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise InvalidSpecError(f"workers need dask.distributed: {INSTALL}") from error
    if workers is not None:
        try:
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=0
            )
        except (OSError, RuntimeError) as error:
            raise DeviceError(
                f"could not start {workers} workers here ({error}): ask for fewer of them, or make all in this process"
            ) from error
        with cluster, Client(cluster, set_as_default=False) as client:
            yield DaskPool(client)
        return
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DeviceError(
            f"expected a scheduler of dask at {scheduler}; it does not answer ({error}): check its address"
        ) from error
    with client:
        pool = DaskPool(client)
        pool.check()
        yield pool
