"""How the regions of AWS are: as they were last probed, and which an operator has switched off."""

from django.db import models


class RegionHealth(models.Model):
    """One region: whether token service and sign-in answered when last asked, and whether we may use each at all."""

    region = models.CharField(max_length=40, primary_key=True)
    is_well = models.BooleanField("STS is well", default=True)
    changed_at = models.DateTimeField()
    probed_at = models.DateTimeField("STS probed at", null=True)
    problem = models.CharField("problem of STS", max_length=300, blank=True)
    sign_in_is_well = models.BooleanField("sign-in is well", default=True, db_default=True)
    sign_in_probed_at = models.DateTimeField("sign-in probed at", null=True)
    sign_in_problem = models.CharField(
        "problem of the sign-in", max_length=300, blank=True, default="", db_default=""
    )
    switched_off_by = models.CharField("STS switched off by", max_length=255, blank=True)
    switched_off_at = models.DateTimeField("STS switched off at", null=True)
    sign_in_switched_off_by = models.CharField(
        "sign-in switched off by", max_length=255, blank=True, default="", db_default=""
    )
    sign_in_switched_off_at = models.DateTimeField("sign-in switched off at", null=True)

    class Meta:
        """By name."""

        verbose_name = "AWS region"
        ordering = ["region"]
        permissions = [("switch_region", "Can take regions of AWS out of use, and into it again")]

    def __str__(self) -> str:
        return self.region
