"""Make a signing key, promote the next one, and tell how ours is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from django.db import transaction

from idp.conf.saml import saml_config
from idp.domain.errors import SigningUnavailable
from idp.domain.events import AuditEvent
from idp.saml.errors import KeyUnusable
from idp.saml.key_files import CURVE_FOLDER
from idp.saml.key_making import KeyMade, free_place, key_to_promote, make_key, promote_key, sizes_of
from idp.saml.keys import signing_keys, watch_signing_keys
from idp.saml.token_keys import (
    free_token_place,
    make_token_key,
    promote_token_key,
    token_key_to_promote,
)
from idp.services.audit import write_event
from idp.services.provider_changes import Author

# Fault 19: enough time to make a key, have it registered in every account, and promote it.
WARNED_FROM_DAYS = 60
HINT_OF_ENDS = "Run `manage.py key_rollover publish`, give the new metadata to AWS, then switch."
HINT_OF_REMARKS = "Put the right file in its place, or take it away; the current key signs meanwhile."


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """Whether we can sign now; `cause` and `hint` say why not, `warning` what will need a hand soon.

    `may_start` is False for what must not serve at all: a key that others can read, one that cannot be read,
    or one whose certificate belongs to another. `days_left` is negative once the certificate has expired.
    """

    ok: bool
    cause: str
    hint: str
    may_start: bool
    days_left: int | None
    warning: str = ""


def keep_keys_fresh() -> None:
    """A change of the keys holds within seconds, and no sign-in reads a file for it: for processes that serve."""
    watch_signing_keys()


def key_status(*, now: datetime) -> KeyStatus:
    """How the signing key is at this moment, for health, doctor and the start-up checks."""
    days_left = None
    try:
        ring = signing_keys()
        days_left = (ring.current.valid_until - now).days
        ring.current.check_in_force(now)
        ring.current.check_there()
    except KeyUnusable as problem:
        return KeyStatus(False, problem.cause, problem.hint, problem.may_start, days_left)
    except SigningUnavailable as problem:
        hint = "Look after the token, DRAWBRIDGE_PKCS11_MODULE, _TOKEN and _PIN; nothing else signs in its place."
        return KeyStatus(False, problem.cause, hint, True, days_left)
    ends = []
    if days_left < WARNED_FROM_DAYS:
        ends.append(f"the signing certificate expires in {days_left} days")
    remarks = list(ring.remarks)
    for key in ring.further:
        left = (key.valid_until - now).days
        if left < WARNED_FROM_DAYS:
            told = f"expires in {left} days" if now < key.valid_until else "has expired"
            ends.append(f"the signing certificate on a curve {told}")
        try:
            key.check_there()
        except SigningUnavailable as problem:
            remarks.append(f"{problem.cause}: nothing is signed on a curve")
    hint = HINT_OF_ENDS if ends else HINT_OF_REMARKS if remarks else ""
    return KeyStatus(True, "", hint, True, days_left, "; ".join([*ends, *remarks]))


@dataclass(frozen=True, slots=True)
class Recorded:
    """Who changes a key; `check` is asked before the first file changes, while nobody else can change any."""

    author: Author
    check: Callable[[], None] = lambda: None
    details: Mapping[str, str | int | bool | None] = field(default_factory=dict)

    def by(self, event: AuditEvent, *, now: datetime) -> Callable[[KeyMade], None]:
        """What records this event when the running transaction commits."""

        def record(made: KeyMade) -> None:
            self.check()
            write_key_event(event, made, author=self.author, now=now, further=self.details)

        return record


UNNAMED = Recorded(Author(""))


def make_signing_key(
    *,
    now: datetime,
    bits: int = 2048,
    days: int = 1_095,
    curve: bool = False,
    recorded: Recorded = UNNAMED,
) -> KeyMade:
    """A fresh key is current where there was none, and next otherwise; its certificate is published at once.

    With `curve` it is one beside the others, for the services that ask for ECDSA.

    Refuses sizes and lives that are not allowed, and to replace a next key, which AWS may know already.
    """
    config, folder = saml_config(), folder_of(curve=curve)
    make = partial(make_token_key, folder, config.token) if config.token else partial(make_key, folder)
    with transaction.atomic():
        return make(
            bits=bits,
            days=days,
            name=f"Drawbridge signing {urlsplit(config.base_url).hostname}",
            now=now,
            record=recorded.by(AuditEvent.SIGNING_KEY_MADE, now=now),
        )


def folder_of(*, curve: bool) -> Path:
    """Where the keys of this kind lie, or the certificates of those in a token."""
    folder = saml_config().key_dir
    return folder / CURVE_FOLDER if curve else folder


def sizes_of_new_keys(*, curve: bool = False) -> tuple[int, ...]:
    """How many bits a new key may have."""
    return sizes_of(folder_of(curve=curve))


def promote_next_key(*, now: datetime, curve: bool = False, recorded: Recorded = UNNAMED) -> KeyMade:
    """The next key signs the next statement of every process; the former certificate stays published.

    Refuses where there is no next key, and one whose certificate does not hold now.
    """
    promote = promote_token_key if saml_config().token else promote_key
    with transaction.atomic():
        return promote(
            folder_of(curve=curve),
            now=now,
            record=recorded.by(AuditEvent.SIGNING_KEY_PROMOTED, now=now),
        )


def place_of_a_new_key(*, curve: bool = False) -> str:
    """Where `make_signing_key` would put a key: current or next; refuses where both are taken."""
    place = free_token_place if saml_config().token else free_place
    return place(folder_of(curve=curve))


def next_key(*, now: datetime, curve: bool = False) -> KeyMade:
    """The key that `promote_next_key` would promote; refuses where there is none that may sign now."""
    would_promote = token_key_to_promote if saml_config().token else key_to_promote
    return would_promote(folder_of(curve=curve), now=now)


def write_key_event(
    event: AuditEvent,
    made: KeyMade,
    *,
    author: Author,
    now: datetime,
    further: Mapping[str, str | int | bool | None],
) -> None:
    """What happened to which key is recorded when the running transaction commits."""
    write_event(
        event,
        at=now,
        origin=author.origin,
        account_key=author.account_key,
        person=author.person,
        details={
            "place": made.place,
            "bits": made.bits,
            "fingerprint": made.fingerprint,
            "valid_until": made.valid_until.isoformat(),
            "folder": str(Path(made.files[0]).parent),
            **further,
        },
    )
