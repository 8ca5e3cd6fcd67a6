"""`AssumeRoleWithSAML`: a statement in, temporary credentials out; the statement is the only proof needed."""

from datetime import datetime

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.errors import invalid_statement
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.role_session import DEFAULT_SECONDS, AcceptedStatement, accept_statement, take_role
from sts_bridge.local_aws.statements.gate import LONGEST_STATEMENT, admit
from sts_bridge.local_aws.statements.replay import ReplayMarks
from sts_bridge.local_aws.sts.validation import Validator, packed_size
from sts_bridge.local_aws.tokens import Credentials, Session, Vault
from sts_bridge.local_aws.world import World

_LARGEST_TOKEN = 4_096


def assume_role_with_saml(
    call: Call, *, world: World, vault: Vault, marks: ReplayMarks, now: datetime
) -> dict[str, object]:
    """Give the members of the result: credentials for the role, and what the statement said.

    Refuses parameters outside their limits, an unknown provider, and whatever `accept_statement` and
    `take_role` refuse.
    """
    check = Validator(call.parameters)
    role_arn = check.text("RoleArn", shortest=20, longest=2_048)
    provider_arn = check.text("PrincipalArn", shortest=20, longest=2_048)
    posted = check.text("SAMLAssertion", shortest=4, longest=LONGEST_STATEMENT, secret=True)
    seconds = check.number("DurationSeconds", smallest=900, largest=43_200, default=DEFAULT_SECONDS)
    smallest_token = check.number("MinimumSessionTokenSize", smallest=0, largest=_LARGEST_TOKEN, default=0)
    policy, policy_arns = check.policy(), check.policy_arns()
    check.refuse_problems()
    packed = packed_size(policy, policy_arns)
    provider = world.providers.get(provider_arn)
    if provider is None:
        raise invalid_statement("saml.provider.unknown", "Specified provider doesn't exist")
    accepted = accept_statement(admit(posted), provider=provider, world=world, now=now)
    session = take_role(
        accepted,
        role_arn=role_arn,
        seconds=seconds,
        world=world,
        marks=marks,
        now=now,
        policy=policy,
        policy_arns=policy_arns,
    )
    credentials = vault.issue(session, smallest_token=smallest_token)
    journal.write_line(
        "accepted",
        operation="AssumeRoleWithSAML",
        request_id=call.request_id,
        role=session.role_arn,
        session=session.session_name,
        access_key_id=credentials.access_key_id,
        assertion_id=accepted.claims.assertion_id,
    )
    return _members(accepted, session, credentials, packed)


def _members(
    accepted: AcceptedStatement, session: Session, credentials: Credentials, packed: int
) -> dict[str, object]:
    size = len(credentials.session_token)
    return {
        "Credentials": {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "Expiration": f"{session.ends_at:%Y-%m-%dT%H:%M:%SZ}",
        },
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        "PackedPolicySize": packed,
        "Subject": accepted.claims.name_id,
        "SubjectType": accepted.subject_type,
        "Issuer": accepted.claims.issuer,
        "Audience": accepted.recipient,
        "NameQualifier": accepted.name_qualifier,
        "SourceIdentity": session.source_identity,
        "SessionTokenSize": size,
        "SessionTokenUtilization": min(100, size * 100 // _LARGEST_TOKEN),
    }
