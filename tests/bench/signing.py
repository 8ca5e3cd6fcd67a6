"""Signing alone: a plan built, canonicalised and signed, as the service does it."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime

from lxml import etree

from idp.domain.assertion import AssertionPlan
from idp.saml.responses import build, build_and_sign
from idp.saml.signing import Signer, canonical, sign_enveloped
from tests.bench.measuring import here
from tests.bench.stage import Stage
from tests.bench.table import Row
from tests.statements import a_plan, signing_key

TIMES = 1_500


def figures(stage: Stage) -> Iterator[Row]:
    """One signature (the assertion's) and both, RSA-2048; both with RSA-3072 for comparison."""
    plan, effort = a_plan(now=datetime.now(UTC)), stage.effort
    size = len(build_and_sign(plan, signing_key()).base64_text)
    one = here(lambda: sign_assertion_only(plan, signing_key()), times=TIMES, effort=effort)
    yield Row("statement, assertion signed", *one, remark="this process; 1 signature")
    both = here(lambda: build_and_sign(plan, signing_key()), times=TIMES, effort=effort)
    yield Row(
        "statement, assertion and response signed",
        *both,
        remark=f"2 signatures, {size:,} base64 characters",
    )
    large = here(lambda: build_and_sign(plan, signing_key(3072)), times=TIMES // 4, effort=effort)
    yield Row("the same with RSA-3072", *large, remark="2 signatures")


def sign_assertion_only(plan: AssertionPlan, signer: Signer) -> str:
    """The response with a signature on its assertion alone."""
    response = build(plan)
    assertion = response[2]
    sign_enveloped(assertion, canonical(assertion), signer)
    return base64.b64encode(etree.tostring(response, encoding="utf-8")).decode()
