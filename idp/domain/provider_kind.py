"""`ProviderKind`: what is known of a service beyond its metadata, and how much it takes."""

from enum import StrEnum


class ProviderKind(StrEnum):
    """What is known of a service beyond its metadata."""

    AWS = "aws"
    IDENTITY_CENTER = "identity-center"
    GENERIC = "generic"

    @property
    def longest_response(self) -> int:
        """How many base64 characters of a response it takes (STS API Reference; quotas of IAM Identity Center)."""
        longest = {ProviderKind.AWS: 100_000, ProviderKind.IDENTITY_CENTER: 66_000}
        return longest.get(self, 200_000)

    @property
    def longest_assertion(self) -> int:
        """How many octets of an assertion as XML it takes (quotas of IAM Identity Center)."""
        longest = {ProviderKind.AWS: 75_000, ProviderKind.IDENTITY_CENTER: 50_000}
        return longest.get(self, 150_000)
