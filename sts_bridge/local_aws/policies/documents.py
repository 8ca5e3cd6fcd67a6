"""Policy documents, read once: trust policies of roles, and the permissions of users, roles and sessions.

What this reader does not know never allows: an unknown operator, condition key, element or variable makes an
Allow not match and a Deny match.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sts_bridge.local_aws.policies.conditions import Condition, read_condition
from sts_bridge.local_aws.policies.errors import MalformedPolicy

VERSIONS: Final = ("2012-10-17", "2008-10-17")

_TRUST = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition"}
_PERMISSIONS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a statement speaks of; a bare star is everybody, a star among the providers is every provider."""

    aws: frozenset[str] = frozenset()
    federated: frozenset[str] = frozenset()
    everybody: bool = False
    every_provider: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; the names of actions are in lower case."""

    label: str
    allows: bool
    understood: bool
    principals: Named
    not_principals: Named | None
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """One document; its name is what an explanation calls it."""

    name: str
    statements: tuple[Statement, ...]


def read_trust_policy(document: object) -> Policy:
    """Give whom a role trusts; refuses with MalformedPolicy what IAM would not store."""
    return _read(document, name="trust policy", elements=_TRUST, empty=False)


def read_permissions(document: object, *, name: str) -> Policy:
    """Give what a user, a role or a session may do; refuses with MalformedPolicy what IAM would not store."""
    policy = _read(document, name=name, elements=_PERMISSIONS, empty=True)
    for statement in policy.statements:
        if statement.understood and not (statement.actions or statement.not_actions):
            raise MalformedPolicy(f"{statement.label} needs an Action")
        if statement.understood and not (statement.resources or statement.not_resources):
            raise MalformedPolicy(f"{statement.label} needs a Resource")
    return policy


def _read(document: object, *, name: str, elements: set[str], empty: bool) -> Policy:
    if not isinstance(document, dict) or document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise MalformedPolicy("it is not a policy document of a known Version")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not (statements or empty):
        raise MalformedPolicy("it has no Statement")
    # Only the newer language has variables, and a document without a version is in the older one.
    literal = document.get("Version", VERSIONS[1]) != VERSIONS[0]
    return Policy(
        name,
        tuple(
            _read_statement(entry, at, elements, literal=literal)
            for at, entry in enumerate(statements, start=1)
        ),
    )


def _read_statement(document: object, number: int, elements: set[str], *, literal: bool) -> Statement:
    if not isinstance(document, dict) or document.get("Effect") not in {"Allow", "Deny"}:
        raise MalformedPolicy("each Statement needs an Effect, Allow or Deny")
    sid = document.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise MalformedPolicy("a Sid must be a text")
    if "Principal" in document and "NotPrincipal" in document:
        raise MalformedPolicy("a statement has Principal or NotPrincipal, not both")
    others = document.get("NotPrincipal")
    return Statement(
        label=sid or f"statement {number}",
        allows=document["Effect"] == "Allow",
        understood=document.keys() <= elements,
        principals=_read_principals(document.get("Principal")),
        not_principals=None if others is None else _read_principals(others),
        actions=_lowered(document, "Action"),
        not_actions=_lowered(document, "NotAction"),
        resources=_texts(document.get("Resource", []), "Resource", literal=literal),
        not_resources=_texts(document.get("NotResource", []), "NotResource", literal=literal),
        conditions=_read_conditions(document.get("Condition", {}), literal=literal),
    )


def _read_principals(principal: object) -> Named:
    named: Mapping[str, Any] = principal if isinstance(principal, dict) else {}
    aws = frozenset(_strings(named.get("AWS", []), "Principal"))
    federated = frozenset(_strings(named.get("Federated", []), "Principal"))
    everybody = principal == "*" or "*" in aws
    return Named(
        aws=aws - {"*"},
        federated=federated - {"*"},
        everybody=everybody,
        every_provider=everybody or "*" in federated,
    )


def _read_conditions(document: object, *, literal: bool) -> tuple[Condition, ...]:
    if not isinstance(document, dict) or not all(isinstance(keys, dict) for keys in document.values()):
        raise MalformedPolicy("a Condition must map operators to keys and values")
    return tuple(
        read_condition(str(operator), str(key), _texts(wanted, "Condition", literal=literal))
        for operator, keys in document.items()
        for key, wanted in keys.items()
    )


def _lowered(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(action.lower() for action in _strings(document.get(name, []), name))


def _texts(value: object, where: str, *, literal: bool) -> tuple[str, ...]:
    """Give the texts; in the older language what looks like a variable stands for itself."""
    found = _strings(value, where)
    return tuple(text.replace("${", "${$}{") for text in found) if literal else found


def _strings(value: object, where: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | bool | int | float) for one in values):
        raise MalformedPolicy(f"{where} must hold a text or a list of texts")
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
