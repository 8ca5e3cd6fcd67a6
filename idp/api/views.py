"""Health: whether the process lives, whether it may be sent requests, and if not, what is not well."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from idp.services.health import PartHealth, look_after_health, tables_are_there


@require_safe
def live(_request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is looked at, so that a fault elsewhere restarts nobody."""
    return JsonResponse({"live": True})


@require_safe
def started(_request: HttpRequest) -> JsonResponse:
    """The database has the tables of this release."""
    is_started = tables_are_there()
    return JsonResponse(
        {"started": is_started}, status=HTTPStatus.OK if is_started else HTTPStatus.SERVICE_UNAVAILABLE
    )


@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """All is well that requests need, and one server of each directory; otherwise 503, and what is not."""
    health = look_after_health(now=datetime.now(UTC))
    answer = {"ready": health.is_well, "parts": {part.name: told(part) for part in health.parts}}
    return JsonResponse(answer, status=HTTPStatus.OK if health.is_well else HTTPStatus.SERVICE_UNAVAILABLE)


def told(part: PartHealth) -> dict[str, Any]:
    """One part for machines: whether it is well, what is wrong, and how each of its servers does."""
    answer: dict[str, Any] = {"ok": part.is_well}
    if part.cause:
        answer["cause"] = part.cause
    if part.warning:
        answer["warning"] = part.warning
    if part.servers:
        answer["servers"] = [
            {
                "directory": server.directory,
                "uri": server.uri,
                "ok": not server.problem,
                "breaker": server.state,
                "milliseconds": None if server.milliseconds is None else round(server.milliseconds, 1),
                **({"problem": server.problem} if server.problem else {}),
            }
            for server in part.servers
        ]
    return answer
