"""Taking over from another identity provider: its key, its name, and what its services call people.

Afterwards AWS and every service believe us without having been touched: they see the same issuer, the same
certificate and the same persistent names.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from idp.conf.saml import saml_config
from idp.domain.errors import Malformed, Refused
from idp.domain.events import AuditEvent
from idp.domain.identity import DirectoryIdentity
from idp.domain.name_id import check_opaque
from idp.domain.provider_kind import ProviderKind
from idp.domain.ready_made import AWS_AUDIENCES
from idp.domain.service_provider import check_entity_id
from idp.models import PersistentNameId, ServiceProvider, User
from idp.saml.errors import KeyChangeRefused
from idp.saml.identity_metadata import read_identity_provider
from idp.saml.key_import import import_key
from idp.saml.key_making import KeyMade
from idp.saml.keys import signing_keys
from idp.services.audit import write_event
from idp.services.identity import find_identity
from idp.services.keys import Recorded
from idp.services.people import person_of
from idp.services.provider_changes import Author

COLUMNS = ["entity_id", "username", "name_id"]
LONGEST_FILE = 64_000_000
LONGEST_AWS_NAME = 64
MOST_PROBLEMS = 50


class NamesRefused(Malformed):
    """A file of names that was not taken over; nothing of it was."""

    code = "names-refused"
    sentence = "Nothing was taken over."


@dataclass(frozen=True, slots=True)
class Named:
    """One line of the file: who is called what at which service."""

    line: int
    entity_id: str
    username: str
    name_id: str


@dataclass(frozen=True, slots=True)
class NamesReport:
    """What became of a file of names."""

    added: int
    known: int
    replaced: int


def take_over_key(
    *, key_pem: bytes, certificate_pem: bytes, password: bytes | None, operator: str, now: datetime
) -> KeyMade:
    """The other provider's key is ours: current where there was none, and next otherwise.

    Refuses where keys are in a token: what has been a file is none that never left it.
    """
    if saml_config().token:
        raise KeyChangeRefused(
            sentence="Keys are in a token: take the key over there, and its certificate here."
        )
    with transaction.atomic():
        return import_key(
            saml_config().key_dir,
            key_pem=key_pem,
            certificate_pem=certificate_pem,
            password=password,
            now=now,
            record=Recorded(Author(operator)).by(AuditEvent.SIGNING_KEY_MADE, now=now),
        )


def differences_to(metadata: bytes) -> list[str]:
    """What services would see change, compared with the other provider's metadata; empty where nothing would."""
    theirs, config = read_identity_provider(metadata), saml_config()
    told = []
    if theirs.entity_id != config.entity_id:
        told.append(
            f"It calls itself {theirs.entity_id}, we {config.entity_id}: set DRAWBRIDGE_ENTITY_ID to its name."
        )
    ours = signing_keys().current.certificate
    if ours not in theirs.signing_certificates:
        told.append("Our signing certificate is none of its own: take its key over, or have ours registered.")
    told += [
        f"Services that begin a sign-in go to {location}, which is not below {config.base_url}: let that address"
        " lead here, or give those services our metadata."
        for location in theirs.sign_on_locations
        if not location.startswith(f"{config.base_url}/saml/sso/")
    ]
    return told


def take_over_names(
    octets: bytes, *, operator: str, now: datetime, dry_run: bool = False, replace: bool = False
) -> NamesReport:
    """People are called at each service what the other provider called them, all lines of the file or none.

    Refuses lines that cannot be read, people whom the directory does not know, names that somebody else has,
    and to change a name that was given already, unless `replace` says so; tells the lines.
    """
    named = list(_read(octets))
    problems: list[str] = []
    with transaction.atomic():
        report = _write(named, problems, now=now, replace=replace)
        if problems:
            transaction.set_rollback(True)
            raise NamesRefused(
                f"{len(problems)} problems",
                sentence="Nothing was taken over. " + " ".join(problems[:MOST_PROBLEMS]),
            )
        if dry_run:
            transaction.set_rollback(True)
        else:
            write_event(
                AuditEvent.IDENTITY_TAKEN_OVER,
                at=now,
                person=operator,
                details={"added": report.added, "known": report.known, "replaced": report.replaced},
            )
    return report


def _read(octets: bytes) -> Iterator[Named]:
    if len(octets) > LONGEST_FILE:
        raise NamesRefused(sentence=f"The file is larger than {LONGEST_FILE} octets.")
    try:
        rows = list(csv.reader(io.StringIO(octets.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise NamesRefused(str(error), sentence="The file is no CSV in UTF-8.") from error
    if not rows or rows[0] != COLUMNS:
        raise NamesRefused(sentence=f"The first line must be {','.join(COLUMNS)}.")
    for number, row in enumerate(rows[1:], start=2):
        if row:
            if len(row) != len(COLUMNS):
                raise NamesRefused(
                    sentence=f"Line {number} has {len(row)} columns instead of {len(COLUMNS)}."
                )
            yield Named(number, *row)


def _write(named: list[Named], problems: list[str], *, now: datetime, replace: bool) -> NamesReport:
    people: dict[str, DirectoryIdentity] = {}
    counts = {"added": 0, "known": 0, "replaced": 0}
    of_aws = set(
        ServiceProvider.objects.filter(kind=ProviderKind.AWS.value).values_list("entity_id", flat=True)
    )
    for one in named:
        try:
            check_entity_id(one.entity_id)
            check_opaque(one.name_id)
            if one.username not in people:
                people[one.username] = find_identity(one.username, now=now)
            give = (
                _give_at_aws if one.entity_id in of_aws or one.entity_id.startswith(AWS_AUDIENCES) else _give
            )
            with transaction.atomic():
                counts[give(one, people[one.username], now=now, replace=replace)] += 1
        except Refused as refusal:
            problems.append(f"Line {one.line} ({one.username[:80]}): {refusal.told}")
        except IntegrityError:
            problems.append(f"Line {one.line} ({one.username[:80]}): somebody else has this name there.")
    return NamesReport(**counts)


def _give(one: Named, identity: DirectoryIdentity, *, now: datetime, replace: bool) -> str:
    row = PersistentNameId.objects.filter(entity_id=one.entity_id, account_key=identity.account_key).first()
    if row is None:
        PersistentNameId.objects.create(
            entity_id=one.entity_id, account_key=identity.account_key, value=one.name_id, created_at=now
        )
        return "added"
    if row.value == one.name_id:
        return "known"
    _check_replace(replace=replace)
    row.value = one.name_id
    row.save(update_fields=["value"])
    return "replaced"


def _give_at_aws(one: Named, identity: DirectoryIdentity, *, now: datetime, replace: bool) -> str:
    """In AWS a person has one name for all accounts and partitions: that of the person's own row."""
    if len(one.name_id) > LONGEST_AWS_NAME:
        raise NamesRefused(sentence=f"a name for AWS has at most {LONGEST_AWS_NAME} characters.")
    person = User.objects.filter(account_key=identity.account_key).first()
    is_new = person is None
    person = person or person_of(identity, is_staff=False, now=now)
    if person.persistent_id == one.name_id:
        return "known"
    if not is_new:
        _check_replace(replace=replace)
    person.persistent_id = one.name_id
    person.save(update_fields=["persistent_id"])
    return "added" if is_new else "replaced"


def _check_replace(*, replace: bool) -> None:
    if not replace:
        raise NamesRefused(sentence="we call this person something else there already; --replace changes it.")
