"""Conditions: one operator on one key; whether it holds is yes, no, or not known to this reader."""

from dataclasses import dataclass, field
from typing import Final

from sts_bridge.local_aws.policies.keys import is_known, is_list
from sts_bridge.local_aws.policies.operators import COMPARISONS, NEGATED
from sts_bridge.local_aws.policies.patterns import (
    Context,
    Pattern,
    filled,
    has_variables,
    is_understood,
    wildcards,
)

_QUALIFIERS: Final = {"", "foranyvalue", "forallvalues"}
_IF_EXISTS: Final = "ifexists"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator, with its qualifier, on one key."""

    operator: str
    qualifier: str
    if_exists: bool
    key: str
    wanted: tuple[str, ...]
    _fixed: tuple[Pattern, ...] | None = field(repr=False)

    def holds(self, context: Context) -> bool | None:
        """Tell whether the request meets the condition, or nothing if this reader cannot tell."""
        if not is_known(self.key) or self.qualifier not in _QUALIFIERS:
            return None
        # No value at all is what IAM calls null, whether the key is there or not.
        values = context.get(self.key) or None
        if self.operator == "null":
            return self._holds_null(values)
        negated = self.operator in NEGATED
        compare = COMPARISONS.get(NEGATED.get(self.operator, self.operator))
        patterns = self._patterns(context)
        if compare is None or patterns is None or (is_list(self.key) and not self.qualifier):
            return None
        if values is None:
            return self.if_exists or (negated and not self.qualifier) or self.qualifier == "forallvalues"
        each = []
        for value in values:
            found = [compare(pattern, value) for pattern in patterns]
            if None in found:
                return None
            each.append(any(found) != negated)
        return any(each) if self.qualifier == "foranyvalue" else all(each)

    def told(self) -> str:
        """Give the condition as people write it, for the explanation of a refusal."""
        qualifier = f"{self.qualifier}:" if self.qualifier else ""
        return f"{qualifier}{self.operator}{_IF_EXISTS if self.if_exists else ''} {self.key}"

    def _patterns(self, context: Context) -> tuple[Pattern, ...] | None:
        if self._fixed is not None:
            return self._fixed
        if not all(map(is_understood, self.wanted)):
            return None
        patterns = (filled(value, context) for value in self.wanted)
        return tuple(pattern for pattern in patterns if pattern is not None)

    def _holds_null(self, values: tuple[str, ...] | None) -> bool | None:
        wanted = {value.lower() for value in self.wanted}
        if self.qualifier or self.if_exists or not wanted <= {"true", "false"}:
            return None
        return ("true" if values is None else "false") in wanted


def read_condition(operator: str, key: str, wanted: tuple[str, ...]) -> Condition:
    """Give the condition that one operator, one key and its values make; both names come in any case."""
    qualifier, _, name = operator.lower().rpartition(":")
    varies = any(map(has_variables, wanted))
    return Condition(
        operator=name.removesuffix(_IF_EXISTS),
        qualifier=qualifier,
        if_exists=name.endswith(_IF_EXISTS),
        key=key.lower(),
        wanted=wanted,
        _fixed=None if varies else tuple(map(wildcards, wanted)),
    )
