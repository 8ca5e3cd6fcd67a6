"""Claim a message once: the mark outlives the time in which the message could be used again."""

import hashlib
from contextlib import nullcontext
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, models, transaction

from idp.domain.authn_request import FRESH_FOR, RequestNotTrusted
from idp.models import ClaimedMessage
from idp.models.compiled import insert_together

# A message is taken while its moment is within five minutes of ours, earlier or later.
KEPT_FOR = 2 * FRESH_FOR + timedelta(minutes=1)


class Replayed(RequestNotTrusted):
    """A message that was taken before."""

    def __init__(self) -> None:
        """There is one reason only."""
        super().__init__("saml.request.replayed")


def claim_with(issuer: str, message_id: str, *rows: models.Model, now: datetime) -> None:
    """The message is taken, and these rows are written with that or not at all; refuses one taken before.

    Of two who come at once the database lets one through.
    """
    digest = hashlib.sha256(f"{issuer}\0{message_id}".encode()).hexdigest()
    mark = ClaimedMessage(digest=digest, expires_at=now + KEPT_FOR)
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            insert_together(mark, *rows)
    except IntegrityError:
        if ClaimedMessage.objects.filter(digest=digest).exists():
            raise Replayed from None
        raise
