"""Trust policies: may this action be done on this role, for a principal of this SAML provider?

What this reader does not know never allows: an unknown operator, condition key, element or policy variable
makes an Allow not match and a Deny match.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sts_bridge.local_aws.errors import WorldError

ASSUME_ROLE: Final = "sts:AssumeRoleWithSAML"
TAG_SESSION: Final = "sts:TagSession"
SET_SOURCE_IDENTITY: Final = "sts:SetSourceIdentity"

_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "Condition"}
_VERSIONS = ("2012-10-17", "2008-10-17")
_SINGLE_KEYS = frozenset(
    {
        "saml:aud",
        "saml:doc",
        "saml:iss",
        "saml:namequalifier",
        "saml:sub",
        "saml:sub_type",
        "sts:rolesessionname",
        "sts:sourceidentity",
    }
)
_LIST_KEYS = frozenset({"aws:tagkeys", "sts:transitivetagkeys"})
_TAG_KEY = "aws:requesttag/"

Context = Mapping[
    str, tuple[str, ...]
]  # condition key in lower case to its values; what is absent is not in it


def matches_pattern(pattern: str, text: str) -> bool:
    """Tell whether the text fits a pattern of `*` and `?`, in time bounded by the product of the lengths."""
    at = start = 0
    star = -1
    for_star = 0
    while start < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, for_star = at, start
            at += 1
        elif at < len(pattern) and pattern[at] in {"?", text[start]}:
            at += 1
            start += 1
        elif star >= 0:
            for_star += 1
            at, start = star + 1, for_star
        else:
            return False
    return not pattern[at:].strip("*")


_Comparison = Callable[[str, str], bool]  # policy value, then the value of the request
_COMPARISONS: Final[dict[str, _Comparison]] = {
    "stringequals": lambda wanted, value: wanted == value,
    "stringequalsignorecase": lambda wanted, value: wanted.casefold() == value.casefold(),
    "stringlike": matches_pattern,
}
_NEGATED: Final = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key; whether it holds is yes, no, or not known to this reader."""

    operator: str
    qualifier: str
    if_exists: bool
    key: str
    wanted: tuple[str, ...]

    def holds(self, context: Context) -> bool | None:
        """Tell whether the request meets the condition, or nothing if this reader cannot tell."""
        is_list = self.key in _LIST_KEYS
        is_tag = self.key.startswith(_TAG_KEY) and self.key != _TAG_KEY
        if not (is_list or is_tag or self.key in _SINGLE_KEYS) or any("${" in value for value in self.wanted):
            return None
        values = context.get(self.key)
        if self.operator == "null":
            return self._holds_null(values)
        negated = self.operator in _NEGATED
        compare = _COMPARISONS.get(_NEGATED.get(self.operator, self.operator))
        if compare is None or (is_list and not self.qualifier):
            return None
        if values is None:
            return self.if_exists or (negated and not self.qualifier) or self.qualifier == "forallvalues"
        each = [any(compare(wanted, value) for wanted in self.wanted) != negated for value in values]
        return any(each) if self.qualifier == "foranyvalue" else all(each)

    def _holds_null(self, values: tuple[str, ...] | None) -> bool | None:
        if self.qualifier or self.if_exists or self.wanted not in {("true",), ("false",)}:
            return None
        return (values is None) == (self.wanted == ("true",))


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a trust policy, read once."""

    allows: bool
    understood: bool
    federated: frozenset[str]
    everybody: bool
    actions: tuple[str, ...]
    conditions: tuple[Condition, ...]

    def matches(self, *, provider: str, action: str, context: Context) -> bool:
        """Tell whether the statement speaks about this request; what is not understood only ever denies."""
        if not self.understood:
            return not self.allows
        if provider not in self.federated and (self.allows or not self.everybody):
            return False
        if not any(matches_pattern(pattern, action.lower()) for pattern in self.actions):
            return False
        for condition in self.conditions:
            held = condition.holds(context)
            if held is False or (held is None and self.allows):
                return False
        return True


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Whom a role trusts."""

    statements: tuple[Statement, ...]

    def permits(self, *, provider: str, action: str, context: Context) -> bool:
        """Tell whether some statement allows the action and none denies it."""
        effects = {
            statement.allows
            for statement in self.statements
            if statement.matches(provider=provider, action=action, context=context)
        }
        return effects == {True}


def read_trust_policy(document: object) -> TrustPolicy:
    """Give the policy that a document describes; refuses with WorldError what IAM would call malformed."""
    if not isinstance(document, dict) or document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise WorldError("the trust policy is not a policy document of a known Version")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise WorldError("the trust policy has no Statement")
    return TrustPolicy(tuple(map(_read_statement, statements)))


def _read_statement(document: object) -> Statement:
    if not isinstance(document, dict) or document.get("Effect") not in {"Allow", "Deny"}:
        raise WorldError("each Statement of a trust policy needs an Effect, Allow or Deny")
    principal = document.get("Principal")
    named = principal if isinstance(principal, dict) else {}
    federated = frozenset(_strings(named.get("Federated", []), "Principal"))
    return Statement(
        allows=document["Effect"] == "Allow",
        understood=document.keys() <= _ELEMENTS,
        federated=federated - {"*"},
        everybody=principal == "*" or "*" in federated or "*" in _strings(named.get("AWS", []), "Principal"),
        actions=tuple(action.lower() for action in _strings(document.get("Action", []), "Action")),
        conditions=_read_conditions(document.get("Condition", {})),
    )


def _read_conditions(document: object) -> tuple[Condition, ...]:
    if not isinstance(document, dict) or not all(isinstance(keys, dict) for keys in document.values()):
        raise WorldError("the Condition of a trust policy must map operators to keys and values")
    return tuple(
        _read_condition(str(operator).lower(), str(key).lower(), _strings(wanted, "Condition"))
        for operator, keys in document.items()
        for key, wanted in keys.items()
    )


def _read_condition(operator: str, key: str, wanted: tuple[str, ...]) -> Condition:
    qualifier, _, plain = operator.rpartition(":")
    return Condition(
        operator=plain.removesuffix("ifexists") if qualifier in {"", "foranyvalue", "forallvalues"} else "?",
        qualifier=qualifier,
        if_exists=plain.endswith("ifexists"),
        key=key,
        wanted=wanted,
    )


def _strings(value: object, where: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | bool | int) for one in values):
        raise WorldError(f"the {where} of a trust policy must hold a text or a list of texts")
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
