"""The last complete answer about a person, and when it was given."""

from django.db import models

from idp.models.user import User


class DirectorySnapshot(models.Model):
    """What the directory last said about one person; used only while it cannot be asked, and not for long."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="snapshot")
    identity = models.JSONField()
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user_id} at {self.asked_at:%Y-%m-%d %H:%M}"
