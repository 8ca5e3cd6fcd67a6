"""`TokenIssuer`: an OpenID Connect issuer whose tokens stand for people or workloads here, and all agreed with it."""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from idp.domain.errors import Malformed

# What AWS takes too (IAM User Guide, OIDC federation); nothing that a shared secret could make is among them.
# PS256, EdDSA and their kin are good, and AWS takes none of them: STS would refuse what was let through here.
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
USUAL_ALGORITHMS = ("RS256", "ES256")
LONGEST_ADDRESS = 255
# AWS takes no token that is older, so that none need live longer.
LONGEST_LIFE = timedelta(hours=24)


class MalformedIssuer(Malformed):
    """An issuer that cannot be trusted as it is described."""

    code = "malformed-issuer"
    sentence = "This issuer cannot be trusted as it is described."

    def __init__(self, cause: str, *, field: str) -> None:
        """Keep which value is meant."""
        super().__init__(cause, sentence=cause)
        self.field = field


class Matched(StrEnum):
    """What of a person in the directory the issuer's claim is compared with; WORKLOAD: it speaks of programs only."""

    IDENTIFIER = "identifier"
    USERNAME = "username"
    MAIL = "mail"
    WORKLOAD = "workload"


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """One issuer; `seen_from` are the networks from which STS sees us, `once` whether a token serves once only.

    `longest` is how long a token may live in all. An issuer of workloads has no directory, and their claim is `sub`.
    """

    url: str
    audiences: tuple[str, ...]
    directory: str
    claim: str
    matched: Matched
    seen_from: tuple[str, ...]
    algorithms: tuple[str, ...] = USUAL_ALGORITHMS
    ca_file: str = ""
    once: bool = False
    loopback: bool = False
    longest: timedelta = LONGEST_LIFE

    def __post_init__(self) -> None:
        """Refuse what could be read in two ways, and algorithms that are not allowed here."""
        if len(self.url) > LONGEST_ADDRESS or not may_be_asked(self.url, loopback=self.loopback):
            raise MalformedIssuer("must be an https address without query", field="issuer")
        if not self.audiences or len(set(self.audiences)) != len(self.audiences):
            raise MalformedIssuer("needs at least one audience, each once", field="audiences")
        if not self.algorithms or not set(self.algorithms) <= set(ALGORITHMS):
            raise MalformedIssuer(
                f"possible are {', '.join(ALGORITHMS)}: AWS takes no others", field="algorithms"
            )
        if not timedelta() < self.longest <= LONGEST_LIFE:
            raise MalformedIssuer("a token may live for 24 hours at most", field="longest")
        if not self.seen_from or not all(map(_is_network, self.seen_from)):
            raise MalformedIssuer("names the networks from which STS sees this server", field="seen_from")

    @property
    def is_of_workloads(self) -> bool:
        """Whether its tokens speak of programs, which no directory knows."""
        return self.matched is Matched.WORKLOAD

    @property
    def name_in_aws(self) -> str:
        """The address without its scheme, as AWS names providers and condition keys."""
        return self.url.partition("://")[2]


def may_be_asked(url: str, *, loopback: bool) -> bool:
    """Whether an issuer may be asked at this address: by https, or in a demo by http on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if (
        not host
        or "@" in parts.netloc
        or "?" in url
        or "#" in url
        or not url.isascii()
        or not url.isprintable()
    ):
        return False
    return " " not in url and (
        parts.scheme == "https"
        or (loopback and parts.scheme == "http" and host in {"localhost", "127.0.0.1"})
    )


def _is_network(text: str) -> bool:
    try:
        return ipaddress.ip_network(text).prefixlen > 0
    except ValueError:
        return False
