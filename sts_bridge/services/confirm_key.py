"""Which AWS accounts have the next signing certificate: read from AWS, so that nobody has to remember it."""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from idp.domain.errors import Refused, Unavailable
from idp.services.key_rollover import confirm, note_absent
from idp.services.provider_changes import Author
from idp.services.rollover_state import rollover
from idp.services.rules import current_rules
from sts_bridge.aws.iam import Iam
from sts_bridge.conf import BridgeConfig, bridge_config
from sts_bridge.services.account_roles import credentials_in_account

WHO = Author("AWS IAM, as read by the bridge")
NEVER = datetime.min.replace(tzinfo=UTC)

logger = logging.getLogger("drawbridge.bridge")


@dataclass(frozen=True, slots=True)
class KeyInAccount:
    """One account that is waited for: whether it has the next certificate, or why that could not be read."""

    account: str
    has_it: bool
    problem: str = ""


def confirm_accounts(*, now: datetime, most: timedelta | None = None) -> list[KeyInAccount]:
    """Every account that is waited for and has the certificate in AWS is confirmed; tells of each what was seen.

    Each is on record as soon as it was read, whoever was read longest ago first: after `most` the others wait for
    the next turn. Nothing is asked of AWS where no key waits, or where the site has no right to read accounts.
    """
    state, config = rollover(), bridge_config()
    published = state.waited_for
    if published is None or not config.reader_role:
        return []
    providers = {arn.account: str(role.provider) for arn, role in current_rules().roles.items()}
    accounts = [party for party in state.waiting_for if party.party in providers]
    accounts.sort(key=lambda party: party.looked_at or NEVER)
    began_at, seen = time.monotonic(), []
    for account in (party.party for party in accounts):
        one = _look(account, providers[account], published.text, config)
        if one.has_it:
            # Refused where another key waits by now: this account was not asked for that one.
            confirm([account], author=WHO, now=now, certificate=published.fingerprint)
        else:
            note_absent({account: one.problem}, certificate=published.fingerprint, now=now)
        seen.append(one)
        if most is not None and time.monotonic() - began_at > most.total_seconds():
            break
    return seen


def _look(account: str, provider: str, certificate: str, config: BridgeConfig) -> KeyInAccount:
    partition = provider.split(":")[1]
    try:
        credentials = credentials_in_account(
            partition=partition, account=account, role_name=config.reader_role
        )
        document = Iam(credentials, partition=partition, config=config).saml_provider_metadata(provider)
    except (Refused, Unavailable) as problem:
        logger.info("key.account.unread", extra={"facts": {"account": account, "cause": problem.cause}})
        return KeyInAccount(account, has_it=False, problem=problem.told)
    # AWS gives back what it was given, line ends and all.
    return KeyInAccount(account, has_it=certificate in "".join(document.split()))
