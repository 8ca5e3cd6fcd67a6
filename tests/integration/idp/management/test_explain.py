"""`manage.py explain`: the whole chain, for a yes and for a no."""

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from tests.integration.idp.services.mappings import ADMIN, READ, auditors, by_name, document, group, take_over
from tests.servers.slapd import directory_gone

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("explain", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def mapping(company: Slapd) -> None:
    assert company
    over = (timezone.now() - timedelta(days=1)).isoformat()
    take_over(
        document(
            auditors(
                duration="2h", group=group("auditors") | {"dn": "cn=before,ou=groups,dc=example,dc=test"}
            ),
            by_name(duration="1h"),
            auditors(name="was once", role=ADMIN, until=over),
            auditors(name="not the juniors", role=READ, group=group("finance-team"), effect="deny"),
        )
    )


@pytest.mark.usefixtures("mapping")
def test_a_yes_tells_rule_way_length_and_limit() -> None:
    """The deciding rule, by way of which groups, for how long and which limit, and that the group was renamed."""
    told = run("helen", "--role", READ)
    assert told.startswith(f"YES helen: {READ}\n    for 7200 seconds, limited by: rule\n")
    assert "decided by rule" in told
    assert "'auditors read' (allow, group cn=before,ou=groups,dc=example,dc=test)" in told
    assert f"by way of {cast.group_dn('auditors')}" in told
    assert "note: the rule still shows cn=before" in told
    assert "'by name' (allow, pattern AWS-" in told
    nested = run("lena", "--role", READ)
    assert (
        f"{cast.group_dn('payments-on-call')}  >  {cast.group_dn('AWS-111122223333-ReadOnly', 'aws')}"
        in nested
    )


@pytest.mark.usefixtures("mapping")
@pytest.mark.parametrize(
    ("person", "role", "reason"),
    [
        ("juergen", READ, "a rule denies it, and a denial wins over everything"),
        ("helen", ADMIN, "no rule that names a group of this person is in force"),
        ("tom", READ, "no rule gives it to a group of this person"),
        ("eve", READ, "the state of the account in the directory allows nothing"),
        ("jane", "arn:aws:iam::999900001111:role/Nowhere", "the role is not registered"),
    ],
)
def test_a_no_tells_why(person: str, role: str, reason: str) -> None:
    """The reason first, then every rule that concerns the role and what became of it."""
    told = run(person, "--role", role)
    assert told.startswith(f"NO  {person}: {role}\n    because {reason}\n")
    answer = json.loads(run(person, "--role", role, "--json"))["roles"][0]
    assert (answer["granted"], answer["reason"]) == (False, reason)


@pytest.mark.usefixtures("mapping")
def test_without_a_role_all_that_the_groups_lead_to_are_told() -> None:
    """Given and refused ones, also those that a group spells and nobody registered."""
    told = run("jane")
    assert f"YES jane: {READ}" in told
    assert "NO  jane: Nowhere in account 999900001111" in told
    assert "the role is not registered" in told
    answer = json.loads(run("jane", "--json"))
    assert [(role["role_name"], role["granted"], role["registered"]) for role in answer["roles"]] == [
        ("ReadOnly", True, True),
        ("Developer", False, False),
        ("Developer", False, False),
        ("Nowhere", False, False),
    ]
    assert "No group of nils is named by any rule" in run("nils")


@pytest.mark.usefixtures("mapping")
def test_what_cannot_be_told_ends_with_a_sentence() -> None:
    """An unknown name, no ARN, no directory."""
    for words, sentence in (
        (("nobody-here",), "The directory knows nobody by this name."),
        (("*",), "The directory knows nobody by this name."),
        (("jane", "--role", "ReadOnly"), "This is not the ARN"),
    ):
        with pytest.raises(CommandError, match=sentence.replace("*", r"\*")):
            run(*words)
    with directory_gone(), pytest.raises(CommandError, match="directory cannot be reached"):
        run("jane")


@pytest.mark.usefixtures("company")
def test_a_workload_is_explained_by_what_its_token_would_say(tmp_path: Path, settings: Settings) -> None:
    """Yes with the rule that names it, no with what denies it or names others; people and workloads keep apart."""
    deploy = "arn:aws:iam::111122223333:role/Deploy"
    builds = "https://builds.example"
    rule = {"name": "builds", "workload": {"issuer": builds, "subject": "repo:acme/x:y"}, "role": deploy}
    denial = {
        "name": "not on fridays", "role": deploy, "effect": "deny",
        "workload": {"issuer": builds, "claims": {"day": "friday"}},
    }  # fmt: skip
    roles = [{"arn": deploy, "road": "web-identity"}]
    take_over(document(rule | {"effect": "allow"}, denial, roles=roles))
    who = ("--issuer", builds, "--subject", "repo:acme/x:y")
    told = run(*who)
    assert told.startswith(f"YES repo:acme/x:y: {deploy}\n    for 3600 seconds, limited by: role\n")
    assert f"'builds' (allow, workload repo:acme/x:y of {builds})" in told
    assert told.endswith("But no token of this issuer is taken: no issuer of workloads is configured so.\n")
    no = run(*who, "--claim", "day=friday", "--role", deploy)
    assert no.startswith("NO  ")
    assert "a denial wins" in no
    other = run("--issuer", builds, "--subject", "repo:acme/x:z", "--role", deploy)
    assert "it is for workloads, and not for whoever asks" in other
    assert "NO  helen" in run("helen", "--role", deploy)
    assert run("--issuer", builds, "--subject", "unheard").startswith("No claim of unheard")
    answer = json.loads(run(*who, "--json"))
    assert (answer["workload"], answer["roles"][0]["granted"]) == ("repo:acme/x:y", True)
    assert answer["issuer_is_configured"] is False
    agreed = {"issuer": builds, "audiences": ["us"], "is": "workload", "seen_from": ["192.0.2.1/32"]}
    (tmp_path / "issuers.yaml").write_text(json.dumps({"issuers": [agreed]}))
    settings.DRAWBRIDGE_WEB_IDENTITY_ISSUERS = str(tmp_path / "issuers.yaml")
    assert "But no token" not in run(*who)
    assert json.loads(run(*who, "--json"))["issuer_is_configured"] is True
    for words in (
        (),
        ("helen", *who),
        ("--issuer", builds),
        ("helen", "--claim", "a=b"),
        (*who, "--claim", "a"),
    ):
        with pytest.raises(CommandError):
            run(*words)
