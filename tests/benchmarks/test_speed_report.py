"""The report: scripts that fail lose nothing, the page is written in its marked parts only, targets are judged."""

import json

import pytest

PAGE = "# Page\n\n{}\n\nWritten by hand.\n"


@pytest.fixture
def report(tmp_path, monkeypatch):
    """The report, over two small scripts of its own."""
    import report

    (tmp_path / "good.py").write_text(
        "import json, pathlib, sys\n"
        "print('| a table |')\n"
        "pathlib.Path(sys.argv[sys.argv.index('--figures') + 1]).write_text(json.dumps({'speed': 2.0}))\n"
    )
    (tmp_path / "bad.py").write_text("print('half a table')\nraise SystemExit('no such network')\n")
    names = ("machine", "targets", "good", "bad")
    (tmp_path / "page.md").write_text(PAGE.format("\n".join(f"<!-- begin {n} -->\n<!-- end {n} -->" for n in names)))
    for name, value in {"HERE": tmp_path, "LOGS": tmp_path / "logs", "MEASURED": tmp_path / "measured.json"}.items():
        monkeypatch.setattr(report, name, value)
    monkeypatch.setattr(report, "DOCS", tmp_path / "page.md")
    monkeypatch.setattr(report, "SCRIPTS", ("bad", "good"))
    monkeypatch.setattr(report.machine, "WATCHED", 0.01)
    return report


def run(report, monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["report.py", *words])
    with pytest.raises(SystemExit) as ended:
        report.main()
    return int(ended.value.code)


def test_one_script_that_fails_does_not_lose_the_rest(report, monkeypatch, tmp_path):
    assert run(report, monkeypatch) == 1
    page = (tmp_path / "page.md").read_text()
    assert "| a table |" in page
    assert "This failed: no such network" in page
    assert "half a table" not in page
    assert page.endswith("Written by hand.\n")
    assert json.loads((tmp_path / "measured.json").read_text())["good"]["figures"] == {"speed": 2.0}
    assert "no such network" in (tmp_path / "logs" / "bad.log").read_text()


def test_running_one_script_keeps_what_the_others_said(report, monkeypatch, tmp_path):
    run(report, monkeypatch)
    (tmp_path / "bad.py").write_text("print('| mended |')\n")
    assert run(report, monkeypatch, "--only", "bad") == 0
    page = (tmp_path / "page.md").read_text()
    assert "| a table |" in page
    assert "| mended |" in page
    assert "This failed" not in page


def test_a_quick_run_writes_nothing(report, monkeypatch, tmp_path, capsys):
    before = (tmp_path / "page.md").read_text()
    run(report, monkeypatch, "--quick")
    assert (tmp_path / "page.md").read_text() == before
    assert not (tmp_path / "measured.json").exists()
    assert "| a table |" in capsys.readouterr().out


def test_rendering_twice_is_rendering_once(report, monkeypatch, tmp_path):
    run(report, monkeypatch)
    once = (tmp_path / "page.md").read_text()
    measured = json.loads((tmp_path / "measured.json").read_text())
    assert report.rendered(once, measured) == once
    with pytest.raises(ValueError, match="marked for good"):
        report.rendered(once.replace("<!-- begin good -->", ""), measured)


def test_the_page_has_a_place_for_every_script():
    import report

    page = report.DOCS.read_text(encoding="utf-8")
    for name in (*report.SCRIPTS, "machine", "targets"):
        assert page.count(f"<!-- begin {name} -->") == page.count(f"<!-- end {name} -->") == 1
    assert all((report.HERE / f"{name}.py").is_file() for name in report.SCRIPTS)


def test_targets_are_judged_by_figures_of_scripts_that_run():
    import report
    from targets import TARGETS, targets_table

    asked = set()

    class Asking(dict):
        def __missing__(self, name):
            asked.add(name)
            return 1.0

    text = targets_table(Asking())
    assert {name.split(".")[0] for name in asked} <= set(report.SCRIPTS)
    assert "not measured" not in text
    assert len(text.splitlines()) == 2 + len(TARGETS)
    assert targets_table({}).count("not measured here") == len(TARGETS)


def test_a_missed_target_says_why_and_a_met_one_does_not():
    from targets import TARGETS, targets_table

    why = TARGETS[0].missed
    figures = {"ten_samples.naive_seconds": 100.0, "ten_samples.paper_seconds": 20.0}
    assert "5.0x (100 s to 20.0 s) | **met**" in targets_table(figures)
    assert why not in targets_table(figures)
    assert f"**missed**: {why}" in targets_table(figures | {"ten_samples.paper_seconds": 20.1})
