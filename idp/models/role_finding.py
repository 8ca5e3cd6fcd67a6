"""How AWS differed from what is registered here, when it was last looked at."""

from django.db import models


class RoleFinding(models.Model):
    """One difference of one account or role."""

    scope = models.CharField(max_length=12, blank=True, db_index=True)
    kind = models.CharField(max_length=40)
    account = models.CharField(max_length=12)
    role_arn = models.CharField(max_length=640, blank=True)
    detail = models.CharField(max_length=500)
    found_at = models.DateTimeField()

    class Meta:
        """By account."""

        ordering = ["account", "role_arn", "kind"]

    def __str__(self) -> str:
        return f"{self.kind} {self.role_arn or self.account}"


class AccountCheck(models.Model):
    """When an account was last looked at."""

    account = models.CharField(max_length=12, primary_key=True)
    checked_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.account} at {self.checked_at:%Y-%m-%d %H:%M}"
