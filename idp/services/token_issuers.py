"""The issuers whose tokens stand for people or workloads here, as the operator's file describes them."""

from datetime import timedelta
from functools import cache
from pathlib import Path

from idp.conf.access import access_config, web_identity_file
from idp.conf.directories import directory_config_of, directory_configs
from idp.domain.errors import NotFound
from idp.domain.token_issuer import LONGEST_LIFE, USUAL_ALGORITHMS, MalformedIssuer, Matched, TokenIssuer
from idp.oidc.keys import issuer_keys
from idp.services.issuers_file import IssuersFile
from idp.services.strict_yaml import Fields, MalformedFile, Problems, read_document

LONGEST = 255
SUBJECT = "sub"
# Of people, and of workloads.
USUAL_LIFE = (LONGEST_LIFE, timedelta(hours=2))
ISSUER_KEYS = frozenset(
    {
        "issuer", "audiences", "directory", "claim", "is", "algorithms", "ca_file", "once", "longest",
        "seen_from",
    }
)  # fmt: skip


class WebIdentityOff(NotFound):
    """No issuer is configured: there is nothing at this address."""

    code = "web-identity-off"


def token_issuers() -> tuple[TokenIssuer, ...]:
    """Every configured issuer as the file describes them now, none without a file.

    Refuses a file that is not wholly right, unless it was so before: then its last good reading holds.
    """
    path = web_identity_file()
    return issuers_file(path).issuers() if path is not None else ()


def workload_issuers() -> tuple[str, ...]:
    """The issuers whose tokens speak of workloads; none while the file cannot be read at all."""
    try:
        return tuple(one.url for one in token_issuers() if one.is_of_workloads)
    except MalformedFile:
        return ()


def issuers_problem() -> str | None:
    """What is wrong with the file of issuers as it is now, empty where nothing is; None where there is no file."""
    path = web_identity_file()
    if path is None:
        return None
    try:
        token_issuers()
    except MalformedFile as refusal:
        return refusal.cause
    return issuers_file(path).problem


def keep_issuers_fresh() -> None:
    """A change of the file holds within half a minute, and no request reads it: for processes that serve."""
    path = web_identity_file()
    if path is not None:
        issuers_file(path).watch()


@cache
def issuers_file(path: str) -> IssuersFile:
    """The one reading of this file in this process; keys of issuers that are no more in it are forgotten."""
    return IssuersFile(Path(path), read_issuers, issuer_keys.keep_only)


def read_issuers(octets: bytes) -> tuple[TokenIssuer, ...]:
    """The issuers of the file; refuses with every mistake in it, each with its place."""
    problems = Problems()
    document = read_document(octets, frozenset({"issuers"}), problems)
    issuers: dict[str, TokenIssuer] = {}
    for fields in document.entries("issuers", ISSUER_KEYS):
        issuer = _issuer(fields)
        if issuer is None:
            continue
        if issuer.url in issuers:
            fields.problem("issuer", f"{issuer.url} stands in the file twice")
        issuers[issuer.url] = issuer
    problems.refuse_if_any()
    return tuple(issuers.values())


def _issuer(fields: Fields) -> TokenIssuer | None:
    ca_file = fields.text("ca_file", longest=4_096)
    if ca_file and not Path(ca_file).is_file():
        fields.problem("ca_file", "is no file")
    matched = Matched(fields.choice("is", tuple(Matched), default=None))
    longest = fields.length("longest", default=None)
    try:
        return TokenIssuer(
            url=fields.text("issuer", longest=LONGEST, default=None),
            audiences=fields.texts("audiences", longest=LONGEST),
            directory=_directory(fields, matched),
            claim=_claim(fields, matched),
            matched=matched,
            seen_from=fields.texts("seen_from", longest=64),
            algorithms=fields.texts("algorithms", longest=5) or USUAL_ALGORITHMS,
            ca_file=ca_file,
            once=fields.flag("once", default=False),
            loopback=access_config().demo,
            longest=USUAL_LIFE[matched is Matched.WORKLOAD] if longest is None else longest,
        )
    except MalformedIssuer as error:
        fields.problem(error.field, error.told)
        return None


def _claim(fields: Fields, matched: Matched) -> str:
    """The claim that names the person; of a workload the rules say by which claims they mean it."""
    if matched is not Matched.WORKLOAD:
        return fields.text("claim", longest=LONGEST, default=None)
    if fields.has("claim"):
        fields.problem("claim", "is for people; rules name workloads by their subject or claims")
    return SUBJECT


def _directory(fields: Fields, matched: Matched) -> str:
    """The directory whose people these are; with one directory it need not be named, and workloads have none."""
    if matched is Matched.WORKLOAD:
        if fields.has("directory"):
            fields.problem("directory", "is for people; workloads are in none")
        return ""
    configs = directory_configs()
    name = fields.text("directory", longest=64, default=configs[0].name if len(configs) == 1 else None)
    if name and directory_config_of(name) is None:
        fields.problem("directory", f"{name!r} is not configured")
    return name
