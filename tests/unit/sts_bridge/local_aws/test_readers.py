"""Readers of what others send: whatever it is, they give a value or a refusal of their own, and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts_bridge.local_aws.arns import read_issuer_arn
from sts_bridge.local_aws.errors import AwsError, WorldError
from sts_bridge.local_aws.policies.decisions import Asker, Request, decide
from sts_bridge.local_aws.policies.documents import read_permissions, read_trust_policy
from sts_bridge.local_aws.policies.errors import MalformedPolicy
from sts_bridge.local_aws.session_terms import narrow, read_policies, read_tags
from sts_bridge.local_aws.validation import Validator
from sts_bridge.local_aws.web_identity.claims import read_identity
from sts_bridge.local_aws.web_identity.tokens import read_token
from sts_bridge.local_aws.world.model import OidcProvider
from sts_bridge.local_aws.world.nodes import line_of, parse

pytestmark = pytest.mark.attack("SX-19")

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WORDS = st.sampled_from(
    [
        "Version", "2012-10-17", "Statement", "Effect", "Allow", "Deny", "Action", "NotAction", "Resource", "Sid",
        "Principal", "AWS", "Federated", "*", "sts:*", "Condition", "StringEquals", "ForAllValues:StringLike",
        "DateLessThan", "IpAddress", "Bool", "aws:SourceIp", "saml:cn", "${aws:username}", "${", "true", "10.0.0.0/8",
    ]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | WORDS
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=25,
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional=dict.fromkeys(("Action", "Resource", "Principal", "Condition", "Sid", "NotAction"), DOCUMENTS),
)


@given(DOCUMENTS | st.fixed_dictionaries({"Statement": st.lists(STATEMENTS, max_size=3)}))
def test_any_document_is_a_policy_or_malformed(document: Any) -> None:
    """A policy decides every request; what is none is refused by name."""
    request = Request("sts:AssumeRole", "arn:aws:iam::1:role/x", {"aws:sourceip": ("10.0.0.1",)}, Asker())
    for read, by_trust in (
        (read_trust_policy, True),
        (lambda found: read_permissions(found, name="x"), False),
    ):
        try:
            policy = read(document)
        except MalformedPolicy:
            continue
        decision = decide((policy,), request, by_trust=by_trust)
        assert isinstance(decision.reason, str)
        assert not (decision.allowed and decision.explicitly_denied)


@given(st.dictionaries(st.sampled_from(
    ["Policy", "PolicyArns.member.1.arn", "Tags.member.1.Key", "Tags.member.1.Value", "Tags.member.2.Key", "Tags",
     "Tags.member.0.Key", "Tags.member.x", "PolicyArns.member.99999.arn"]
), st.text(max_size=40)))  # fmt: skip
def test_any_parameters_are_terms_or_refused(parameters: dict[str, str]) -> None:
    """Session terms are read whole, or refused in AWS's words."""
    check = Validator(parameters)
    policy, arns = read_policies(check)
    tags = read_tags(check)
    try:
        check.refuse_problems()
        assert 0 <= narrow(policy, arns, tags).packed <= 100
    except AwsError as refusal:
        assert refusal.status == 400  # noqa: PT017 - a refusal is one of two lawful ends


@given(
    st.text(max_size=60)
    | st.from_regex(r"[A-Za-z0-9_-]{1,20}\.[A-Za-z0-9_-]{1,20}\.[A-Za-z0-9_-]{1,9}", fullmatch=True)
)
def test_any_text_is_a_token_or_refused(text: str) -> None:
    """Nothing but the refusal of a token leaves the reader."""
    try:
        token = read_token(text)
    except AwsError as refusal:
        assert refusal.code == "InvalidIdentityToken"  # noqa: PT017 - likewise
    else:
        assert token.text == text


CLAIMS = st.sampled_from(
    [
        "iss", "sub", "aud", "azp", "exp", "iat", "nbf", "amr", "https://aws.amazon.com/tags",
        "https://aws.amazon.com/tags/principal_tags/Team", "https://aws.amazon.com/source_identity",
    ]
)  # fmt: skip


@given(st.dictionaries(CLAIMS, DOCUMENTS), st.booleans())
def test_any_claims_are_a_person_or_refused(claims: dict[str, Any], lawful: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Whatever an issuer signs, it is somebody with lawful names, or a refusal."""
    arn = read_issuer_arn("arn:aws:iam::111122223333:oidc-provider/idp.example.test")
    assert arn is not None
    provider = OidcProvider(arn=arn, url="https://idp.example.test", client_ids=("x",), ca_file=None)
    base = {
        "iss": provider.url,
        "sub": "ada",
        "aud": "x",
        "iat": NOW.timestamp(),
        "exp": NOW.timestamp() + 60,
    }
    try:
        found = read_identity(
            base | claims if lawful else claims, provider=provider, skew=timedelta(), now=NOW
        )
    except AwsError as refusal:
        assert refusal.code in {"InvalidIdentityToken", "ExpiredTokenException", "IDPRejectedClaim"}  # noqa: PT017
    else:
        assert found.audience == "x"
        assert found.context()


@given(st.dictionaries(st.text(max_size=4), DOCUMENTS, max_size=5), st.integers(0, 3))
def test_every_place_in_a_file_has_its_line(document: dict[str, Any], indent: int) -> None:
    """The line of a name is the one on which it stands; an unknown one is its neighbour's, never a fault."""
    text = json.dumps(document, indent=indent)
    try:
        node = parse(text)
    except WorldError:
        return
    lines = text.splitlines()
    for name in node.value:
        assert lines[line_of(text, (name,)) - 1].strip().startswith(json.dumps(name) + ":")
    assert 1 <= line_of(text, ("none", 3, "x")) <= len(lines)
