"""Who is known to have a signing certificate of ours: what a rollover waits for."""

from django.db import models


class KeyConfirmation(models.Model):
    """One AWS account or service provider that is known to believe one certificate."""

    fingerprint = models.CharField(max_length=95)
    party = models.CharField(max_length=1_024)
    confirmed_at = models.DateTimeField()
    confirmed_by = models.CharField(max_length=255)

    class Meta:
        """Confirmed once."""

        verbose_name = "signing key"
        verbose_name_plural = "signing key"
        permissions = [("roll_signing_key", "May publish, switch, take back and retire signing keys")]
        constraints = [
            models.UniqueConstraint("fingerprint", "party", name="one_confirmation_per_key_and_party")
        ]

    def __str__(self) -> str:
        return f"{self.party} has {self.fingerprint[:23]}"


class KeyAbsence(models.Model):
    """One AWS account that was read and did not have a certificate, or could not be read, when it was last looked."""

    fingerprint = models.CharField(max_length=95)
    party = models.CharField(max_length=1_024)
    looked_at = models.DateTimeField()
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        """As it was last seen."""

        constraints = [models.UniqueConstraint("fingerprint", "party", name="one_absence_per_key_and_party")]

    def __str__(self) -> str:
        return f"{self.party} has not {self.fingerprint[:23]}"
