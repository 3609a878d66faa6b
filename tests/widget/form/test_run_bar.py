from __future__ import annotations

from typing import Any

from napari_refvae.widget.form.run_bar import RunBar


def test_a_long_path_in_a_sentence_widens_nothing(qtbot: Any) -> None:
    bar = RunBar()
    qtbot.addWidget(bar)
    bar.show_idle(ready=True, has_run=True)
    narrow = bar.minimumSizeHint().width()
    bar.status = bar.forecast = "/".join(["folder"] * 50)
    assert bar.minimumSizeHint().width() == narrow
    bar.resize(300, bar.sizeHint().height())
    bar.show()
    assert bar._status.heightForWidth(300) > bar._status.fontMetrics().height()


def test_while_it_runs_it_speaks_of_that_run_alone(qtbot: Any) -> None:
    bar = RunBar()
    qtbot.addWidget(bar)
    bar.forecast = "cat: 4 samples"
    bar.show_running()
    bar.forecast = "cat: 5 samples"
    assert bar._forecast.isHidden()
    bar.show_idle(ready=True, has_run=False)
    assert not bar._forecast.isHidden()
