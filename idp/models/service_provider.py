"""Service providers that believe our statements, and the persistent names that people have there."""

import secrets
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Lower

from idp.domain.encryption_scheme import USUAL_SCHEME, EncryptionScheme
from idp.domain.provider_kind import ProviderKind
from idp.domain.saml_names import NameIdFormat, SignatureAlgorithm

VERSION_BITS = 62


def new_version() -> int:
    """A number that no row has had before, nor will have again after a restored backup."""
    return secrets.randbits(VERSION_BITS)


class ProviderQuerySet(models.QuerySet["ServiceProvider"]):
    """Changes in bulk give new versions too."""

    def update(self, **kwargs: Any) -> int:
        """Change these rows; every process reads them again."""
        kwargs.setdefault("version", new_version())
        return super().update(**kwargs)

    def bulk_create(
        self, objs: Iterable["ServiceProvider"], *args: Any, **kwargs: Any
    ) -> list["ServiceProvider"]:
        """Add these rows, each under a version of its own."""
        rows = list(objs)
        for row in rows:
            row.version = new_version()
        return super().bulk_create(rows, *args, **kwargs)

    def bulk_update(
        self, objs: Iterable["ServiceProvider"], fields: Iterable[str], *args: Any, **kwargs: Any
    ) -> int:
        """Change these rows; every process reads them again."""
        rows = list(objs)
        for row in rows:
            row.version = new_version()
        return super().bulk_update(rows, [*fields, "version"], *args, **kwargs)


class ServiceProvider(models.Model):
    """One service that believes our statements, as it was agreed.

    Endpoints, attributes, groups and certificates are lists in the row: a service is read whole or not at all,
    by one statement. Whatever changes the row gives it a new version, by which every process knows whether
    what it has read still holds.
    """

    entity_id = models.CharField("entity ID", max_length=1_024, unique=True)
    name = models.CharField(max_length=100)
    kind = models.CharField(
        max_length=20,
        choices=[(kind.value, kind.value) for kind in ProviderKind],
        default=ProviderKind.GENERIC.value,
    )
    enabled = models.BooleanField(default=False)
    acs = models.JSONField("assertion consumer services", default=list)
    logout = models.JSONField("single logout services", default=list, blank=True)
    name_id_format = models.CharField(
        "format of the name identifier",
        max_length=100,
        choices=[(name.value, name.name.lower()) for name in NameIdFormat],
        default=NameIdFormat.PERSISTENT.value,
    )
    name_id_source = models.CharField(
        "source of the name identifier",
        max_length=200,
        blank=True,
        help_text="For e-mail and unspecified: person:mail, person:username or directory:ATTRIBUTE.",
    )
    omit_name_id = models.BooleanField(
        "no name identifier",
        default=False,
        db_default=False,
        help_text="It learns attributes only, and cannot be told when somebody signs out here.",
    )
    attributes = models.JSONField(default=list, blank=True)
    for_everyone = models.BooleanField(
        default=False, help_text="Everybody who may sign in may use it, whatever their groups."
    )
    groups = models.JSONField(default=list, blank=True)
    want_signed_requests = models.BooleanField(
        "requests must be signed", default=False, help_text="Requests without a good signature are refused."
    )
    signing_certificates = models.JSONField(default=list, blank=True)
    encrypt_assertions = models.BooleanField(default=False)
    encryption_certificate = models.TextField(max_length=16_384, blank=True)
    encryption_scheme = models.CharField(
        max_length=60,
        choices=[(scheme.value, scheme.value) for scheme in EncryptionScheme],
        default=USUAL_SCHEME.value,
        # The code of the release before writes rows without it.
        db_default=USUAL_SCHEME.value,
    )
    signature_algorithm = models.CharField(
        max_length=100,
        choices=[(name.value, name.name.lower().replace("_", "-")) for name in SignatureAlgorithm],
        default=SignatureAlgorithm.RSA_SHA256.value,
    )
    sign_response = models.BooleanField(default=True)
    sign_assertion = models.BooleanField(default=True)
    session_seconds = models.PositiveIntegerField(
        "session (seconds)",
        null=True,
        blank=True,
        help_text="How long its session lasts at most (SessionNotOnOrAfter), 300 to 86400. Empty: not said.",
    )
    default_relay_state = models.CharField(
        max_length=2_048, blank=True, help_text="Sent where a person starts here and asks for nothing else."
    )
    note = models.TextField(max_length=2_000, blank=True)
    metadata_url = models.CharField(
        "metadata address", max_length=2_048, blank=True, help_text="https; read again on the timetable."
    )
    metadata_certificate = models.TextField(
        "certificate of the metadata's signature",
        max_length=16_384,
        blank=True,
        help_text="PEM or base64. With it only metadata signed by its key is taken.",
    )
    wishes = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), editable=False)
    believed_until = models.DateTimeField("metadata valid until", null=True, blank=True, editable=False)
    refreshed_at = models.DateTimeField("metadata read", null=True, blank=True, editable=False)
    refresh_due_at = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)
    refresh_problem = models.CharField(max_length=300, blank=True, editable=False)
    certificates_until = models.DateTimeField("certificates until", null=True, editable=False, db_index=True)
    certificates_told = models.SmallIntegerField(null=True, editable=False)
    metadata_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    version = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager.from_queryset(ProviderQuerySet)()

    class Meta:
        """In the order of the names."""

        verbose_name = "service provider"
        ordering = ["name", "entity_id"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row under a new version."""
        self.version = new_version()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "version"}
        super().save(*args, **kwargs)


class PersistentNameId(models.Model):
    """The opaque name of one person at one service: given once, never to somebody else, and kept through renames.

    Both sides are written out: the name outlives the service's registration and comes before the person's
    first sign-in, when it is taken over from another identity provider.
    """

    entity_id = models.CharField("service provider", max_length=1_024)
    account_key = models.CharField(max_length=255)
    value = models.CharField(max_length=256)
    created_at = models.DateTimeField()

    class Meta:
        """One name a person and service; no two names that differ by their case only."""

        verbose_name = "persistent name identifier"
        constraints = [
            models.UniqueConstraint("entity_id", "account_key", name="one_name_id_per_person_and_provider"),
            models.UniqueConstraint("entity_id", Lower("value"), name="one_person_per_name_id"),
        ]

    def __str__(self) -> str:
        return f"{self.value} at {self.entity_id}"


class SubjectIdentifier(models.Model):
    """What stands before the @ of a person's `subject-id` (without a service) or `pairwise-id` (at one service).

    Both sides are written out, for the same reasons as with persistent names.
    """

    entity_id = models.CharField("service provider", max_length=1_024, blank=True)
    account_key = models.CharField(max_length=255)
    value = models.CharField(max_length=127)
    created_at = models.DateTimeField()

    class Meta:
        """One identifier a person and service; nobody else's differs by its case only, wherever it is valid."""

        constraints = [
            models.UniqueConstraint("account_key", "entity_id", name="one_subject_identifier_per_person"),
            models.UniqueConstraint(Lower("value"), name="one_person_per_subject_identifier"),
        ]

    def __str__(self) -> str:
        return f"{self.value} at {self.entity_id or 'every service'}"


class EntryNameId(models.Model):
    """Whose a name at one service is that comes from people's own entries, such as a mail address.

    The first who is called so there has it, until an operator releases it: a service that knows people by
    mail address must not take the next one with that address for the first.
    """

    entity_id = models.CharField("service provider", max_length=1_024)
    value_sha256 = models.CharField(max_length=64)
    value = models.CharField(max_length=1_024)
    account_key = models.CharField(max_length=255)
    created_at = models.DateTimeField()

    class Meta:
        """One person for a name, in whatever spelling a service takes for the same."""

        verbose_name = "name identifier from an entry"
        verbose_name_plural = "name identifiers from entries"
        constraints = [
            models.UniqueConstraint("entity_id", "value_sha256", name="one_person_per_entry_name_id")
        ]

    def __str__(self) -> str:
        return f"{self.value} at {self.entity_id}"
