"""Parameters of an operation held to the limits of the service model, refused in AWS's words."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from sts_bridge.local_aws.errors import AwsError, validation_error

_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_POLICY_TEXT = re.compile(r"[\x09\x0a\x0d\x20-\xff]+")
_LONGEST_ECHO = 256
_MOST_POLICY_ARNS = 10
_LONGEST_POLICY = 2_048


@dataclass(slots=True)
class Validator:
    """Reads parameters and gathers what is wrong with them, because AWS tells all of it at once."""

    parameters: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def text(self, name: str, *, shortest: int, longest: int, secret: bool = False) -> str:
        """Give a required text of a lawful length."""
        value = self.parameters.get(name)
        if value is None:
            self.problems.append(
                f"Value null at '{_label(name)}' failed to satisfy constraint: Member must not be null"
            )
            return ""
        if len(value) < shortest:
            self._too("length", "greater", name, value, shortest, secret=secret)
        elif len(value) > longest:
            self._too("length", "less", name, value, longest, secret=secret)
        return value

    def number(self, name: str, *, smallest: int, largest: int, default: int) -> int:
        """Give a whole number within its range."""
        value = self.parameters.get(name)
        if value is None:
            return default
        if not _NUMBER.fullmatch(value):
            self.problems.append(
                f"Value at '{_label(name)}' failed to satisfy constraint: Member must be an integer"
            )
            return default
        if int(value) < smallest:
            self._too("value", "greater", name, value, smallest)
        elif int(value) > largest:
            self._too("value", "less", name, value, largest)
        return int(value)

    def policy(self) -> str | None:
        """Give the session policy, if there is one: a JSON object of at most 2,048 characters."""
        value = self.parameters.get("Policy")
        if value is None:
            return None
        if not value or len(value) > _LONGEST_POLICY:
            side, bound = ("less", _LONGEST_POLICY) if value else ("greater", 1)
            self._too("length", side, "Policy", value, bound)
        elif not _POLICY_TEXT.fullmatch(value) or not _is_json_object(value):
            raise AwsError(
                "MalformedPolicyDocument",
                "The policy is not in the valid JSON format.",
                status=HTTPStatus.BAD_REQUEST,
                reason="sts.policy.malformed",
            )
        return value

    def policy_arns(self) -> tuple[str, ...]:
        """Give the managed policies that shall narrow the session, at most ten."""
        found = tuple(
            value
            for name, value in self.parameters.items()
            if re.fullmatch(r"PolicyArns\.member\.[0-9]{1,3}\.arn", name, re.ASCII)
        )
        if len(found) > _MOST_POLICY_ARNS:
            self._too("length", "less", "PolicyArns", f"{len(found)} members", _MOST_POLICY_ARNS)
        for value in found:
            if not len("arn:aws:iam::aws:pol") <= len(value) <= _LONGEST_POLICY:
                self._too("length", "greater", "PolicyArns.member.arn", value, 20)
        return found

    def refuse_problems(self) -> None:
        """Let the call go on, or refuse it with everything that was found wrong."""
        if self.problems:
            count = len(self.problems)
            raise validation_error(
                f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(self.problems)}",
                "sts.validation",
            )

    def _too(self, kind: str, side: str, name: str, value: str, bound: int, *, secret: bool = False) -> None:
        shown = "Value" if secret else f"Value '{value[:_LONGEST_ECHO]}'"
        self.problems.append(
            f"{shown} at '{_label(name)}' failed to satisfy constraint: "
            f"Member must have {kind} {side} than or equal to {bound}"
        )


def packed_size(policy: str | None, policy_arns: tuple[str, ...]) -> int:
    """Give how much of the room for session policies is used, in percent; refuses more than all of it."""
    used = len(policy or "") + sum(map(len, policy_arns))
    percent = -(-used * 100 // _LONGEST_POLICY)
    if used > _LONGEST_POLICY:
        raise AwsError(
            "PackedPolicyTooLarge",
            f"The packed size of the session policies and tags is {percent}% of the limit.",
            status=HTTPStatus.BAD_REQUEST,
            reason="sts.policy.too_large",
        )
    return percent


def _label(name: str) -> str:
    return name[0].lower() + name[1:]


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (RecursionError, ValueError):
        return False
