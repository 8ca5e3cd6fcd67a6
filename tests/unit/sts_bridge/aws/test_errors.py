"""AWS's errors in our words."""

import pytest

from idp.domain.errors import Refused, Unavailable
from sts_bridge.aws.errors import may_pass, our_refusal
from sts_bridge.domain.errors import (
    AwsUnavailable,
    RegionSwitchedOff,
    RoleDoesNotTrustUs,
    SessionTooLong,
    StatementNotAccepted,
    StatementTooOld,
    TooManyTags,
)

TOO_LONG = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."


@pytest.mark.parametrize(
    ("code", "status", "message", "expected"),
    [
        ("AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithSAML", RoleDoesNotTrustUs),
        ("InvalidIdentityToken", 400, "Response signature invalid", StatementNotAccepted),
        ("IDPRejectedClaim", 403, "", StatementNotAccepted),
        (
            "ExpiredTokenException",
            400,
            "Token must be redeemed within 5 minutes of issuance",
            StatementTooOld,
        ),
        ("ValidationError", 400, TOO_LONG, SessionTooLong),
        ("PackedPolicyTooLarge", 400, "", TooManyTags),
        ("RegionDisabledException", 403, "", RegionSwitchedOff),
        ("ValidationError", 400, "1 validation error detected", AwsUnavailable),
        ("SomethingNew", 400, "", AwsUnavailable),
        ("Throttling", 400, "Rate exceeded", AwsUnavailable),
        ("AccessDenied", 503, "", AwsUnavailable),
        ("", 0, "", AwsUnavailable),
    ],
)
def test_a_known_code_is_a_refusal_and_an_unknown_one_is_unavailable(
    code: str, status: int, message: str, expected: type[Refused] | type[Unavailable]
) -> None:
    """Each code of AWS's list has its refusal; whatever else AWS says means that it cannot be done now."""
    refusal = our_refusal(code=code, message=message, status=status)
    assert type(refusal) is expected
    assert code in refusal.cause
    assert code not in refusal.told or not code


@pytest.mark.attack("CR-04")
def test_a_message_that_quotes_the_statement_is_kept_without_it() -> None:
    """AWS's validation messages quote what was sent: the cause keeps the message and loses the quotation."""
    statement = "PHNhbWxwOlJlc3BvbnNl" * 20
    refusal = our_refusal(
        code="ValidationError", message=f"Value '{statement}' at 'sAMLAssertion' failed", status=400
    )
    assert "PHNhbWxwOlJlc3BvbnNl" not in refusal.cause
    assert "at 'sAMLAssertion' failed" in refusal.cause


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("Throttling", 400, True),
        ("x", 429, True),
        ("x", 500, True),
        ("x", 503, True),
        ("AccessDenied", 403, False),
    ],
)
def test_only_what_may_pass_is_worth_another_try(code: str, status: int, expected: bool) -> None:  # noqa: FBT001 - a table
    """Throttling and AWS's own errors may pass; a refusal does not."""
    assert may_pass(code, status) is expected
