"""Signing alone: a plan built, canonicalised and signed, as the service does it."""

import base64
from datetime import datetime

from lxml import etree

from idp.domain.assertion import AssertionPlan
from idp.saml.responses import build, build_and_sign
from idp.saml.signing import Signer, canonical, sign_enveloped
from tests.bench.unit import cpu_seconds_of
from tests.statements import a_plan, signing_key

TIMES = 1_500


def figures(*, now: datetime) -> list[tuple[str, float, str]]:
    """One signature (the assertion's) and both, RSA-2048; both with RSA-3072 for comparison."""
    plan = a_plan(now=now)
    size = len(build_and_sign(plan, signing_key()).base64_text)
    return [
        (
            "signing alone, assertion only",
            cpu_seconds_of(lambda: sign_assertion_only(plan, signing_key()), times=TIMES),
            "1 signature",
        ),
        (
            "signing alone, assertion and response",
            cpu_seconds_of(lambda: build_and_sign(plan, signing_key()), times=TIMES),
            f"2 signatures, {size:,} base64 characters",
        ),
        (
            "the same with RSA-3072",
            cpu_seconds_of(lambda: build_and_sign(plan, signing_key(3072)), times=TIMES // 4),
            "2 signatures",
        ),
    ]


def sign_assertion_only(plan: AssertionPlan, signer: Signer) -> str:
    """The response with a signature on its assertion alone."""
    response = build(plan)
    assertion = response[2]
    sign_enveloped(assertion, canonical(assertion), signer)
    return base64.b64encode(etree.tostring(response, encoding="utf-8")).decode()
