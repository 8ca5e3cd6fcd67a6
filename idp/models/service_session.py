"""Which services know a browser's session, and the logouts that walk from one to the next."""

from django.db import models

from idp.models.user import User


class ServiceSession(models.Model):
    """One statement given to one service: what it calls the person and the session, for ending it there."""

    session_hash = models.CharField(max_length=64, db_index=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="service_sessions")
    entity_id = models.CharField(max_length=1_024)
    name_id = models.CharField(max_length=1_024)
    name_id_format = models.CharField(max_length=100)
    name_qualifier = models.CharField(max_length=1_024, blank=True)
    sp_name_qualifier = models.CharField(max_length=1_024, blank=True)
    session_index = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.entity_id} since {self.issued_at:%Y-%m-%d %H:%M}"


class LogoutRun(models.Model):
    """A logout under way: the services that are still to be told, and who is to be answered at the end."""

    key_hash = models.CharField(max_length=64, primary_key=True)
    browser_hash = models.CharField(max_length=64)
    account_key = models.CharField(max_length=255)
    steps = models.JSONField(default=list)
    answer = models.JSONField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"logout with {len(self.steps)} services"
