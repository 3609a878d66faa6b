"""The live preview's thread: what is asked for last is made, and handed to the window's thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined] # qtpy names it for each binding

from napari_refvae.errors import RefVAEError
from napari_refvae.explore.preview import LatestWins
from napari_refvae.widget.explore.steering import gives_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.explore.recipes import Recipe
    from napari_refvae.explore.sample import Sample
    from napari_refvae.regions import Region
    from napari_refvae.widget.explore.desk import Desk
    from napari_refvae.widget.explore.subject import Subject

__all__ = ["CONTEXT", "Glimpse", "LivePreview", "Wish"]

CONTEXT = 6
"""Input pixels around a part that a preview looks at: a third of the time of all of them, and nothing to be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """A preview that is asked for.

    Attributes
    ----------
    subject, recipe, region
        What is to be seen, and the part of the image that is to show it (None: all).
    quick
        What is shown in its place, since it is made sooner: the vividness slider moves. Networks without vividness
        have no use for it.
    """

    subject: Subject
    recipe: Recipe
    region: Region | None
    quick: Recipe | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """A preview that was made, and the seconds that it took; the first one of a part encodes it."""

    wish: Wish
    sample: Sample
    seconds: float
    has_vividness: bool = True  # whether the network has such a dial

    @property
    def is_exact(self) -> bool:
        """Whether it is the recipe's own, and not what is shown in its place."""
        return self.sample.recipe is self.wish.recipe

    @property
    def text(self) -> str:
        """What it shows, and how well that gives the input back."""
        region, size = self.sample.region, self.wish.subject.size
        part = "all of" if (region.height, region.width) == size else f"{region.width} x {region.height} of"
        kind = "Preview" if self.is_exact else "Quick preview, blended in pixels"
        return f"{kind}: {part} {size[1]} x {size[0]} pixels. {gives_back(self.sample.lr_psnr)}"


class LivePreview(QObject):
    """Makes previews in a thread of its own; the latest value wins at both ends.

    Parameters
    ----------
    desk
        Where the session is.
    on_glimpse, on_failure
        Called on the main thread. Nothing asked for before `restart` or `close` is told after it.
    """

    _news = Signal()

    def __init__(
        self, desk: Desk, on_glimpse: Callable[[Glimpse], None], on_failure: Callable[[RefVAEError], None]
    ) -> None:
        super().__init__()
        self._desk = desk
        self._on_glimpse = on_glimpse
        self._on_failure = on_failure
        self._latest: Glimpse | RefVAEError | None = None  # a window that lags shows the newest only
        self._thread = LatestWins(self._make, self._deliver, self._deliver)
        self._news.connect(self._tell)

    def ask(self, wish: Wish) -> None:
        """Want this next; returns at once."""
        self._thread.ask(wish)

    def restart(self) -> None:
        """Drop whatever waits, is being made or was made and not told."""
        self._thread.restart()
        self._latest = None

    def close(self) -> None:
        """Make and tell nothing more; the thread ends by itself."""
        self._thread.close(timeout=0)
        self._latest = None

    def wait(self, timeout: float) -> bool:
        """Until all is made; False if that takes longer. For tests and scripts: it blocks."""
        return self._thread.wait(timeout)

    def _make(self, wish: Wish) -> Glimpse:
        with self._desk.at(wish.subject) as session:
            began = time.perf_counter()
            context = None if wish.region is None else CONTEXT
            vivid = session.has_vividness
            recipe = wish.recipe if wish.quick is None or not vivid else wish.quick
            sample = session.decode(recipe, wish.region, context=context)
            return Glimpse(wish, sample, time.perf_counter() - began, vivid)

    def _deliver(self, news: Glimpse | RefVAEError) -> None:
        """In the preview's thread."""
        self._latest = news
        self._news.emit()

    def _tell(self) -> None:
        """On the main thread, once an event; most events of a lagging window find nothing."""
        news, self._latest = self._latest, None
        if isinstance(news, RefVAEError):
            self._on_failure(news)
        elif news is not None:
            self._on_glimpse(news)
