"""Change the code on purpose, one small thing at a time, and count how often the tests notice.

Run ``python benchmarks/mutation.py --sample 20``: so many changes of each module below, drawn with a fixed seed (all of
them without the option), each in a process of its own with the tests that stand beside it. A change is one operator,
number, comparison, condition or return value. What no test notices is printed: either a test is missing, or the
change means nothing. Those of which it is known that they mean nothing stand in `meaningless.py`, with reasons, and
are not counted. Not changed: annotations, decorators, docstrings, what only words an error.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meaningless import MEANINGLESS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent

TESTS = {
    "resampling": ["tests/test_resampling.py"],
    "engine.tiling": ["tests/engine/test_tiling.py"],
    "engine.rolling": ["tests/engine/test_rolling.py"],
    "engine.latents": ["tests/engine/test_latents.py"],
    "model.checkpoint": ["tests/model/test_checkpoint.py"],
    "stacks.noise": ["tests/stacks/test_noise.py"],
    "stacks.pieces": ["tests/stacks/test_pieces.py"],
}
"""Of each module."""

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Add, ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.BitAnd: ast.BitOr,
}  # fmt: skip
LOGIC = {ast.And: ast.Or, ast.Or: ast.And}

CAUGHT, SURVIVED = 1, 0

QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""hypothesis is loaded before pytest can see to its asserts."""


@dataclass(frozen=True)
class Mutant:
    """One changed source; ``change`` is the first line of the changed statement, before and after."""

    line: int
    change: tuple[str, str]
    source: str


class Sites(ast.NodeVisitor):
    """Finds the nodes that may be changed, each with the statement it stands in."""

    def __init__(self) -> None:
        self.found: list[tuple[ast.AST, ast.stmt]] = []
        self.statement: ast.stmt = ast.Pass()

    def visit(self, node: ast.AST) -> None:
        before = self.statement
        if isinstance(node, ast.stmt):
            self.statement = node
        super().visit(node)
        self.statement = before

    def visit_Raise(self, node: ast.Raise) -> None:
        """Words of errors stay as they are."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """No annotations."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """No decorators."""
        for part in node.body:
            self.visit(part)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        changed = (ast.Compare, ast.BinOp, ast.BoolOp, ast.Constant, ast.UnaryOp, ast.IfExp, ast.Return)
        if isinstance(node, changed):
            self.found.append((node, self.statement))
        super().generic_visit(node)


def mutants(source: str) -> Iterator[Mutant]:
    """Every change of a source."""
    tree = ast.parse(source)
    sites = Sites()
    sites.visit(tree)
    for number in range(len(sites.found)):
        for variant in range(2):
            changed = copy.deepcopy(tree)
            again = Sites()
            again.visit(changed)
            node, statement = again.found[number]
            before = first_line(statement)
            if _change(node, variant):
                yield Mutant(node.lineno, (before, first_line(statement)), ast.unparse(changed))  # type: ignore[attr-defined]


def first_line(statement: ast.stmt) -> str:
    """Of a statement, as it would be written in one line."""
    return ast.unparse(statement).partition("\n")[0]


def _change(node: ast.AST, variant: int) -> bool:
    """Change a node in place; whether there is such a variant."""
    if isinstance(node, ast.Constant):
        if type(node.value) is bool:
            node.value = not node.value
            return variant == 0
        if type(node.value) in (int, float):
            node.value = node.value + (1, -1)[variant]
            return True
        return False
    if variant:
        return False
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        node.ops[0] = COMPARISONS[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        node.op = ARITHMETIC[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        node.op = LOGIC[type(node.op)]()
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
        if isinstance(node.op, ast.Not):
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        node.value = ast.Constant(None)
    else:
        return False
    return True


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from a changed source."""

    changed = ""

    def get_data(self, path: str) -> bytes:
        return self.changed.encode() if path.endswith(".py") else super().get_data(path)

    def get_code(self, fullname: str):  # type: ignore[no-untyped-def]
        return self.source_to_code(self.changed.encode(), self.path)


def run_tests(module: str, source: str, tests: list[str], seconds: int) -> int:
    """Run tests with a module changed, in a fork of this process; how it ended."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return SURVIVED if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 else CAUGHT
    signal.setitimer(signal.ITIMER_PROF, seconds)  # what runs for ever is caught, too
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None):  # type: ignore[no-untyped-def]
            if name != module:
                return None
            file = str(ROOT / "src" / (name.replace(".", "/") + ".py"))
            loader = Loader(name, file)
            loader.changed = source
            return importlib.util.spec_from_loader(name, loader)

    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]
    import pytest

    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-xvfb", "-o", "timeout=0", *QUIET, *tests])
    os._exit(int(code))


def main() -> None:
    """Change each module and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, help="changes a module; all if not given")
    parser.add_argument(
        "--seconds", type=int, default=30, help="of processor time, after which a run of the tests counts as caught"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("modules", nargs="*", default=[*TESTS])
    options = parser.parse_args()
    os.chdir(ROOT)
    prepare()
    total = [0, 0]
    for name in options.modules:
        module, started = f"napari_refvae.{name}", time.monotonic()
        source = (ROOT / "src" / (module.replace(".", "/") + ".py")).read_text("utf-8")
        if run_tests(module, source, TESTS[name], options.seconds) != SURVIVED:
            sys.exit(f"the tests of {name} fail on what is not changed: {TESTS[name]}")
        known = MEANINGLESS.get(name, {})
        every = [mutant for mutant in mutants(source) if mutant.change[1] not in known]
        chosen = random.Random(options.seed).sample(every, min(options.sample or len(every), len(every)))
        left = []
        for mutant in chosen:
            if run_tests(module, mutant.source, TESTS[name], options.seconds) == SURVIVED:
                left.append(mutant)
                print(f"  {name}:{mutant.line}  {mutant.change[0]}\n      ->  {mutant.change[1]}", flush=True)
        caught = len(chosen) - len(left)
        total = [total[0] + caught, total[1] + len(chosen)]
        seconds = time.monotonic() - started
        print(f"{name}: {caught} of {len(chosen)} noticed, of {len(every)} possible; {seconds:.0f} s", flush=True)
    print(f"all: {total[0]} of {total[1]} noticed, {100 * total[0] / total[1]:.0f} %")


def prepare() -> None:
    """Load once what every run needs, and nothing of the package; few examples of each property suffice."""
    import hypothesis
    import numpy  # noqa: F401
    import pytest
    import safetensors.torch  # noqa: F401
    import skimage.data  # noqa: F401
    import torch

    torch.testing.assert_close(torch.ones(1), torch.ones(1))  # loads what the first comparison needs
    torch.set_num_threads(1)
    quick = hypothesis.settings(
        max_examples=15,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # a failure need not be made small
    )
    hypothesis.settings.register_profile("mutants", quick)
    hypothesis.settings.load_profile("mutants")
    with tempfile.TemporaryDirectory() as folder:  # pytest's plugins are loaded once, too
        (Path(folder) / "test_nothing.py").write_text("def test_nothing(): pass\n")
        pytest.main(["-q", "--no-xvfb", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), *QUIET, folder])


if __name__ == "__main__":
    main()
