"""What somebody gives up at the click: less time, reading only, one region, one source address.

It is written down as a short line beside the access, so that a renewal gives the same and no more.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Self
from urllib.parse import parse_qsl, urlencode

from idp.domain.aws.duration import LONGEST, SHORTEST
from idp.domain.aws.signin import in_partition
from idp.domain.errors import Malformed

minutes_grammar = re.compile(r"[0-9]{1,3}", re.ASCII)
NAMES = ("minutes", "read_only", "region", "address")
WIDEST = {4: 8, 6: 32}
MINUTE = timedelta(minutes=1)


class UnlawfulNarrowing(Malformed):
    """A wish that cannot be made into a narrower session."""

    code = "unlawful-narrowing"
    sentence = "This session cannot be narrowed like this. Please go back and choose again."


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What of a role is asked for; nothing given up is the whole of it."""

    duration: timedelta | None = None
    read_only: bool = False
    region: str | None = None
    address: str | None = None

    def __bool__(self) -> bool:
        return self != Narrowing()

    @property
    def needs_policy(self) -> bool:
        """Whether more than the time is narrowed."""
        return self.read_only or self.region is not None or self.address is not None

    @classmethod
    def read(cls, values: Mapping[str, str], *, partition: str) -> Self:
        """What these fields ask for; refuses a region of another partition, no address, and an unlawful length.

        An address with a length is a network; wider than /8 or /32 of IPv6 it would narrow nothing.
        """
        minutes, region = values.get("minutes", ""), values.get("region", "").strip() or None
        duration = None
        if minutes:
            if not minutes_grammar.fullmatch(minutes) or not SHORTEST <= int(minutes) * MINUTE <= LONGEST:
                raise UnlawfulNarrowing(
                    f"minutes {minutes!r}", sentence="A session lasts 15 minutes to 12 hours (720 minutes)."
                )
            duration = int(minutes) * MINUTE
        if region is not None and not in_partition(region, partition):
            raise UnlawfulNarrowing(
                f"region {region!r} in {partition}",
                sentence="This is no region of the account's partition. It must look like eu-central-1.",
            )
        return cls(
            duration, values.get("read_only", "") == "on", region, _network(values.get("address", "").strip())
        )

    @classmethod
    def of_line(cls, line: str, *, partition: str) -> Self:
        """The narrowing that was written down."""
        return cls.read(dict(parse_qsl(line)), partition=partition)

    def line(self) -> str:
        """The narrowing as it is written down; empty for none."""
        given = {
            "minutes": str(int(self.duration / MINUTE)) if self.duration is not None else "",
            "read_only": "on" if self.read_only else "",
            "region": self.region or "",
            "address": self.address or "",
        }
        return urlencode({name: value for name, value in given.items() if value})

    def words(self) -> Iterator[str]:
        """The narrowing as people read it."""
        if self.read_only:
            yield "reading only"
        if self.region is not None:
            yield f"in {self.region} only"
        if self.address is not None:
            yield f"from {self.address} only"
        if self.duration is not None:
            yield f"{int(self.duration / MINUTE)} min at most"


def narrowing_in_words(line: str) -> str:
    """What was written down as people read it; a line that nobody can read any more is shown as it stands."""
    given = dict(parse_qsl(line))
    if not given.keys() <= set(NAMES):
        return line
    narrowed = Narrowing(
        int(given["minutes"]) * MINUTE if minutes_grammar.fullmatch(given.get("minutes", "")) else None,
        given.get("read_only") == "on",
        given.get("region"),
        given.get("address"),
    )
    return ", ".join(narrowed.words())


def _network(text: str) -> str | None:
    if not text:
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise UnlawfulNarrowing(
            f"address {text!r}", sentence="This is no address. It must look like 192.0.2.7 or 192.0.2.0/24."
        ) from None
    if network.prefixlen < WIDEST[network.version] or network.network_address == ip_address("::"):
        raise UnlawfulNarrowing(
            f"address {text!r}", sentence="So wide a network would narrow nothing. Please name a smaller one."
        )
    return str(network)
