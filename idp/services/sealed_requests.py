"""A request that was checked when it came, as the table holds it meanwhile: what it asked, under a seal of ours.

So nothing is parsed and no signature is checked a second time. Whoever can only write in the table makes no request,
changes none, keeps none longer, and brings none to another page's number, which only one browser knows.
"""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from django.core import signing

from idp.domain.authn_request import AuthnRequest, Comparison, NameIdPolicy, Subject
from idp.domain.saml_names import Binding
from idp.services.parked_requests import WAITS_FOR, RequestGone, Waiting, hashed

SALT = "drawbridge.waiting-request"
FIELDS = tuple(field.name for field in fields(AuthnRequest))


def seal(request: AuthnRequest, number: str, *, received_at: datetime) -> str:
    """What is kept of a checked request that waits under this number."""
    policy, subject = request.name_id_policy, request.subject
    values = {name: getattr(request, name) for name in FIELDS} | {
        "issued_at": request.issued_at.isoformat(),
        "name_id_policy": None if policy is None else asdict(policy),
        "subject": None if subject is None else asdict(subject),
    }
    return _signer(hashed(number)).sign_object({"request": values, "received_at": received_at.isoformat()})


def unseal(waiting: Waiting, *, now: datetime) -> tuple[AuthnRequest, datetime]:
    """The request as it was checked, and when it came.

    Refuses with RequestGone what we have not sealed, or too long ago.
    """
    try:
        kept = _signer(waiting.key_hash).unsign_object(waiting.text)
        received_at, request = datetime.fromisoformat(kept["received_at"]), _request(**kept["request"])
    except signing.BadSignature:
        raise RequestGone("the seal is not ours") from None
    except (KeyError, TypeError, ValueError):
        raise RequestGone("sealed by another release") from None
    if received_at + WAITS_FOR <= now:
        raise RequestGone("sealed too long ago")
    return request, received_at


def _signer(key_hash: str) -> signing.Signer:
    """A key of its own for each waiting request; what SECRET_KEY_FALLBACKS still lists is believed."""
    return signing.Signer(salt=f"{SALT}:{key_hash}")


def _request(
    *,
    issued_at: str,
    binding: str,
    comparison: str,
    contexts: list[str],
    named_providers: list[str] | None,
    name_id_policy: dict[str, Any] | None,
    subject: dict[str, Any] | None,
    **others: Any,
) -> AuthnRequest:
    return AuthnRequest(
        issued_at=datetime.fromisoformat(issued_at),
        binding=Binding(binding),
        comparison=Comparison(comparison),
        contexts=tuple(contexts),
        named_providers=None if named_providers is None else tuple(named_providers),
        name_id_policy=None if name_id_policy is None else NameIdPolicy(**name_id_policy),
        subject=None if subject is None else Subject(**subject),
        **others,
    )
