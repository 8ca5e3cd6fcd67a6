"""`AssumeRoleWithSAML`: a statement in, temporary credentials out; the statement is the only proof needed."""

from datetime import datetime

from sts_bridge.local_aws.authorization import call_context
from sts_bridge.local_aws.errors import invalid_statement
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.role_session import DEFAULT_SECONDS, accept_statement, take_role
from sts_bridge.local_aws.session_terms import narrow, read_policies, read_seconds, read_smallest_token
from sts_bridge.local_aws.statements.gate import LONGEST_STATEMENT, admit
from sts_bridge.local_aws.sts.answers import credentials_member, report, size_members
from sts_bridge.local_aws.sts.gate import refuse_disabled_region
from sts_bridge.local_aws.validation import ARN, Validator


def assume_role_with_saml(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the members of the result: credentials for the role, and what the statement said.

    Refuses parameters outside their limits, an unknown provider, and whatever `accept_statement` and
    `take_role` refuse.
    """
    region = call.endpoint_region
    refuse_disabled_region(region, realm)
    check = Validator(call.parameters)
    role_arn = check.text("RoleArn", shortest=20, longest=2_048, pattern=ARN)
    provider_arn = check.text("PrincipalArn", shortest=20, longest=2_048, pattern=ARN)
    posted = check.text("SAMLAssertion", shortest=4, longest=LONGEST_STATEMENT, secret=True)
    seconds = read_seconds(check, largest=43_200, default=DEFAULT_SECONDS)
    smallest_token = read_smallest_token(check)
    policy, arns = read_policies(check)
    check.refuse_problems()
    narrow(policy, arns, {})
    provider = realm.saml.find(provider_arn)
    if provider is None:
        raise invalid_statement("saml.provider.unknown", "Specified provider doesn't exist")
    accepted = accept_statement(admit(posted), provider=provider, realm=realm, now=now)
    narrowing = narrow(policy, arns, accepted.wish.tags)
    session = take_role(
        accepted,
        role_arn=role_arn,
        seconds=seconds,
        realm=realm,
        surroundings=call_context(call, now, region=region),
        now=now,
        narrowing=narrowing,
    )
    realm.note_use(role_arn, region, now)
    credentials = realm.vault.issue(session, smallest_token=smallest_token)
    report(call, "AssumeRoleWithSAML", session, credentials, assertion_id=accepted.claims.assertion_id)
    return {
        "Credentials": credentials_member(session, credentials),
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        "PackedPolicySize": narrowing.packed,
        "Subject": accepted.claims.name_id,
        "SubjectType": accepted.subject_type,
        "Issuer": accepted.claims.issuer,
        "Audience": accepted.recipient,
        "NameQualifier": accepted.name_qualifier,
        "SourceIdentity": session.source_identity,
        **size_members(credentials),
    }
