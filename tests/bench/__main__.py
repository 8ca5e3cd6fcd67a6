"""Print the table of figures, all of it or some sections: `make bench`, `python -m tests.bench --help`."""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import django

from tests.bench.table import HEADING, introduction
from tests.bench.unit import bare_signature

if TYPE_CHECKING:
    from tests.bench.sections import Section
    from tests.bench.stage import Stage

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, a row as soon as it is known."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.bench.effort import FULL, QUICK  # noqa: PLC0415 - Django's settings are there only now
    from tests.bench.sections import SECTIONS  # noqa: PLC0415 - likewise
    from tests.bench.stage import Stage  # noqa: PLC0415 - likewise

    reader = parser(SECTIONS)
    options = reader.parse_args(arguments)
    unknown = set(options.sections) - {section.name for section in SECTIONS}
    if unknown:
        reader.error(f"no such section: {', '.join(sorted(unknown))}; see --help")
    wanted = [section for section in SECTIONS if section.name in options.sections or not options.sections]
    print(told_of_machine())
    with tempfile.TemporaryDirectory(prefix="drawbridge-bench-") as folder:
        # Servers that run as another user must reach what is theirs.
        Path(folder).chmod(0o755)
        with Stage(Path(folder), QUICK if options.quick else FULL) as stage:
            run(wanted, stage)


def run(sections: Sequence["Section"], stage: "Stage") -> None:
    """Every row of these sections is printed."""
    began = time.monotonic()
    for section in sections:
        start = time.monotonic()
        print(f"\n{section.title} [{section.name}]\n{HEADING}", flush=True)
        for row in section.figures(stage):
            print(row, flush=True)
        print(f"took {time.monotonic() - start:.0f} s", flush=True)
    print(f"\ntook {time.monotonic() - began:.0f} s in all")


def parser(sections: Sequence["Section"]) -> argparse.ArgumentParser:
    """What the command line takes, with what there is and how long it takes."""
    listed = "\n".join(f"  {one.name:<18}{one.title}; about {one.minutes:g} min" for one in sections)
    whole = sum(one.minutes for one in sections)
    described = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Figures beside the machine's own RSA speed; nothing passes or fails.",
        epilog=f"sections, about {whole:.0f} minutes in all on two busy cores, less on idle ones:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    described.add_argument(
        "sections", nargs="*", metavar="SECTION", help="what to measure; everything unless named"
    )
    described.add_argument(
        "--quick", action="store_true", help="only see that it runs: a few turns, whose figures mean nothing"
    )
    return described


def told_of_machine() -> str:
    """The introduction, with this machine and this revision."""
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return introduction(
        unit=bare_signature(),
        large=bare_signature(3072, times=500),
        processor=names[0] if names else "an unnamed processor",
        cores=os.cpu_count() or 1,
        revision=revision,
    )


if __name__ == "__main__":
    main()
