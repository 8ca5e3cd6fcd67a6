"""How the regions of AWS are: as they were last probed, and which an operator has switched off."""

from django.db import models


class RegionHealth(models.Model):
    """One region: whether token service and sign-in answered when last asked, and whether we may use it at all."""

    region = models.CharField(max_length=40, primary_key=True)
    is_well = models.BooleanField(default=True)
    changed_at = models.DateTimeField()
    probed_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    sign_in_is_well = models.BooleanField(default=True, db_default=True)
    sign_in_probed_at = models.DateTimeField(null=True)
    sign_in_problem = models.CharField(max_length=300, blank=True, default="", db_default="")
    switched_off_by = models.CharField(max_length=255, blank=True)
    switched_off_at = models.DateTimeField(null=True)

    class Meta:
        """By name."""

        verbose_name = "AWS region"
        ordering = ["region"]

    def __str__(self) -> str:
        return self.region
