"""Django's app entry; registers the bridge's start-up checks."""

from django.apps import AppConfig


class StsBridgeConfig(AppConfig):
    """The bridge to AWS's Security Token Service."""

    name = "sts_bridge"
    verbose_name = "AWS bridge"

    def ready(self) -> None:
        """The start-up checks are registered."""
        from sts_bridge import checks  # noqa: F401, PLC0415 - importing registers them, which Django allows only now
