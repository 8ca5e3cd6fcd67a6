"""Where a request came from: what every audit row and refusal is tied to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The client's address as far as trusted proxies vouch for it, its number, and the client's own name."""

    address: str
    reference: str
    client: str = ""
