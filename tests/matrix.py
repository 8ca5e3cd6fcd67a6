"""What the run has shown: attacks, faults and clauses with the number of tests that held or failed."""

from collections import Counter, defaultdict
from collections.abc import Generator

import pytest

KINDS = {"attack": "Attacks", "fault": "Faults", "spec": "Clauses"}
shown: dict[str, defaultdict[str, Counter[str]]] = {kind: defaultdict(Counter) for kind in KINDS}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count what became of each test under everything that it is marked with."""
    report = yield
    if report.when == "call" or report.failed:
        for kind in KINDS:
            for mark in item.iter_markers(kind):
                shown[kind][" ".join(str(word) for word in mark.args)][report.outcome] += 1
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables; a row with a failure says so."""
    for kind, title in KINDS.items():
        rows = shown[kind]
        if not rows:
            continue
        terminalreporter.section(title)
        cells = []
        for name in sorted(rows):
            held, failed = rows[name]["passed"], rows[name]["failed"]
            cells.append(f"{name}: {held} held" + (f", {failed} FAILED" if failed else ""))
        for line in cells if kind == "spec" else in_columns(cells):
            terminalreporter.write_line(line)


def in_columns(cells: list[str], *, width: int = 26, columns: int = 4) -> list[str]:
    """Short cells side by side."""
    return [
        "".join(cell.ljust(width) for cell in cells[start : start + columns]).rstrip()
        for start in range(0, len(cells), columns)
    ]
