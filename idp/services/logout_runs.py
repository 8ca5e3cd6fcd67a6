"""Logouts under way: one service after another is told, in the browser that signed out; each step is taken once."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idp.domain.errors import Malformed, NotFound
from idp.domain.single_logout import KnownSession, StepState, logout_endpoint
from idp.models import LogoutRun, ServiceSession
from idp.services.parked_requests import hashed
from idp.services.service_providers import service_provider_of

LASTS_FOR = timedelta(minutes=15)
NUMBER_LENGTH = 32
message_id_grammar = re.compile(r"_([0-9a-f]{32})\.([0-9]{1,3})", re.ASCII)


class RunGone(NotFound):
    """No logout of this browser is under way here."""

    code = "logout-gone"
    sentence = (
        "This sign-out is over. You are signed out here; services that you still use are signed out there."
    )


@dataclass(frozen=True, slots=True)
class Initiator:
    """The service that has asked for a logout, and waits for an answer."""

    entity_id: str
    request_id: str
    relay_state: str | None


def participants(session_hash: str, *, but: str | None, now: datetime) -> list[dict[str, Any]]:
    """The services that know this session, each with what it calls it, and whether it can be told at all.

    One that knows it under several names (transient ones) is told of each.
    """
    steps: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in ServiceSession.objects.filter(session_hash=session_hash).order_by("pk"):
        if row.entity_id == but:
            continue
        name = [row.name_id, row.name_id_format, row.name_qualifier, row.sp_name_qualifier]
        step = steps.setdefault((row.entity_id, *name), {"entity_id": row.entity_id, "sessions": []})
        step["sessions"].append([*name, row.session_index])
    for step in steps.values():
        try:
            provider = service_provider_of(step["entity_id"], now=now)
        except (
            Malformed
        ):  # not known any more, or a row that cannot be read: the person is signed out all the same
            step |= {"name": step["entity_id"], "state": StepState.UNTOLD.value}
            continue
        # Whom it knows by no name it cannot be told of.
        told = logout_endpoint(provider) is not None and bool(step["sessions"][0][0])
        step |= {"name": provider.name, "state": (StepState.WAITING if told else StepState.UNTOLD).value}
    return list(steps.values())


def sessions_of(step: dict[str, Any]) -> list[KnownSession]:
    """What the service of this step calls the sessions; all bear one name."""
    return [KnownSession(*values) for values in step["sessions"]]


def new_run(
    steps: list[dict[str, Any]], *, account_key: str, initiator: Initiator | None, secret: str, now: datetime
) -> str:
    """The logout is under way in the browser that has this secret; gives its number. Joins the transaction."""
    number = secrets.token_hex(NUMBER_LENGTH // 2)
    LogoutRun.objects.create(
        key_hash=hashed(number),
        browser_hash=hashed(secret),
        account_key=account_key,
        steps=steps,
        answer=None
        if initiator is None
        else [initiator.entity_id, initiator.request_id, initiator.relay_state],
        expires_at=now + LASTS_FOR,
    )
    return number


def find_run(number: str, *, browser_secrets: Iterable[str] | None, now: datetime) -> LogoutRun:
    """The logout of this number, for changing it in the running transaction.

    Refuses with RunGone another browser; None as secrets is for a signed answer, which comes without cookies.
    """
    rows = LogoutRun.objects.filter(key_hash=hashed(number), expires_at__gt=now)
    row = rows.select_for_update().first()
    if row is None:
        raise RunGone("not there")
    if browser_secrets is not None:
        held = [hashed(secret) for secret in browser_secrets if secret]
        if not any(secrets.compare_digest(row.browser_hash, one) for one in held):
            raise RunGone("another browser")
    return row


def step_sent_to(entity_id: str, run: LogoutRun, place: int) -> dict[str, Any]:
    """The step at this place; refuses with RunGone where this service was not told, or has answered already."""
    step: dict[str, Any] = run.steps[place] if place < len(run.steps) else {}
    if step.get("entity_id") != entity_id or step.get("state") != StepState.SENT:
        raise RunGone(f"{entity_id} was not asked")
    return step


def request_id_of(number: str, place: int) -> str:
    """The ID of our request to the service at this place: whoever answers it names the logout by it."""
    return f"_{number}.{place}"


def place_of(request_id: str) -> tuple[str, int]:
    """The logout's number and the service's place that this ID names; refuses what is none of ours."""
    found = message_id_grammar.fullmatch(request_id)
    if not found:
        raise RunGone("no ID of ours")
    return found[1], int(found[2])


def new_message_id() -> str:
    """A fresh xs:ID of 128 random bits (SAML Core 1.3.4)."""
    return f"_{secrets.token_hex(NUMBER_LENGTH // 2)}"
