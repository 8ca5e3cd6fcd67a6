"""A place where tokens are exchanged: real issuer, directory, rules and local AWS."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from deploy.demo.slapd import Slapd, free_port
from idp.models import AccessSession, Account, AuditRecord
from idp.oidc.keys import issuer_keys
from idp.services.keys import make_signing_key
from idp.services.mapping import import_mapping
from sts_bridge.domain.account_setup import as_data
from sts_bridge.services.connect_account import account_setup
from tests.integration.sts_bridge.broker_world import ENDER, by_external_id
from tests.integration.sts_bridge.broker_world import role as role_of
from tests.integration.sts_bridge.test_credentials_page import HOST
from tests.integration.sts_bridge.world import ACCOUNT, forget_everything, world_of
from tests.servers.aws_world import allow, user
from tests.servers.issuer import CLIENT, Issuer
from tests.servers.local_aws import LocalAws
from tests.servers.site import ROOT

PATH = "/api/web-identity/credentials"
MAPPING = """
accounts:
  - {id: "111122223333", name: Payments, environment: production, colour: red}
roles:
  - {arn: "arn:aws:iam::111122223333:role/Jobs", longest: 2h, road: web-identity}
  - {arn: "arn:aws:iam::111122223333:role/Posted", longest: 1h}
  - {arn: "arn:aws:iam::111122223333:role/Deploy", longest: 2h, road: web-identity}
rules:
  - name: by name
    pattern: "TOK-(?P<role>[A-Za-z]{1,64})"
    account: "111122223333"
    base: "ou=groups,dc=example,dc=test"
    effect: allow
  - name: production
    workload: {issuer: BUILDS, subject: "repo:acme/payments:environment:production"}
    role: "arn:aws:iam::111122223333:role/Deploy"
    effect: allow
  - name: branches
    workload:
      issuer: BUILDS
      claims: {sub: 'repo:acme/.*:ref:refs/heads/(?:main|release-[0-9]+)', repository_owner_id: "4711"}
    role: "arn:aws:iam::111122223333:role/Deploy"
    duration: 30m
    effect: allow
  - name: not the retired
    workload: {issuer: BUILDS, claims: {sub: "(?i)repo:acme/retired:.*"}}
    role: "arn:aws:iam::111122223333:role/Deploy"
    effect: deny
"""
GROUPS = ("TOK-Jobs", "TOK-Posted")
AGREED = {
    "audiences": [CLIENT, "another-client"],
    "claim": "preferred_username",
    "is": "username",
    "seen_from": ["127.0.0.0/8"],
}
AGREED_WITH_BUILDS = {
    "audiences": ["drawbridge-builds", "another-client"],
    "is": "workload",
    "seen_from": ["127.0.0.0/8"],
}
PRODUCTION = "repo:acme/payments:environment:production"


@dataclass
class Stand:
    """What a test needs to know."""

    aws: LocalAws
    issuer: Issuer
    builds: Issuer
    company: Slapd
    file: Path

    def agree(self, **changes: Any) -> None:
        """From here on the issuer of people is trusted as this says."""
        self._write({"issuer": self.issuer.url, **AGREED, **changes}, self._builds())

    def agree_with_builds(self, **changes: Any) -> None:
        """From here on the issuer of builds is trusted as this says."""
        self._write({"issuer": self.issuer.url, **AGREED}, self._builds(**changes))

    def _builds(self, **changes: Any) -> dict[str, Any]:
        return {"issuer": self.builds.url, **AGREED_WITH_BUILDS, **changes}

    def _write(self, *agreed: dict[str, Any]) -> None:
        self.file.write_text(json.dumps({"issuers": agreed}))
        issuer_keys.forget()

    def token(self, **changes: Any) -> str:
        """One that stands for Jane, but for these claims."""
        return self.issuer.token(**({"preferred_username": "jane"} | changes))

    def build(self, sub: Any = PRODUCTION, **changes: Any) -> str:
        """One that stands for a build, but for these claims."""
        return self.builds.token(**({"sub": sub, "aud": "drawbridge-builds"} | changes))

    def ask(self, token: str, role: str = "Jobs", **more: Any) -> HttpResponse:
        """What a program is answered."""
        body = {"token": token, "account": ACCOUNT, "role": role} | more
        client = Client(enforce_csrf_checks=True, HTTP_HOST=HOST)
        return client.post(PATH, json.dumps(body), content_type="application/json", secure=True)  # type: ignore[return-value] # the client's own class of answer

    def refused(self, token: str, status: int = 403, code: str = "token-not-accepted", **more: Any) -> str:
        """The cause on record, if it was a refusal; AWS was not asked, and nothing was offered."""
        self.aws.new_log_lines()
        accesses = AccessSession.objects.count()
        answer = self.ask(token, **more)
        assert (answer.status_code, json.loads(answer.content)["code"]) == (status, code)
        assert token not in answer.content.decode()
        assert AccessSession.objects.count() == accesses
        assert self.aws.new_log_lines() == []
        if status == 503:
            return ""
        row = AuditRecord.objects.filter(event="program:web-identity:refused").latest("pk")
        assert row.reason == code
        return str(row.details["cause"])


EVERYTHING_IN_IAM = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}],
}


def mapping_of(builds: Issuer) -> bytes:
    return MAPPING.replace("BUILDS", json.dumps(builds.url)).encode()


@contextmanager
def stand_at(
    company: Slapd,
    issuers: tuple[Issuer, Issuer],
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stand]:
    """Jane may take two roles, one of them by token, and some builds a third; AWS is as `connect_account` says."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    settings.DRAWBRIDGE_KEY_DIR = str(tmp_path / "keys")
    settings.DRAWBRIDGE_AWS_SIGNIN_URL = url
    settings.DRAWBRIDGE_DEMO = True
    settings.DRAWBRIDGE_DIRECTORY_REUSE_SECONDS = 0
    settings.STATIC_ROOT = str(ROOT / "static")
    settings.DRAWBRIDGE_WEB_IDENTITY_ISSUERS = str(tmp_path / "issuers.yaml")
    forget_everything()
    now = datetime.now(UTC)
    make_signing_key(now=now)
    company.modify(
        "\n".join(
            f"dn: cn={name},ou=groups,{company.base}\nchangetype: add\nobjectClass: groupOfNames\n"
            f"cn: {name}\nmember: uid=jane,ou=people,{company.base}\n"
            for name in GROUPS
        )
    )
    for issuer in issuers:
        issuer.publish(issuer.jwk("rsa"), issuer.jwk("ec"))
    people, builds = issuers
    try:
        agreed = [{"issuer": people.url, **AGREED}, {"issuer": builds.url, **AGREED_WITH_BUILDS}]
        (tmp_path / "issuers.yaml").write_text(json.dumps({"issuers": agreed}))
        import_mapping(mapping_of(builds), actor="test", origin=None, now=now)
        providers = as_data(account_setup(account=ACCOUNT))["oidc_providers"]
        world = world_of(url) | {"oidc_providers": providers}
        for role in world["roles"]:
            role["policies"] = {"may": EVERYTHING_IN_IAM}
        broker = f"arn:aws:iam::{ACCOUNT}:user/broker"
        world["users"] = [user(broker, "broker", policies={"may": allow("sts:AssumeRole")})]
        external_id = Account.objects.get(number=ACCOUNT).external_id or ""
        ender = f"arn:aws:iam::{ACCOUNT}:role/{ENDER}"
        world["roles"].append(role_of(ender, 99, by_external_id(broker, external_id)))
        with LocalAws(world, port=port) as aws:
            yield Stand(aws, people, builds, company, tmp_path / "issuers.yaml")
    finally:
        gone = (f"dn: cn={name},ou=groups,{company.base}\nchangetype: delete\n" for name in GROUPS)
        company.modify("\n".join(gone))
        forget_everything()
