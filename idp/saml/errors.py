"""What goes wrong with XML and with keys, each under its own name."""

from enum import StrEnum
from typing import ClassVar

from idp.domain.errors import Malformed, Refused, SigningUnavailable


class MalformedXml(Malformed):
    """Not a document that our parser reads: not well-formed, too large, too deep, or with a document type."""

    code = "malformed-xml"
    sentence = "What was sent is no XML that is accepted here."


class UntrustedMessage(Malformed):
    """A message that we do not act upon; `reason` is a machine's word, and outside all look alike."""

    code = "request-not-trusted"
    sentence = (
        "What the service sent with you could not be trusted, so nothing was sent back to it. "
        "Please start again at the service; if it stays so, tell its administrators."
    )

    def __init__(self, reason: str, remark: str = "") -> None:
        """Keep the reason for counting; the remark joins it in the log."""
        super().__init__(f"{reason}: {remark[:200]}" if remark else reason)
        self.reason = reason


class UnlawfulValue(Refused):
    """A value that XML cannot carry unchanged, or that no reader would accept."""

    code = "unlawful-value"
    sentence = (
        "Your entry in the directory holds characters AWS does not accept. Please tell your administrators."
    )


class StatementTooLarge(Refused):
    """A statement longer than AWS takes."""

    code = "statement-too-large"
    sentence = "Your entry in the directory is too large for AWS. Please tell your administrators."


class KeyFault(StrEnum):
    """Everything that can be wrong with the signing key."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    PERMISSIONS = "permissions"
    GARBLED = "garbled"
    WEAK = "weak"
    MISMATCH = "mismatch"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"


class KeyUnusable(SigningUnavailable):
    """There is no key that may sign; `cause` names file and fault, `hint` says what to do."""

    # Time alone makes or mends these; with any other a human being has made a mistake that must not serve.
    harmless: ClassVar[frozenset[KeyFault]] = frozenset(
        {KeyFault.MISSING, KeyFault.NOT_YET_VALID, KeyFault.EXPIRED}
    )

    def __init__(self, fault: KeyFault, cause: str, *, hint: str) -> None:
        """Keep fault and hint beside the cause."""
        super().__init__(cause)
        self.fault = fault
        self.hint = hint

    @property
    def may_start(self) -> bool:
        """Whether the site may serve everything else meanwhile."""
        return self.fault in self.harmless


class MetadataRefused(Malformed):
    """Metadata that is not believed or cannot be used; `reason` is the machine's word for why."""

    code = "metadata-refused"
    sentence = "This metadata cannot be used."

    def __init__(self, reason: str, sentence: str, cause: str = "") -> None:
        """Keep the machine's word, and tell people in a sentence."""
        super().__init__(f"{reason} {cause}".strip(), sentence=sentence)
        self.reason = reason


class KeyChangeRefused(Refused):
    """A change of keys that would lose or break something."""

    code = "key-change-refused"
    sentence = "The keys were left as they are."
