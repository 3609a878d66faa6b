"""Making a run again from its side-car: finding what it used, refusing what has changed."""

from napari_refvae.replaying.runs import replay
from napari_refvae.replaying.stacks import ReplayedStack, check_workers, replay_stack

__all__ = ["ReplayedStack", "check_workers", "replay", "replay_stack"]
