"""Clicks as those who run them see them, without a window."""

from __future__ import annotations

from typing import Any

from napari_refvae.widget.running.click import Click


class Asked:
    """Stands for a draft of so many runs, whose plans are letters."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def plans(self) -> Any:
        yield
        return list("abc"[: self.count])


def read(click: Click) -> None:
    """What the worker and the window do together."""
    reading = click.read()
    plans: list[Any] = []
    while not plans:
        try:
            next(reading)
        except StopIteration as stop:
            plans = stop.value
    click.take(plans)


def test_one_image_is_one_run_without_a_number() -> None:
    click = Click(Asked(1))
    assert not click.is_read
    read(click)
    assert (click.is_read, click.plan, click.is_last, click.id) == (True, "a", True, "")
    assert click.named("Encoding.") == click.ended("Encoding.") == "Encoding."
    assert click.done(0.25) == 0.25


def test_channels_share_an_id_and_come_one_after_the_other() -> None:
    click = Click(Asked(3))
    read(click)
    assert click.id
    seen = []
    for _ in range(3):
        seen.append((click.plan, click.named("Go."), click.ended("Made 1."), click.done(0.5), click.is_last))
        click.go_on()
    assert seen == [
        ("a", "Channel 1 of 3. Go.", "Made 1.", 0.5 / 3, False),
        ("b", "Channel 2 of 3. Go.", "Made 1.", 1.5 / 3, False),
        ("c", "Channel 3 of 3. Go.", "All 3 channels are done. Made 1.", 2.5 / 3, True),
    ]


def test_a_click_that_is_read_lets_go_of_what_was_to_be_read() -> None:
    click = Click(Asked(1))
    read(click)
    assert click._draft is None
