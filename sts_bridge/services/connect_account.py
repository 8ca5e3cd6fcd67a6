"""What an AWS account needs so that its registered roles can be taken with our statements."""

from idp.domain.aws.role import AwsRole, Road
from idp.domain.errors import NotFound
from idp.domain.token_issuer import TokenIssuer
from idp.services.metadata import our_metadata
from idp.services.rules import current_rules
from idp.services.token_issuers import token_issuers
from sts_bridge.aws.sts import who_is_the_broker
from sts_bridge.conf import bridge_config
from sts_bridge.domain.account_setup import AccountSetup
from sts_bridge.domain.trust_policy import statement_audiences
from sts_bridge.services.regions import in_some_region


def account_setup(
    *, account: str, role_names: tuple[str, ...] = (), regions: tuple[str, ...] = ()
) -> AccountSetup:
    """The provider and the trust of these roles, or of all that are registered in the account.

    Refuses an account without registered roles, a role that is not registered, and a region of another
    partition; is Unavailable where a role must trust the broker and it has no identity.
    """
    config = bridge_config()
    registered = {
        role.arn.name: role
        for arn, role in current_rules().roles.items()
        # A federation token needs no role in AWS.
        if arn.account == account and role.road is not Road.FEDERATION
    }
    if not registered:
        raise NotFound(
            f"no role in {account}",
            sentence=f"No role is registered in account {account}: register it in the admin or by `mapping import`.",
        )
    missing = [name for name in role_names if name not in registered]
    if missing:
        raise NotFound(
            f"no {missing} in {account}",
            sentence=f"Account {account} has no registered role {', '.join(missing)}; it has"
            f" {', '.join(sorted(registered))}.",
        )
    roles = tuple(registered[name] for name in sorted(role_names or registered))
    return AccountSetup(
        account_name=roles[0].account_name,
        provider=roles[0].provider,
        roles=roles,
        issuer=config.entity_id,
        audiences=statement_audiences(roles[0].arn.partition, regions=regions, stand_in=config.stand_in),
        metadata_address=f"{config.base_url}/saml/metadata",
        metadata=our_metadata().decode(),
        broker=_broker(roles),
        issuers=_issuers(roles),
        rules=current_rules().rules,
    )


def _issuers(roles: tuple[AwsRole, ...]) -> tuple[TokenIssuer, ...]:
    """The configured issuers, where one of these roles must trust their tokens; refuses where there are none."""
    if not any(role.road is Road.WEB_IDENTITY for role in roles):
        return ()
    if not token_issuers():
        raise NotFound(
            "a role of the road web-identity without issuers",
            sentence="A role has the road web-identity, and DRAWBRIDGE_WEB_IDENTITY_ISSUERS names no issuer.",
        )
    return token_issuers()


def _broker(roles: tuple[AwsRole, ...]) -> str:
    """Who the broker is in AWS, where one of these roles must trust it; is Unavailable where it is nobody."""
    if not any(role.road is Road.BROKER and role.hub is None for role in roles):
        return ""
    return in_some_region(
        roles[0].arn.partition, lambda region, config: who_is_the_broker(region=region, config=config)
    )
