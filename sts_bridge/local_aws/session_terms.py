"""What every operation that opens a session takes alike: policies that narrow it, tags, a name, a length."""

import json
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sts_bridge.local_aws.errors import AwsError, validation_error
from sts_bridge.local_aws.policies.documents import read_permissions
from sts_bridge.local_aws.policies.errors import MalformedPolicy
from sts_bridge.local_aws.policies.lawful import refuse_unlawful
from sts_bridge.local_aws.validation import ARN, NAME, Validator

LARGEST_TOKEN: Final = 4_096
LONGEST_POLICY: Final = 2_048
UNBOUNDED: Final = 100_000

# AWS publishes no limit of the packed form; this one is as long as that of the plain text.
_LARGEST_PACKED = 2_048
_MOST_POLICY_ARNS = 10
_MOST_TAGS = 50
_LONGEST_TAG_KEY, _LONGEST_TAG_VALUE = 128, 256
_POLICY_TEXT = "[\u0009\u000a\u000d\u0020-\u00ff]+"
_TAG_SIGNS = frozenset("_.:/=+-@")


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Session policies, and how much of their room they take with the tags, in percent."""

    policy: str | None
    policy_arns: tuple[str, ...]
    packed: int


def read_seconds(check: Validator, *, largest: int, default: int) -> int:
    """Give how long the session shall last."""
    return check.number("DurationSeconds", smallest=900, largest=largest, default=default)


def read_smallest_token(check: Validator) -> int:
    """Give the size that the token must at least have."""
    return check.number("MinimumSessionTokenSize", smallest=0, largest=LARGEST_TOKEN, default=0)


def read_source_identity(check: Validator) -> str | None:
    """Give the source identity that is asked for."""
    value = check.optional("SourceIdentity", shortest=2, longest=64, pattern=NAME)
    if value is not None and value.lower().startswith("aws:"):
        check.problem("SourceIdentity", "Member must not begin with aws:", value)
    return value


def read_policies(check: Validator, *, longest: int = LONGEST_POLICY) -> tuple[str | None, tuple[str, ...]]:
    """Give the session policies as they came; whether they fit and can be read is `narrow`'s business."""
    policy = check.optional("Policy", shortest=1, longest=longest, pattern=_POLICY_TEXT)
    names = check.members("PolicyArns", most=_MOST_POLICY_ARNS)
    arns = tuple(check.text(f"{name}.arn", shortest=20, longest=2_048, pattern=ARN) for name in names)
    return policy, arns


def read_tags(check: Validator) -> dict[str, str]:
    """Give the session tags; keys that differ in case only are one key twice."""
    tags: dict[str, str] = {}
    for name in check.members("Tags", most=_MOST_TAGS):
        key = check.text(f"{name}.Key", shortest=1, longest=_LONGEST_TAG_KEY)
        value = check.text(f"{name}.Value", shortest=0, longest=_LONGEST_TAG_VALUE)
        if not all(map(_is_tag_sign, key + value)):
            check.problem(
                name, r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+"
            )
        if key.casefold().startswith("aws:"):
            check.problem(f"{name}.Key", "Member must not begin with aws:", key)
        if key.casefold() in {known.casefold() for known in tags}:
            check.problem("Tags", f"Duplicate tag keys found: {key}")
        tags[key] = value
    return tags


def read_transitive_keys(check: Validator, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Give which of the tags go along when another role is taken."""
    known = {key.casefold(): key for key in tags}
    found = []
    for name in check.members("TransitiveTagKeys", most=_MOST_TAGS):
        key = check.text(name, shortest=1, longest=128)
        if key.casefold() not in known:
            check.problem("TransitiveTagKeys", "Member must be the key of a session tag", key)
        found.append(known.get(key.casefold(), key))
    return tuple(dict.fromkeys(found))


def narrow(policy: str | None, arns: tuple[str, ...], tags: Mapping[str, str]) -> Narrowing:
    """Give the session policies once they can be read and fit; refuses them otherwise."""
    if policy is not None:
        _refuse_malformed(policy)
    written = len(policy or "") + sum(map(len, arns))
    packed = max(_packed_size(policy, arns, tags) * 100, 0)
    percent = -(-packed // _LARGEST_PACKED)
    if written > LONGEST_POLICY:
        percent = max(percent, -(-written * 100 // LONGEST_POLICY))
    if percent > 100:  # noqa: PLR2004 - it is a percentage
        raise AwsError(
            "PackedPolicyTooLarge",
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy or fewer tags.",
            reason="sts.policy.too_large",
        )
    return Narrowing(policy=policy, policy_arns=arns, packed=percent)


def seconds_of_role(seconds: int, *, longest: int, chained: bool) -> int:
    """Give the length of a role's session; refuses more than the role allows, and than an hour of a chain."""
    if chained and seconds > 3_600:  # noqa: PLR2004 - the hour that AWS allows
        raise validation_error(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            "sts.duration.chained",
        )
    if seconds > longest:
        raise validation_error(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", "sts.duration"
        )
    return seconds


def _packed_size(policy: str | None, arns: tuple[str, ...], tags: Mapping[str, str]) -> int:
    """Give the size of everything in one text, deflated where that makes it shorter."""
    parts = [policy or "", *arns, *(text for pair in tags.items() for text in pair)]
    text = "".join(parts).encode()
    return min(len(text), len(zlib.compress(text)))


def _refuse_malformed(policy: str) -> None:
    try:
        document = json.loads(policy)
        read_permissions(document, name="session policy")
        refuse_unlawful(document)
    except (MalformedPolicy, RecursionError, ValueError) as problem:
        told = (
            str(problem)
            if isinstance(problem, MalformedPolicy)
            else "The policy is not in the valid JSON format."
        )
        raise AwsError("MalformedPolicyDocument", told, reason="sts.policy.malformed") from problem


def is_tag(key: str, value: str) -> bool:
    """Tell whether key and value are a session tag within AWS's limits."""
    if not 1 <= len(key) <= _LONGEST_TAG_KEY or len(value) > _LONGEST_TAG_VALUE:
        return False
    return not key.casefold().startswith("aws:") and all(map(_is_tag_sign, key + value))


def _is_tag_sign(sign: str) -> bool:
    return sign in _TAG_SIGNS or unicodedata.category(sign)[0] in "LZN"
