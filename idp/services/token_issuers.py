"""The issuers whose tokens stand for people here, as the operator's file describes them; read once a process."""

from functools import cache
from pathlib import Path

from idp.conf import access_config, directory_config_of, directory_configs, web_identity_file
from idp.domain.errors import NotFound
from idp.domain.token_issuer import USUAL_ALGORITHMS, MalformedIssuer, Matched, TokenIssuer
from idp.services.strict_yaml import Fields, MalformedFile, Problems, read_document

LONGEST = 255
ISSUER_KEYS = frozenset(
    {
        "issuer", "audiences", "directory", "claim", "is", "algorithms", "ca_file", "once", "seen_from",
    }
)  # fmt: skip


class WebIdentityOff(NotFound):
    """No issuer is configured: there is nothing at this address."""

    code = "web-identity-off"


@cache
def token_issuers() -> tuple[TokenIssuer, ...]:
    """Every configured issuer, none without a file; refuses a file that is not wholly right."""
    path = web_identity_file()
    if path is None:
        return ()
    try:
        octets = Path(path).read_bytes()
    except OSError as error:
        raise MalformedFile([f"{path} cannot be read: {error.strerror}"]) from error
    return read_issuers(octets)


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
    try:
        return TokenIssuer(
            url=fields.text("issuer", longest=LONGEST, default=None),
            audiences=fields.texts("audiences", longest=LONGEST),
            directory=_directory(fields),
            claim=fields.text("claim", longest=LONGEST, default=None),
            matched=Matched(fields.choice("is", tuple(Matched), default=None)),
            seen_from=fields.texts("seen_from", longest=64),
            algorithms=fields.texts("algorithms", longest=5) or USUAL_ALGORITHMS,
            ca_file=ca_file,
            once=fields.flag("once", default=False),
            loopback=access_config().demo,
        )
    except MalformedIssuer as error:
        fields.problem(error.field, error.told)
        return None


def _directory(fields: Fields) -> str:
    """The directory whose people these are; with one directory it need not be named."""
    configs = directory_configs()
    name = fields.text("directory", longest=64, default=configs[0].name if len(configs) == 1 else None)
    if name and directory_config_of(name) is None:
        fields.problem("directory", f"{name!r} is not configured")
    return name
