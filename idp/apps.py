"""Django's app entry; registers the start-up checks."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class IdpConfig(AppConfig):
    """The identity provider."""

    name = "idp"
    verbose_name = "Drawbridge"

    def ready(self) -> None:
        """The start-up checks are registered, and partitions are as the operator's file says."""
        from idp.checks import directory, site, statements  # noqa: F401, PLC0415 - importing registers, as Django allows only now
        from idp.services.partitions import apply_partition_file  # noqa: PLC0415 - likewise

        apply_partition_file()


class DrawbridgeAdminConfig(AdminConfig):
    """Django's admin with our own site, whose every door leads through our sign-in."""

    default_site = "idp.admin.base.only_site"
