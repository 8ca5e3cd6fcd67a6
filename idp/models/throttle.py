"""Counters of failed sign-ins, per name and per address."""

from django.db import models


class SignInCounter(models.Model):
    """How often one key has failed since `since`; `key` is a kind and a hash, never a typed name."""

    key = models.CharField(max_length=80, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    blocked_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
