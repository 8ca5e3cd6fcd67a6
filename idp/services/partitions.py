"""The operator's file of partitions: what they know better than we do of sign-in, consoles, STS and audiences.

A file that cannot be read whole starts nothing: the start-up check of every process says why. Commands that run
all the same find every partition off.
"""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from idp.conf.access import partition_file
from idp.domain.aws.signin import (
    DOCUMENTED,
    PartitionSignIn,
    host_grammar,
    in_partition,
    override_partitions,
    plain_text,
)
from idp.services.strict_yaml import Fields, MalformedFile, Problems, read_document

REGION = "{region}"
KEYS = frozenset(
    {"name", "enabled", "acs", "regional_acs", "home_region", "audience", "console", "console_hosts", "sts"}
)
LONGEST = 500


def apply_partition_file() -> None:
    """Partitions are as the file says where there is one, and all off where it cannot be read."""
    path = partition_file()
    if path is None:
        override_partitions({})
        return
    try:
        override_partitions(read_partitions(path.read_bytes()))
    except (OSError, MalformedFile):
        override_partitions({name: replace(known, enabled=False) for name, known in DOCUMENTED.items()})


def partition_file_problems() -> list[str]:
    """What keeps the file from being read, each with its place."""
    path = partition_file()
    if path is None:
        return []
    try:
        read_partitions(path.read_bytes())
    except OSError as error:
        return [f"it cannot be read: {error.strerror}"]
    except MalformedFile as refusal:
        return refusal.problems
    return []


def read_partitions(octets: bytes) -> dict[str, PartitionSignIn]:
    """The partitions that the file names, with what it says of each; refuses with every mistake in it."""
    problems = Problems()
    document = read_document(octets, frozenset({"partitions"}), problems)
    given: dict[str, PartitionSignIn] = {}
    for fields in document.entries("partitions", KEYS):
        name = fields.choice("name", tuple(DOCUMENTED), default=None)
        if name in given:
            fields.problem("name", f"{name} stands in the file twice")
        given[name] = _partition(fields, name)
    problems.refuse_if_any()
    return given


def _partition(fields: Fields, name: str) -> PartitionSignIn:
    known = DOCUMENTED[name]
    home = fields.text("home_region", longest=40) or known.home_region
    if not in_partition(home, name):
        fields.problem("home_region", f"is no region of {name}")
    audience = fields.text("audience", longest=LONGEST) or known.audience
    if not plain_text.fullmatch(audience):
        fields.problem("audience", "must be one word, such as urn:amazon:webservices")
    hosts = fields.texts("console_hosts", longest=LONGEST) or known.console_hosts
    if not all(host_grammar.fullmatch(host) for host in hosts):
        fields.problem("console_hosts", "must be names of hosts, such as console.aws.amazon.com")
    return replace(
        known,
        acs=_address(fields, "acs", known.acs, _is_address),
        regional_acs=_address(fields, "regional_acs", known.regional_acs, _is_template),
        home_region=home,
        audience=audience,
        console=_address(fields, "console", known.console, _is_address),
        console_hosts=hosts,
        sts=_address(fields, "sts", known.sts, _is_template),
        enabled=fields.flag("enabled", default=True) if fields.has("enabled") else None,
    )


def _address(fields: Fields, name: str, usual: str, is_sound: Callable[[str], bool]) -> str:
    text = fields.text(name, longest=LONGEST)
    if not text:
        return usual
    if not is_sound(text):
        place = f" with {REGION} once, in its host" if is_sound is _is_template else ""
        fields.problem(name, f"must be an https address{place}, without port, user, query and fragment")
    return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    host = parts.netloc
    return bool(
        plain_text.fullmatch(text)
        and host_grammar.fullmatch(host)
        and text.startswith(f"https://{host}")
        and not (parts.query or parts.fragment or "\\" in text or "?" in text or "#" in text)
    )


def _is_template(text: str) -> bool:
    """An address with the region once, in its host, and no other brackets."""
    host = text.removeprefix("https://").partition("/")[0]
    filled = text.replace(REGION, "region")
    return host.count(REGION) == text.count(REGION) == 1 and "{" not in filled and _is_address(filled)
