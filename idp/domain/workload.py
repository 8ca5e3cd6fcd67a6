"""`Workload`: a program that an issuer's tokens speak of, and no person: named by its subject, or by its claims.

Issuers such as those of build services speak for everybody's programs alike. What a pattern leaves open is chosen
by whoever has a token of the same issuer: so a permission names the owner as plain text, and leaves open only what
is the owner's own.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.re2_patterns import MalformedRule, compile_pattern, literal_start
from idp.domain.token_issuer import LONGEST_ADDRESS, may_be_asked

LONGEST_VALUE: Final = 255
MOST_CLAIMS: Final = 10
# What says for whom and for when a token was made says nothing of a workload.
NO_CLAIMS_OF_ITS_OWN: Final = frozenset({"iss", "aud", "azp", "exp", "iat", "nbf", "jti", "at_hash", "nonce"})
# Claims that the issuer sets by who owns the workload; nobody else can have them.
OWNER_CLAIMS: Final = frozenset(
    {
        "sub", "repository", "repository_id", "repository_owner", "repository_owner_id", "enterprise",
        "enterprise_id", "project_path", "project_id", "namespace_path", "namespace_id", "organization_id",
        "terraform_organization_id", "workspaceUuid", "repositoryUuid", "client_id", "appid", "oid",
    }
)  # fmt: skip
# A text that ends the owner's name and goes on with what is theirs: `repo:acme/`, `system:serviceaccount:pay:`.
OWNED_STARTS: Final = {
    "sub": re.compile(
        r"(?:(?:repo|repository|project_path):[^/:]+/|org/[^/]+/|system:serviceaccount:[^:]+:"
        r"|(?:repository_owner|repository_owner_id|repository_id|namespace_path|namespace_id|project_id"
        r"|organization):[^:]+:).*",
        re.ASCII | re.DOTALL,
    ),
    "repository": re.compile(r"[^/]+/.*", re.ASCII | re.DOTALL),
    "project_path": re.compile(r"[^/]+/.*", re.ASCII | re.DOTALL),
}
# Plain text, and choices among plain texts: nothing is left open.
closed_grammar = re.compile(r"(?:[A-Za-z0-9_=@,:/ -]|\\[^A-Za-z0-9]|\(\?:|[()|^$])+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload by its subject, or all of one owner that meet a pattern for each of some claims."""

    issuer: str
    subject: str | None = None
    claims: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what names nobody, what is read in two ways, and patterns that RE2 does not know."""
        if len(self.issuer) > LONGEST_ADDRESS or not may_be_asked(self.issuer, loopback=True):
            raise _malformed("issuer", "The issuer is an https address, exactly as tokens have it in iss.")
        if (self.subject is None) == (not self.claims):
            raise _malformed("subject", "A workload is named either by its subject or by its claims.")
        if self.subject is not None and not _is_value(self.subject):
            raise _malformed("subject", f"A subject has 1 to {LONGEST_VALUE} characters that can be printed.")
        if self.subject is not None and "*" in self.subject:
            raise _malformed(
                "subject",
                "A subject is compared as it stands, and * stands for nothing: use a pattern on sub.",
            )
        self._check_claims()

    def _check_claims(self) -> None:
        names = [name for name, _ in self.claims]
        if len(names) > MOST_CLAIMS or len(set(names)) != len(names) or names != sorted(names):
            raise _malformed("claims", f"At most {MOST_CLAIMS} claims can be named, each once.")
        for name, pattern in self.claims:
            if not _is_value(name) or name in NO_CLAIMS_OF_ITS_OWN:
                raise _malformed("claims", f"The claim {name!r} says nothing of a workload.")
            try:
                says_nothing = bool(compile_pattern(pattern).fullmatch(b""))
            except MalformedRule as error:
                raise _malformed("claims", f"{name}: {error.told}") from error
            if says_nothing:
                raise _malformed("claims", f"The pattern of {name} would take an empty claim.")

    @property
    def names_its_owner(self) -> bool:
        """Whether nobody but one owner's workloads can meet it: what a permission needs."""
        return self.subject is not None or any(_names_owner(name, pattern) for name, pattern in self.claims)

    def group_id(self, *, denies: bool) -> str:
        """The name under which the engine knows whoever meets this; no directory has groups of such names."""
        said = json.dumps([self.issuer, self.subject, self.claims, denies])
        return f"Workload {hashlib.sha256(said.encode()).hexdigest()}"

    def is_met(self, claims: Mapping[str, Any], *, denies: bool) -> bool:
        """Whether these verified claims are of this workload: beyond doubt for a permission, perhaps for a denial.

        A permission needs each claim as an ASCII text; a denial takes a claim that cannot be read for one that it
        means.
        """
        wanted = self.claims if self.subject is None else (("sub", ""),)
        return all(self._meets(name, pattern, claims, denies=denies) for name, pattern in wanted)

    def _meets(self, name: str, pattern: str, claims: Mapping[str, Any], *, denies: bool) -> bool:
        if name not in claims:
            return False
        value = claim_text(claims[name])
        if value is None:
            return denies
        if self.subject is not None:
            return value == self.subject or (denies and value.casefold() == self.subject.casefold())
        if not denies and not (value.isascii() and value.isprintable()):
            return False
        return bool(compile_pattern(pattern).fullmatch(value.encode(errors="replace")))

    def __str__(self) -> str:
        said = self.subject if self.subject is not None else ", ".join(f"{n}={p}" for n, p in self.claims)
        return f"{said} of {self.issuer}"


def claim_text(value: object) -> str | None:
    """The claim as a text; None where it is anything that could be read in two ways."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value else None


def account_id(issuer: str, subject: str) -> str:
    """The name under which everything of this workload is kept: its issuer and subject, and nobody else's."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()


def _names_owner(name: str, pattern: str) -> bool:
    if name not in OWNER_CLAIMS:
        return False
    if closed_grammar.fullmatch(pattern):
        return True
    owned = OWNED_STARTS.get(name)
    return owned is not None and owned.fullmatch(literal_start(pattern)) is not None


def _is_value(text: str) -> bool:
    return 0 < len(text) <= LONGEST_VALUE and text.isprintable() and text == text.strip()


def _malformed(field: str, sentence: str) -> MalformedRule:
    return MalformedRule(sentence, sentence=sentence, field=f"workload.{field}")
