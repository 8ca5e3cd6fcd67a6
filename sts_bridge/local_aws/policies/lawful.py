"""What IAM and STS refuse of a policy that is handed in, in AWS's words; a world file may hold what AWS would not."""

import re
from collections.abc import Mapping
from typing import Any, Final

from sts_bridge.local_aws.policies.errors import MalformedPolicy
from sts_bridge.local_aws.policies.operators import COMPARISONS, NEGATED

_DOCUMENT: Final = {"Version", "Id", "Statement"}
_STATEMENT: Final = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_PRINCIPALS: Final = {"Principal", "NotPrincipal"}
_OPERATORS: Final = {*COMPARISONS, *NEGATED, "null"}
_OPERATOR = re.compile(r"(?:for(?:any|all)values?:)?(?P<name>[a-z]+?)(?P<ifexists>ifexists)?")
_ACTION = re.compile(r"\*|[A-Za-z0-9_*?-]+:[A-Za-z0-9*?_-]+", re.ASCII)
_SID = re.compile(r"[0-9A-Za-z]*", re.ASCII)
_SYNTAX = "Syntax errors in policy."


def refuse_unlawful(document: Mapping[str, Any]) -> None:
    """The document, which has been read, would be taken; refuses with MalformedPolicy what AWS would not store."""
    if not document.keys() <= _DOCUMENT:
        raise MalformedPolicy(_SYNTAX)
    statements = document["Statement"]
    statements = [statements] if isinstance(statements, dict) else statements
    if not statements:
        raise MalformedPolicy(_SYNTAX)
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    if len(sids) != len(set(sids)):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    if not all(_SID.fullmatch(sid) for sid in sids):
        raise MalformedPolicy(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*"
        )
    for statement in statements:
        _refuse_statement(statement)


def _refuse_statement(statement: Mapping[str, Any]) -> None:
    if statement.keys() & _PRINCIPALS:
        raise MalformedPolicy("Policy document should not specify a principal.")
    if not statement.keys() <= _STATEMENT:
        raise MalformedPolicy(_SYNTAX)
    for name in ("Action", "Resource"):
        if name in statement and f"Not{name}" in statement:
            raise MalformedPolicy(_SYNTAX)
    for action in _texts(statement, "Action"):
        if not _ACTION.fullmatch(action):
            raise MalformedPolicy(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
            )
    for resource in _texts(statement, "Resource"):
        if resource != "*" and not resource.startswith(("arn:", "${")):
            raise MalformedPolicy(f'Resource {resource[:256]} must be in ARN format or "*".')
    _refuse_operators(statement.get("Condition", {}))


def _refuse_operators(conditions: Mapping[str, Any]) -> None:
    for operator in conditions:
        found = _OPERATOR.fullmatch(operator.lower())
        if (
            found is None
            or found["name"] not in _OPERATORS
            or (found["name"] == "null" and found["ifexists"])
        ):
            raise MalformedPolicy(f"Invalid Condition type : {operator[:64]}.")


def _texts(statement: Mapping[str, Any], name: str) -> list[str]:
    values = statement.get(name, statement.get(f"Not{name}", []))
    return [str(value) for value in (values if isinstance(values, list) else [values])]
