"""Requests of service providers under way: which were taken already, which wait for a sign-in, which were refused."""

from django.db import models

from idp.models.compiled import Condition


class ClaimedMessage(models.Model):
    """A message that was taken: sender and ID, hashed; the mark outlives the time in which it could be used."""

    digest = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.digest[:8]}…"


class ParkedRequest(models.Model):
    """A request that waits until its person has signed in: sealed once it was checked, a logout as it arrived.

    Neither the address of its page nor the cookie that binds it to one browser can be read from the table.
    """

    key_hash = models.CharField(max_length=64, primary_key=True)
    browser_hash = models.CharField(max_length=64)
    binding = models.CharField(max_length=8)
    raw = models.TextField()
    # Whose it is nobody knows yet; how much waits is counted by where it came from.
    address = models.CharField(max_length=45, db_default="")
    network = models.CharField(max_length=45, db_default="")
    octets = models.PositiveIntegerField(db_default=0)
    received_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        """What an address holds, and what all hold together, is read from the index alone."""

        indexes = [models.Index(fields=["address", "expires_at", "octets"], name="what_waits_by_address")]

    def __str__(self) -> str:
        return f"{self.binding} request of {self.received_at:%Y-%m-%d %H:%M:%S}"

    @staticmethod
    def is_taken(key_hash: str) -> Condition:
        """The condition that this one still waited: from then on it does not."""
        return Condition("DELETE FROM idp_parkedrequest WHERE key_hash = %s RETURNING TRUE", (key_hash,))


class RefusalCount(models.Model):
    """How often within one minute messages of nobody in particular were refused, by reason and address."""

    reason = models.CharField(max_length=80)
    address = models.CharField(max_length=45)
    minute = models.DateTimeField(db_index=True)
    number = models.PositiveIntegerField(default=1)

    class Meta:
        """One row for a reason, an address and a minute."""

        constraints = [
            models.UniqueConstraint("reason", "address", "minute", name="one_count_per_reason_and_minute")
        ]

    def __str__(self) -> str:
        return f"{self.number} times {self.reason}"
