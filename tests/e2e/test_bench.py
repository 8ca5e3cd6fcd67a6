"""`make bench` still measures: every section runs with a few turns; what the figures say is for people to judge."""

from collections.abc import Iterator

import pytest

from tests.bench.__main__ import main
from tests.bench.effort import QUICK
from tests.bench.sections import SECTIONS, Section
from tests.bench.stage import Stage
from tests.servers.samba import SambaDc

COUNTED = {"sign-in", "click", "credentials", "services", "growth"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, samba_template: SambaDc) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("bench"), QUICK, domain=samba_template) as stage:
        yield stage


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_every_section_gives_its_rows(section: Section, stage: Stage) -> None:
    """Each row has a name of its own; over HTTP the statements at the database stand beside it."""
    rows = list(section.figures(stage))
    assert rows
    measured = [row for row in rows if row.cpu is not None]
    assert len({row.name for row in measured}) == len(measured)
    assert all(row.cpu > 0 for row in measured if row.cpu is not None)
    if section.name in COUNTED:
        counted = [row for row in measured if " st. + " in row.remark]
        assert counted
        assert not [row for row in counted if row.remark.startswith(("0.0 st.", "-"))]


def test_help_lists_the_sections(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks is told what there is and how long it takes; an unknown section is refused by name."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(section.name in told and section.title in told for section in SECTIONS)
    with pytest.raises(SystemExit) as refused:
        main(["clicks-of-nobody"])
    assert refused.value.code == 2
    assert "no such section: clicks-of-nobody" in capsys.readouterr().err
