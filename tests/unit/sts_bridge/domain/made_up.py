"""Made-up credentials and roles."""

from datetime import UTC, datetime, timedelta

from idp.domain.aws.arn import ProviderArn, RoleArn
from idp.domain.aws.role import AwsRole
from sts_bridge.domain.credentials import Secret, TemporaryCredentials

ROLE = RoleArn.parse("arn:aws:iam::111122223333:role/ReadOnly")
ENDS_AT = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
ACCESS_KEY_ID = "ASIAMADEUPMADEUPMADE"
SECRET = "made/up+secret+canary+6f1c0a/made/up0000"
TOKEN = "made/up+token+canary+" + "9Zq/" * 100 + "=="


def made_up_credentials(*, secret: str = SECRET, token: str = TOKEN) -> TemporaryCredentials:
    return TemporaryCredentials(
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=Secret(secret),
        session_token=Secret(token),
        issued_at=ENDS_AT - timedelta(hours=1),
        expires_at=ENDS_AT,
        assumed_role="arn:aws:sts::111122223333:assumed-role/ReadOnly/jane",
    )


def made_up_role(
    arn: RoleArn = ROLE, *, source_identity: bool = False, tags: tuple[str, ...] = ()
) -> AwsRole:
    return AwsRole(
        arn=arn,
        provider=ProviderArn(arn.partition, arn.account, "drawbridge"),
        account_name="Payments production",
        environment="production",
        colour="red",
        longest=timedelta(hours=4),
        source_identity=source_identity,
        tags=tags,
    )
