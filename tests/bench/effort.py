"""How much is done for a figure: all of it, or just enough to see that every section still runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How often, and with how much on record; what is promised for large numbers is shown at large numbers."""

    share: float = 1.0
    # A shared machine is fast one second and slow the next: unit and operation take turns, and the median counts.
    turns: int = 5
    sizes: tuple[int, ...] = (10, 1_000, 100_000)
    people: int = 100_000
    groups: int = 10_000
    domain_groups: int = 10_000
    # A tenth of what is promised; `python -m tests.bench.sessions` alone takes all of it, and some minutes.
    live: int = 100_000
    ended: int = 1_000_000

    def times(self, full: int) -> int:
        """How often something is done that is done so often in earnest."""
        return max(self.turns, round(full * self.share))


FULL = Effort()
QUICK = Effort(
    share=0.0, turns=1, sizes=(2, 4), people=100, groups=2_000, domain_groups=8, live=480, ended=4_800
)
