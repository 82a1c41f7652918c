"""pytest's door: matrix files become items, one a cell; fixtures build labs for tests written by hand.

Loaded into every pytest run where the package is installed, so nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.prepare.plan import Choices, Plan
    from lab.prepare.templates import Templates
    from lab.record.result import CellResult
    from lab.run.matrix_run import MatrixRun
    from lab.written.cell import Cell

_FOLDER = "matrices"
_ENDINGS = (".yaml", ".yml")
_WHOLE_LINES = 2
"""The verbosity from which on pytest cuts no line of its short summary."""
_EXIT = "lab.exit"
_MARKER = "lab"
_FIXTURES = ("lab_factory", "module_lab_factory")
_exit_codes = pytest.StashKey[set[int]]()
_templates: pytest.StashKey[Templates] = pytest.StashKey()

LabFactory = Callable[..., "Lab"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which cells matrices make, and what loads their rulesets."""
    group = parser.getgroup("netfilter-lab")
    group.addoption("--lab-family", choices=("4", "6", "both"), default="both", help="which family's cells to make")
    group.addoption("--lab-shipped", action="store_true", help="take topologies and policies from what is shipped too")
    group.addoption("--lab-backend", choices=("nft", "legacy"), default="nft", help="which iptables loads the rulesets")


def _choices(config: pytest.Config) -> Choices:
    from lab.prepare.plan import Choices
    from lab.prepare.policies import Rendering
    from lab.ruleset.backend import Backend
    from lab.written.families import FamilyChoice

    families = FamilyChoice(config.getoption("--lab-family")).families
    rendering = Rendering(Backend(config.getoption("--lab-backend")))
    return Choices(families=families, rendering=rendering, shipped=config.getoption("--lab-shipped"))


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker is, and keep the exit codes of this session's cells."""
    config.addinivalue_line("markers", f"{_MARKER}: a cell of a matrix, or a test that builds a lab (of netfilter-lab)")
    config.stash[_exit_codes] = set()
    config.pluginmanager.register(_Session(config), "netfilter-lab session")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what builds a lab, so that ``-m lab`` and ``-m "not lab"`` choose."""
    if isinstance(item, CellItem) or any(name in getattr(item, "fixturenames", ()) for name in _FIXTURES):
        item.add_marker(_MARKER)


def pytest_collection_finish(session: pytest.Session) -> None:
    """End the process that rendered the policies."""
    if _templates in session.config.stash:
        session.config.stash[_templates].close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> MatrixFile | None:
    """Collect ``*.yaml`` files of folders called ``matrices``, and those named on the command line, if they are matrices."""
    if file_path.suffix not in _ENDINGS:
        return None
    named = any(Path(argument.partition("::")[0]).resolve() == file_path for argument in parent.config.args)
    if (file_path.parent.name == _FOLDER or named) and _is_matrix(file_path):
        return MatrixFile.from_parent(parent, path=file_path)
    return None


def _is_matrix(path: Path) -> bool:
    from lab.written.files import Unfit, read_file
    from lab.written.yaml_text import MAX_BYTES

    try:
        return any(line.startswith(b"matrix:") for line in read_file(path, MAX_BYTES).splitlines())
    except (OSError, Unfit):
        return False


class MatrixFile(pytest.File):
    """One matrix file, and its lab while its cells are run."""

    plan: Plan
    _run: MatrixRun | None = None
    _broken: str | None = None

    def collect(self) -> Iterator[CellItem]:
        """One item for each cell; a wrong file is told in words, without a traceback."""
        from lab.errors import as_lab_error
        from lab.prepare.plan import make_plan
        from lab.prepare.templates import Templates
        from lab.report.longrepr import shown
        from lab.report.plain import plain

        try:
            if _templates not in self.config.stash:
                self.config.stash[_templates] = Templates()
            self.plan = make_plan(shown(self.path), _choices(self.config), self.config.stash[_templates])
        except Exception as error:  # noqa: BLE001 - a file brings no traceback to its reader
            told = as_lab_error(error, str(self.path))
            self.config.stash[_exit_codes].add(told.exit_code)
            raise told from None
        _end_in_words()
        for cell in self.plan.cells:
            name = plain(cell.id.removeprefix(f"{cell.matrix}::"))
            # the id as text: pytest then reads its brackets as it will read them from its cache, or --lf finds no cell
            yield CellItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}", cell=cell)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """What is wrong with the file, in words."""
        from lab.errors import LabError
        from lab.report.longrepr import error_repr

        if isinstance(excinfo.value, LabError):
            return error_repr(excinfo.value, "auto", self.path, None)
        return super().repr_failure(excinfo)

    def ask(self, cell: Cell) -> CellResult:
        """The result of one cell, in the lab that the file's cells share; raises LabError, and skips once that is broken."""
        from lab.errors import as_lab_error
        from lab.kernel.ground.privileges import require
        from lab.report.plain import plain
        from lab.run.matrix_run import MatrixRun

        if self._broken is not None:
            pytest.skip(f"the lab of this matrix could not be built: {plain(self._broken)}")
        try:
            if self._run is None:
                require()
                self._run = MatrixRun(self.plan)
            (result,) = self._run.run([cell])
        except Exception as error:
            told = as_lab_error(error)
            self._broken = told.problems[0].what
            raise told from error
        else:
            return result

    def close(self) -> None:
        """Take the lab down."""
        if self._run is not None:
            self._run.close()
            self._run = None


def _end_in_words() -> None:
    """SIGTERM and SIGHUP end a session that has cells as Ctrl-C does, so that its JUnit file is written."""
    if threading.current_thread() is threading.main_thread():
        for one in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(one) is signal.SIG_DFL:
                signal.signal(one, _terminated)


def _terminated(signum: int, frame: object) -> None:  # noqa: ARG001
    from lab.errors import Interrupted

    signal.signal(signum, signal.SIG_DFL)
    raise Interrupted(signum)


class CellFailed(Exception):
    """A cell behaved otherwise than expected; carries its result."""

    def __init__(self, result: CellResult) -> None:
        super().__init__(result.id)
        self.result = result

    def __str__(self) -> str:
        from lab.report.plain import plain
        from lab.report.short import in_short

        return f"{plain(self.result.id)}: {in_short(self.result)}"


class CellItem(pytest.Item):
    """One cell of a matrix."""

    def __init__(self, *, cell: Cell, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.cell = cell

    def runtest(self) -> None:
        """Ask the kernel; fail with everything that is known."""
        from lab.errors import LabError
        from lab.record.result import Outcome
        from lab.run.runner import exit_code

        assert isinstance(self.parent, MatrixFile)
        try:
            result = self.parent.ask(self.cell)
        except LabError as error:
            self.user_properties.append((_EXIT, error.exit_code))
            raise
        self.user_properties += [(_EXIT, exit_code([result], set())), *_properties(result)]
        if result.known:
            pytest.xfail(result.warnings[-1])
        if result.outcome is not Outcome.PASSED:
            raise CellFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """The result in words, as many as ``--tb`` asks for; an error of the lab in its own.  The reason is for the summary."""
        from lab.errors import LabError
        from lab.report.longrepr import cell_repr, error_repr

        error, asked, line = excinfo.value, self.config.option.tbstyle, self.cell.where.line
        if isinstance(error, CellFailed):
            return cell_repr(error.result, asked, self.path, line)
        if isinstance(error, LabError):
            return error_repr(error, asked, self.path, line)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The row's place in the matrix file."""
        line = self.cell.where.line
        return self.path, None if line is None else line - 1, self.name


def _properties(result: CellResult) -> Iterator[tuple[str, object]]:
    from lab.report.plain import plain

    yield "lab.outcome", str(result.outcome)
    yield "lab.verdict", str(result.verdict.kind)
    if result.verdict.rule is not None:
        yield "lab.rule", plain(str(result.verdict.rule))
        if result.verdict.rule.source:
            yield "lab.source", plain(result.verdict.rule.source)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Take a matrix's lab down after its last cell."""
    if isinstance(item, CellItem) and (nextitem is None or nextitem.parent is not item.parent):
        assert isinstance(item.parent, MatrixFile)
        item.parent.close()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Let the short summary have whole lines where all that failed are cells: at 80 columns the reason would be cut away."""
    failed = [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]
    if failed and all(report.nodeid.partition("::")[0].endswith(_ENDINGS) for report in failed):
        config.option.verbose = max(config.option.verbose, _WHOLE_LINES)


class _Session:
    """Adds up the exit codes of all cells, those of xdist's workers too, for the JUnit file."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the exit code of a cell."""
        if report.when == "call":
            codes = self._config.stash[_exit_codes]
            codes.update(value for name, value in report.user_properties if name == _EXIT and isinstance(value, int))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self) -> Iterator[None]:
        """Put back what is asked for of all else than the short summary, which pytest prints inside."""
        asked = self._config.option.verbose
        try:
            return (yield)
        finally:
            self._config.option.verbose = asked

    @pytest.hookimpl(tryfirst=True)  # before pytest writes the file
    def pytest_sessionfinish(self) -> None:
        """Write the session's exit code and what it was measured on into the JUnit file, if there is one."""
        from _pytest.junitxml import xml_key

        document = self._config.stash.get(xml_key, None)
        codes = self._config.stash[_exit_codes]
        if document is None or not codes:
            return
        from lab.errors import gravest
        from lab.report.junit import flat_properties
        from lab.run.provenance import machine

        document.add_global_property(_EXIT, str(gravest(codes)))
        for name, value in flat_properties(machine([self._config.getoption("--lab-backend")]).plain()):
            document.add_global_property(name, value)


def _factory(request: pytest.FixtureRequest) -> Iterator[LabFactory]:
    with ExitStack() as undo:

        def build(
            topology: str, policies: Mapping[str, str] | None = None, *, backend: str | None = None, shipped: bool = False
        ) -> Lab:
            from lab.errors import LabError
            from lab.kernel.ground.privileges import require
            from lab.lab import Lab
            from lab.prepare.policies import Rendering
            from lab.prepare.scene import make_scene
            from lab.ruleset.backend import Backend

            try:
                require()
                chosen = Backend(backend or request.config.getoption("--lab-backend"))
                scene = make_scene(
                    topology, policies or {}, near=request.path, rendering=Rendering(chosen),
                    shipped=shipped or request.config.getoption("--lab-shipped"),
                )  # fmt: skip
                return undo.enter_context(Lab(scene.topology, scene.policies, backend=chosen))
            except LabError as error:
                from lab.report.longrepr import in_words

                pytest.fail(in_words(error), pytrace=False)

        yield build


@pytest.fixture
def lab_factory(request: pytest.FixtureRequest) -> Iterator[LabFactory]:
    """Builds labs that live as long as the test: ``lab_factory("edge", policies={"gateway": "edge-gateway"})``."""
    yield from _factory(request)


@pytest.fixture(scope="module")
def module_lab_factory(request: pytest.FixtureRequest) -> Iterator[LabFactory]:
    """As ``lab_factory``, for labs that live as long as the module."""
    yield from _factory(request)
