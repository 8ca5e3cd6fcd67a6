"""A workload's token for credentials: real issuer, rules and local AWS; each attack beside its twin."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from django.test import Client

from idp.models import AccessSession, AuditRecord, DirectorySnapshot, EndingDue, RefusalCount, Rule, User
from idp.services.endings import demand_endings
from idp.services.mapping import export_mapping, import_mapping
from idp.services.token_issuers import issuers_file
from sts_bridge.domain.account_setup import as_data
from sts_bridge.services.connect_account import account_setup
from tests.integration.sts_bridge.test_credentials_page import HOST
from tests.integration.sts_bridge.test_web_identity import NOT_FOR_US, forged
from tests.integration.sts_bridge.token_world import PRODUCTION, Stand
from tests.integration.sts_bridge.world import ACCOUNT
from tests.servers.issuer import CLIENT
from tests.servers.slapd import directory_gone

pytestmark = [pytest.mark.django_db, pytest.mark.attack("OI")]

DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/Deploy"
MAIN = "repo:acme/web:ref:refs/heads/main"


def deploy(stand: Stand, token: str, **more: Any) -> dict[str, Any]:
    """What a build is given."""
    answer = stand.ask(token, "Deploy", **more)
    assert answer.status_code == 200, answer.content
    return dict(json.loads(answer.content))


def refused(stand: Stand, token: str, code: str = "role-not-granted", role: str = "Deploy") -> str:
    return stand.refused(token, 403, code, role=role)


def who(stand: Stand, given: dict[str, Any]) -> str:
    session = boto3.session.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1"
    )
    return str(session.client("sts", endpoint_url=stand.aws.url).get_caller_identity()["Arn"])


def test_a_build_takes_the_role_that_rules_give_its_subject(stand: Stand) -> None:
    """Without the directory; who it is in AWS is its own and says what it is; all of it is on record under it."""
    with directory_gone():
        given = deploy(stand, stand.build())
    row = AccessSession.objects.select_related("user").get()
    name = row.session_name
    assert who(stand, given) == f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy/{name}"
    assert name.startswith("workload.repo-acme-payments-environment-production-")
    assert (row.user.directory, row.user.username, row.user.is_staff) == ("workload", PRODUCTION, False)
    assert (row.road, row.state, row.rule_name) == ("web-identity", "active", "production")
    assert row.group_dn == f"{PRODUCTION} of {stand.builds.url}"
    assert row.ends_at - row.started_at > timedelta(minutes=119)
    offered = AuditRecord.objects.get(event="person:access:offered")
    assert (offered.person, offered.account_key) == (PRODUCTION, row.user.account_key)
    assert not DirectorySnapshot.objects.exists()
    # A renewal is the same again, under the same name; another subject has another.
    assert who(stand, deploy(stand, stand.build())).endswith(f"/{name}")
    short = deploy(stand, stand.build(MAIN, repository_owner_id="4711"), read_only=True)
    assert not who(stand, short).endswith(f"/{name}")
    row = AccessSession.objects.get(rule_name="branches")
    assert (row.narrowing, row.packed_percent is None) == ("read_only=on", False)
    assert row.ends_at - row.started_at < timedelta(minutes=31)
    assert User.objects.filter(directory="workload").count() == 2


def test_whoever_is_named_by_no_rule_gets_nothing(stand: Stand) -> None:
    """One character more or less, another owner or branch, a claim that is missing, what a denial names."""
    good = {"repository_owner_id": "4711"}
    for sub, claims in (
        (f"{PRODUCTION}x", {}),
        (PRODUCTION.upper(), {}),
        ("repo:acme/payments:environment:staging", {}),
        (MAIN, {}),
        (MAIN, {"repository_owner_id": "47110"}),
        (MAIN, {"repository_owner_id": ["4711"]}),
        (f"{MAIN}-2", good),
        (f"x{MAIN}", good),
        ("repo:evil/repo:acme/web:ref:refs/heads/main", good),
        ("repo:acme/retired:ref:refs/heads/main", good),
        ("repo:acme/Retired:ref:refs/heads/main", good),
        ("repo:acme/w\N{LATIN SMALL LETTER E WITH ACUTE}b:ref:refs/heads/main", good),
    ):
        assert refused(stand, stand.build(sub, **claims)).startswith("workload:")
    assert not User.objects.filter(directory="workload").exists()
    deploy(stand, stand.build())
    deploy(stand, stand.build(MAIN, **good))
    deploy(stand, stand.build("repo:acme/web:ref:refs/heads/release-12", **good))


def test_people_and_workloads_are_never_taken_for_each_other(stand: Stand) -> None:
    """A build that calls itself Jane has none of her roles, nor a person those of a build, whatever tokens say."""
    assert stand.ask(stand.token()).status_code == 200
    jane = User.objects.get(username="jane")
    identifier = jane.account_key.partition(":")[2]
    for sub in ("jane", identifier, jane.account_key, "jane@example.test"):
        refused(stand, stand.build(sub, preferred_username="jane", email="jane@example.test"), role="Jobs")
    refused(stand, stand.token(sub=PRODUCTION))
    stand.refused(stand.token(sub=PRODUCTION, preferred_username=PRODUCTION), role="Deploy")
    rule = {"issuer": stand.builds.url, "subject": "jane@example.test"}
    more = {"name": "x", "workload": rule, "role": DEPLOY, "effect": "allow"}
    mapping = f"{export_mapping()}- {json.dumps(more)}\n"
    import_mapping(mapping.encode(), actor="test", origin=None, now=datetime.now(UTC))
    # AWS has not been told of this rule, and trusts as the former ones said.
    answer = stand.ask(stand.build("jane@example.test"), "Deploy")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "aws-role-refused")
    names = dict(User.objects.values_list("directory", "session_name"))
    assert names["workload"] == "workload.jane@example.test"
    assert jane.session_name == "jane@example.test"


def test_the_same_subject_of_another_issuer_is_somebody_else(stand: Stand) -> None:
    """A token is its issuer's: signed by another's key, or by another issuer that also has such a subject."""
    deploy(stand, stand.build())
    by_others = stand.issuer.token(sub=PRODUCTION, aud="drawbridge-builds", iss=stand.builds.url)
    refused(stand, by_others, "token-not-accepted")
    refused(stand, stand.build(iss=stand.issuer.url), "token-not-accepted")
    refused(stand, stand.build(iss=f"{stand.builds.url}/"), "token-not-accepted")
    deploy(stand, stand.build())


def test_claims_that_are_not_for_us_are_refused_of_workloads_alike(stand: Stand) -> None:
    """Another audience, party, time or form; the token that each was made from is taken."""
    for claims, cause in NOT_FOR_US:
        if "preferred_username" in claims:
            continue
        own = json.loads(json.dumps(claims).replace(CLIENT, "drawbridge-builds"))
        assert (claims, refused(stand, stand.build(**own), "token-not-accepted")) == (claims, cause)
    now = int(datetime.now(UTC).timestamp())
    long = stand.build(exp=now + 7_300)
    assert refused(stand, long, "token-not-accepted") == "token.lives-too-long"
    deploy(stand, stand.build(exp=now + 7_100))
    stand.agree_with_builds(longest="10m")
    assert refused(stand, stand.build(exp=now + 7_100), "token-not-accepted") == "token.lives-too-long"
    deploy(stand, stand.build())


def test_forged_tokens_of_workloads_are_refused(stand: Stand) -> None:
    """The same forgeries as of people: no algorithm, a shared secret, keys by header, two meanings."""
    claims = stand.builds.claims(sub=PRODUCTION, aud="drawbridge-builds")
    for name, (token, cause) in forged(stand.builds, claims).items():
        assert (name, refused(stand, token, "token-not-accepted")) == (name, cause)
    deploy(stand, stand.build())


def test_a_token_of_a_build_serves_once_where_that_was_agreed(stand: Stand) -> None:
    """By its jti; what was refused has not spent it."""
    stand.agree_with_builds(once=True)
    token = stand.build(jti="run-1")
    refused(stand, token, role="Jobs")
    deploy(stand, token)
    assert refused(stand, token, "token-not-accepted") == "token.used"
    deploy(stand, stand.build(jti="run-2"))


@pytest.mark.attack("MP-06")
def test_what_a_build_holds_is_listed_ended_and_refused_the_moment_its_rule_goes(stand: Stand) -> None:
    """The row of the workload is ended like a person's; without the rule, or switched off, it gets nothing more."""
    deploy(stand, stand.build())
    workload = User.objects.get(directory="workload")
    User.objects.filter(pk=workload.pk).update(is_active=False)
    assert refused(stand, stand.build(), "token-not-accepted") == "person.deactivated"
    User.objects.filter(pk=workload.pk).update(is_active=True)
    deploy(stand, stand.build())
    Rule.objects.filter(name="production").update(enabled=False)
    refused(stand, stand.build())
    assert demand_endings(workload, reason="administrator", now=datetime.now(UTC), asked_by="root") == 2
    for ending in EndingDue.objects.all():
        assert (ending.role_arn, ending.session_name, ending.state) == (DEPLOY, workload.session_name, "due")


def test_a_file_of_issuers_that_cannot_be_read_is_told_to_operators_alone(stand: Stand) -> None:
    """A process that never read it well takes no token, counts that, and says nothing of what stands in the file."""
    good = stand.file.read_text()
    stand.file.write_text(good.replace('"is"', '"was"'))
    issuers_file.cache_clear()
    answer = stand.ask(stand.build(), "Deploy")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (503, "issuers-unreadable")
    for private in (stand.file.name, "was", stand.builds.host):
        assert private not in answer.content.decode()
    assert RefusalCount.objects.get().reason == "web-identity.issuers-unreadable"
    stand.file.write_text(good)
    deploy(stand, stand.build())


def test_a_workload_signs_in_nowhere(stand: Stand) -> None:
    """Its name opens no page, with whatever password."""
    deploy(stand, stand.build())
    for name in (PRODUCTION, User.objects.get(directory="workload").account_key):
        client = Client(enforce_csrf_checks=False, HTTP_HOST=HOST)
        answer = client.post("/sign-in/", {"username": name, "password": "correct horse"}, secure=True)
        assert answer.status_code != 302


def test_an_account_is_told_to_trust_whom_the_rules_name_and_no_other_build(stand: Stand) -> None:
    """Audience, subjects with what patterns leave open, and the address from which STS sees us."""
    policies = {
        role["arn"]: role["trust_policy"] for role in as_data(account_setup(account=ACCOUNT))["roles"]
    }
    by_people, by_builds = policies[DEPLOY]["Statement"]
    host = stand.builds.host
    assert by_people["Principal"]["Federated"].endswith(stand.issuer.host)
    assert by_builds["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"}
    assert by_builds["Condition"] == {
        "StringEquals": {f"{host}:aud": ["drawbridge-builds", "another-client"]},
        "StringLike": {f"{host}:sub": ["repo:acme/*", PRODUCTION]},
        "IpAddress": {"aws:SourceIp": ["127.0.0.0/8"]},
    }
    assert len(policies[f"arn:aws:iam::{ACCOUNT}:role/Jobs"]["Statement"]) == 1


def test_what_a_token_would_give_is_told_and_nothing_is_given(stand: Stand) -> None:
    """The same verdict, time and policy as the exchange, with its size; no row, no session, and AWS is not asked."""
    stand.agree_with_builds(once=True)
    token = stand.build()
    stand.aws.new_log_lines()
    answer = stand.ask(token, "Deploy", preview=True, read_only=True, duration=1_800)
    told = json.loads(answer.content)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert (told["role"], told["seconds"], told["limited_by"]) == (DEPLOY, 1_800, "request")
    assert told["rule"] == "production"
    assert told["managed_policies"] == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    assert 0 < told["foreseen_percent"] < 10
    assert stand.aws.new_log_lines() == []
    assert (AccessSession.objects.count(), User.objects.filter(directory="workload").count()) == (0, 0)
    whole = json.loads(stand.ask(token, "Deploy", preview=True).content)
    assert (whole["seconds"], whole["policy"], whole["foreseen_percent"]) == (7_200, "", 0)
    refused(stand, stand.build(MAIN), "role-not-granted")
    assert stand.refused(stand.build(MAIN), 403, "role-not-granted", role="Deploy", preview=True)
    # It has spent nothing.
    deploy(stand, token)
    assert stand.refused(token, role="Deploy", preview=True) == "token.used"
