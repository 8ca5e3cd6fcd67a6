"""Whoever holds accesses, as the site knows them: a person by the directory's immutable identifier, or a workload."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from idp.domain.identity import LOCAL, WORKLOADS


class UserManager(BaseUserManager["User"]):
    """Finds people by account key; migrations do not use it."""

    use_in_migrations = False

    def get_by_natural_key(self, username: str | None) -> "User":
        """The person of this account key."""
        return self.get(account_key=username)


class User(AbstractBaseUser):
    """One person, one local break-glass administrator, or one workload.

    `account_key` is the directory's name and its immutable identifier, or `local:` and the name, or `workload:` and
    the digest of issuer and subject. Rows are never removed: session names and persistent identifiers are never
    given to someone else. All of them share one table so that no two share a session name.
    """

    account_key = models.CharField(max_length=255, unique=True, editable=False)
    directory = models.CharField(max_length=64, editable=False)
    username = models.CharField(max_length=255, db_index=True)
    display_name = models.CharField(max_length=255, blank=True)
    mail = models.CharField(max_length=320, blank=True)
    session_name = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 - null does not collide in a unique index
    persistent_id = models.CharField(max_length=64, unique=True, editable=False)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(editable=False)
    # Whatever was begun until then has to end, also what was still being written down.
    ends_before = models.DateTimeField("everything ends that began until", null=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "account_key"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        """Session names are unique whatever their case."""

        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(Lower("session_name"), name="one_person_per_session_name")]
        indexes = [
            models.Index(
                fields=["ends_before"],
                name="people_whose_all_ended",
                condition=models.Q(ends_before__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def is_local(self) -> bool:
        """Whether this is a break-glass administrator, who never gets a role."""
        return self.directory == LOCAL

    @property
    def is_workload(self) -> bool:
        """Whether this is a program, which takes roles by tokens only and never signs in."""
        return self.directory == WORKLOADS

    @property
    def is_superuser(self) -> bool:
        """Whether everything in the admin is open: staff is staff."""
        return self.is_active and self.is_staff

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:  # noqa: ARG002 - Django's protocol
        """Staff may use the whole admin."""
        return self.is_superuser

    def has_perms(self, perm_list: list[str], obj: models.Model | None = None) -> bool:
        """Staff may use the whole admin."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:  # noqa: ARG002 - Django's protocol
        """Staff may use the whole admin."""
        return self.is_superuser
