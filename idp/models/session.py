"""The site's own session engine: hashed key, person, last seen at most once a minute.

A stolen copy of the table opens nothing: the cookie's value is not in it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from idp.conf.access import access_config
from idp.models.compiled import CompiledQuery, from_values, insert_together
from idp.models.service_provider import PersistentNameId
from idp.models.service_session import ServiceSession
from idp.models.user import User

SEEN_AT_MOST_EVERY = timedelta(minutes=1)


class SiteSessionQuerySet(models.QuerySet["SiteSession"]):
    """Named filters."""

    def open_at(self, now: datetime) -> Self:
        """Those with which somebody is signed in, within the idle and the absolute limit."""
        limits = access_config()
        return self.filter(seen_at__gt=now - limits.idle_for, signed_in_at__gt=now - limits.absolute_for)


class SiteSession(models.Model):
    """One browser's session; `signed_in_at` is empty until somebody has signed in with it."""

    key_hash = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="site_sessions")
    data = models.TextField(default="")
    created_at = models.DateTimeField()
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(db_index=True)
    browser = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=45, blank=True)

    objects: ClassVar[models.Manager["SiteSession"]] = models.Manager.from_queryset(SiteSessionQuerySet)()

    def __str__(self) -> str:
        return f"{self.key_hash[:8]}…"

    def is_over(self, now: datetime) -> bool:
        """Whether the idle or the absolute limit has passed."""
        limits = access_config()
        began_at = self.signed_in_at or self.created_at
        return self.seen_at + limits.idle_for <= now or began_at + limits.absolute_for <= now


def hash_key(session_key: str) -> str:
    """What the table holds instead of the cookie's value, which has 256 random bits: a plain hash suffices."""
    return hashlib.sha256(session_key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """A session with its person, and the persistent name of that very person at the service that was asked about."""

    row: SiteSession
    name_there: str | None = None


def find_session(key_hash: str, *, service: str = "") -> Found | None:
    """The session of this key, whether it still holds or not; every request asks this, with a service or without."""
    values = session_and_name.row(service, key_hash) if service else session_with_user.row(key_hash)
    if values is None:
        return None
    # The session's own columns come first, then the name where one was asked for, then the person's.
    name = values.pop(OWN_COLUMNS) if service else None
    row = from_values(SiteSession, values[:OWN_COLUMNS])
    row.user = from_values(User, values[OWN_COLUMNS:]) if row.user_id is not None else None
    return Found(row, name)


session_with_user = CompiledQuery(lambda: SiteSession.objects.select_related("user").filter(key_hash=""))
session_and_name = CompiledQuery(
    lambda: (
        SiteSession.objects.select_related("user")
        .annotate(
            name_there=models.Subquery(
                PersistentNameId.objects.filter(entity_id="")
                .filter(account_key=models.OuterRef("user__account_key"))
                .values("value")[:1]
            )
        )
        .filter(key_hash="")
    )
)
OWN_COLUMNS = len(SiteSession._meta.concrete_fields)


class SessionStore(SessionBase):
    """Django's session protocol over `SiteSession`; expiry is true when read."""

    def __init__(self, session_key: str | None = None) -> None:
        """Read nothing yet."""
        super().__init__(session_key)
        self.row: SiteSession | None = None
        # A service, and the persistent name that the session's person has there.
        self._named: tuple[str, str] | None = None
        self._service = ""

    def name_at(self, service: str) -> str | None:
        """The persistent name that the person has at this service, read with the session; None where it was not.

        To be asked before anything else, as the session is read once.
        """
        self._service = service
        if self.user is None or self._named is None or self._named[0] != service:
            return None
        return self._named[1]

    @property
    def user(self) -> User | None:
        """The person who signed in with this session, if it still holds."""
        self._get_session()  # type: ignore[attr-defined] # SessionBase's own lazy loader, which the stubs leave out
        return self.row.user if self.row else None

    @property
    def signed_in_at(self) -> datetime | None:
        """When the person signed in with this session."""
        return self.row.signed_in_at if self.user and self.row else None

    def sign_in(self, user: User, *rows: models.Model, browser: str, address: str, now: datetime) -> None:
        """Give the session to this person under a new key; the old key is worth nothing afterwards (WB-01).

        These rows are written with it.
        Services that know the old one know the new one instead, if it is the same person who has signed in again.
        """
        before, self._named = self.user, None
        old_hash = self.row.key_hash if before is not None and before.pk == user.pk and self.row else None
        self.flush()
        self._session_key = self._get_new_session_key()
        self._session_cache: dict[str, Any] = {}
        self.row = SiteSession(
            key_hash=self._key_hash(),
            user=user,
            created_at=now,
            signed_in_at=now,
            seen_at=now,
            browser=browser[:200],
            address=address,
        )
        insert_together(self.row, *rows)
        if old_hash is not None:
            ServiceSession.objects.filter(session_hash=old_hash).update(session_hash=self.row.key_hash)
        self.modified = True

    def load(self) -> dict[str, Any]:
        """The data of a session that is known and not over; anything else is a new, empty session."""
        now = timezone.now()
        found = find_session(self._key_hash(), service=self._service)
        row = found.row if found is not None else None
        if row is None or row.is_over(now) or (row.user is not None and not row.user.is_active):
            self._session_key = None
            self.row = self._named = None
            return {}
        if row.seen_at + SEEN_AT_MOST_EVERY <= now:
            row.seen_at = now
            SiteSession.objects.filter(pk=row.pk).update(seen_at=now)
        self.row = row
        self._named = (self._service, found.name_there) if found is not None and found.name_there else None
        return self.decode(row.data) if row.data else {}

    def exists(self, session_key: str) -> bool:
        """Whether this key is taken."""
        return SiteSession.objects.filter(key_hash=hash_key(session_key)).exists()

    def create(self) -> None:
        """A new row under a fresh key; nobody is signed in with it."""
        while True:
            self._session_key = self._get_new_session_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's protocol
        """Write what has changed; refuses to bring back a row that was removed meanwhile (signed out elsewhere)."""
        if self.session_key is None:
            self.create()
            return
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined] # likewise
        encoded = self.encode(data) if data else ""
        if must_create:
            self._insert(encoded)
        elif self.row is not None and self.row.data == encoded:
            return
        elif not SiteSession.objects.filter(key_hash=self._key_hash()).update(data=encoded):
            raise UpdateError
        elif self.row is not None:
            self.row.data = encoded

    def _insert(self, encoded: str) -> None:
        now = timezone.now()
        row = SiteSession(key_hash=self._key_hash(), data=encoded, created_at=now, seen_at=now)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise CreateError from error
        self.row = row

    def delete(self, session_key: str | None = None) -> None:
        """The session is worth nothing from here on."""
        key = session_key or self.session_key
        if key is not None:
            SiteSession.objects.filter(key_hash=hash_key(key)).delete()
        if key == self.session_key:
            self.row = self._named = None

    @classmethod
    def clear_expired(cls) -> None:
        """Rows past the idle limit are gone."""
        SiteSession.objects.filter(seen_at__lte=timezone.now() - access_config().idle_for).delete()

    def _get_new_session_key(self) -> str:
        """A fresh key; 256 random bits cannot be taken already, so the table is not asked."""
        return secrets.token_urlsafe(32)

    def _key_hash(self) -> str:
        return hash_key(self.session_key or "")
