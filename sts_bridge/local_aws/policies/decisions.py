"""A request held to policies: an explicit Deny first, then whether anything allows it, and what decided."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from sts_bridge.local_aws.policies.documents import Named, Policy, Statement
from sts_bridge.local_aws.policies.patterns import Context, filled, fits, matches_pattern


class Naming(IntEnum):
    """How a trust policy names somebody: not at all, with the whole account, or in person."""

    NOT = 0
    ACCOUNT = 1
    PERSON = 2


@dataclass(frozen=True, slots=True)
class Asker:
    """The names under which policies may speak of the one who asks."""

    names: frozenset[str] = frozenset()
    account: frozenset[str] = frozenset()
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One thing that somebody wants to do."""

    action: str
    resource: str
    context: Context
    asker: Asker = Asker()


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policies say: which statement decided, or why none of them allows it."""

    allowed: bool
    explicitly_denied: bool = False
    decided_by: str | None = None
    naming: Naming = Naming.NOT
    failures: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """What decided, in one line for the log."""
        if self.decided_by:
            return self.decided_by
        return "; ".join(self.failures) or "no policy"


def decide(policies: Iterable[Policy], request: Request, *, by_trust: bool) -> Decision:
    """Give what these policies say; a trust policy is asked for the principal too, others for the resource."""
    allowed: tuple[str, Naming] | None = None
    failures = []
    for policy in policies:
        for statement in policy.statements:
            label = f"{policy.name}, {statement.label}"
            naming = _naming(statement, request.asker) if by_trust else Naming.PERSON
            mismatch = _mismatch(statement, request, naming, by_trust=by_trust)
            if mismatch is None and not statement.allows:
                return Decision(allowed=False, explicitly_denied=True, decided_by=label)
            if mismatch is None:
                if allowed is None or naming > allowed[1]:
                    allowed = (label, naming)
            elif statement.allows:
                failures.append(f"{label}: {mismatch}")
    if allowed is not None:
        return Decision(allowed=True, decided_by=allowed[0], naming=allowed[1])
    return Decision(allowed=False, failures=tuple(failures))


def _naming(statement: Statement, asker: Asker) -> Naming:
    if statement.not_principals is not None:
        spared = _is_spared(statement.not_principals, asker, fully=not statement.allows)
        return Naming.NOT if spared else Naming.PERSON
    named = statement.principals
    if asker.provider is not None:
        # A star opens nothing to providers; it only closes.
        in_person = asker.provider in named.federated or (named.every_provider and not statement.allows)
    else:
        in_person = named.everybody or bool(asker.names & named.aws)
    if in_person:
        return Naming.PERSON
    return Naming.ACCOUNT if asker.account & named.aws else Naming.NOT


def _is_spared(named: Named, asker: Asker, *, fully: bool) -> bool:
    """Tell whether `NotPrincipal` leaves the asker out; of a Deny only by name and account together, as in IAM."""
    if asker.provider is not None:
        return named.every_provider or asker.provider in named.federated
    in_person, by_account = bool(asker.names & named.aws), bool(asker.account & named.aws)
    return named.everybody or (in_person and by_account if fully else in_person or by_account)


def _mismatch(statement: Statement, request: Request, naming: Naming, *, by_trust: bool) -> str | None:
    """Give why the statement does not speak about this request, or nothing where it does."""
    if not statement.understood:
        return "an element is not understood" if statement.allows else None
    if not naming:
        return "principal"
    if not _names_action(statement, request.action.lower()):
        return "action"
    if not by_trust and not _names_resource(statement, request):
        return "resource"
    return _failed_condition(statement, request)


def _failed_condition(statement: Statement, request: Request) -> str | None:
    for condition in statement.conditions:
        held = condition.holds(request.context)
        if held is False:
            return f"condition {condition.told()}"
        if held is None and statement.allows:
            return f"condition {condition.told()} is not understood"
    return None


def _names_action(statement: Statement, action: str) -> bool:
    if statement.not_actions:
        return not any(matches_pattern(pattern, action) for pattern in statement.not_actions)
    return any(matches_pattern(pattern, action) for pattern in statement.actions)


def _names_resource(statement: Statement, request: Request) -> bool:
    named = statement.not_resources or statement.resources
    found = any(_is_resource(pattern, request) for pattern in named)
    return found != bool(statement.not_resources)


def _is_resource(text: str, request: Request) -> bool:
    pattern = filled(text, request.context)
    return pattern is not None and fits(pattern, request.resource)
