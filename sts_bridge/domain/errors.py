"""What AWS may refuse, in our words. The cause keeps AWS's own message for the log and the audit."""

from idp.domain.errors import Refused, Unavailable


class StatementNotAccepted(Refused):
    """STS does not take our statement: the provider, its metadata or the audience do not fit."""

    code = "aws-statement-refused"
    sentence = (
        "AWS did not accept our statement for this account. "
        "Tell your administrators: the account's SAML provider does not fit this site."
    )


class TokenIssuerUnknown(Refused):
    """AWS could not ask the token's issuer for its keys."""

    code = "aws-issuer-unreachable"
    sentence = "AWS could not reach the issuer of this token. If it stays so, tell your administrators."


class StatementTooOld(Refused):
    """The statement was not redeemed within AWS's five minutes."""

    code = "aws-statement-expired"
    sentence = (
        "AWS says that our statement is too old. Please try again; if it happens again, a clock is wrong."
    )


class RoleDoesNotTrustUs(Refused):
    """The role is missing in AWS, or its trust policy does not let this person in."""

    code = "aws-role-refused"
    sentence = (
        "AWS did not give you this role. Tell your administrators: "
        "the role is missing in the account, or its trust policy does not allow it."
    )


class SessionTooLong(Refused):
    """The role's own limit in AWS is shorter than what it is registered with here."""

    code = "aws-session-too-long"
    sentence = (
        "This role allows only shorter sessions in AWS than it is registered with here. "
        "Tell your administrators."
    )


class TooManyTags(Refused):
    """Session tags and policies do not fit into a session."""

    code = "aws-session-too-large"
    sentence = "AWS says that the session's tags and policies are too large. Tell your administrators."


class RegionSwitchedOff(Refused):
    """STS is switched off for this account in the configured region."""

    code = "aws-region-switched-off"
    sentence = "AWS's token service is switched off in the region this site uses. Tell your administrators."


class AwsUnavailable(Unavailable):
    """STS did not answer, asked us to slow down, or said something that we do not know."""

    code = "aws-unavailable"
    sentence = "AWS cannot be reached at the moment. Please try again in a minute."


class ConsoleNotOpened(Refused):
    """AWS's federation endpoint does not take these credentials."""

    code = "aws-console-refused"
    sentence = "AWS did not open the console with these credentials. Please tell your administrators."


class NarrowingTooLarge(Refused):
    """The session policy is longer than AWS takes."""

    code = "narrowing-too-large"
    sentence = "So much narrowing does not fit into one session. Please take a part of it back."


class NotNarrowedLikeThis(Refused):
    """This role's road has no way to narrow it so."""

    code = "not-narrowed-like-this"
    sentence = "A session of this role cannot be narrowed to reading only. Its time, region and address can."


class BrokerUnknown(Unavailable):
    """The broker has no identity of its own in AWS, or AWS does not know it."""

    code = "aws-broker-unknown"
    sentence = "This role cannot be given at the moment. Your administrators have been told why."


class ForeignPolicy(Refused):
    """A policy of the name that we would write says something that is not ours to change."""

    code = "aws-foreign-policy"
    sentence = "A policy of this name in AWS says something else. Please look at the role in AWS."


class PolicyFull(Refused):
    """The role has no room for another denial; there may be some when others have ended."""

    code = "aws-policy-full"
    sentence = "Not ended yet: the role's policies in AWS have no room. End the whole role?"


class NothingThere(Refused):
    """AWS has no such role or policy."""

    code = "aws-nothing-there"
    sentence = "AWS has no such role."


class EnderNotTaken(Refused):
    """The role by which sessions are ended is not there, or does not let this site in."""

    code = "ender-not-taken"
    sentence = "AWS does not let this site take the role by which it ends sessions in the account."


class NoEnder(Refused):
    """No role is named by which sessions are ended, or it may not."""

    code = "no-ender"
    sentence = "This site has no right to end sessions in the account."
