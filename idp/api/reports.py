"""What browsers report of our content security policy: a page, or somebody in it, tried what it must not."""

import json
import logging

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from idp.domain.errors import Malformed
from idp.web.request_id import client_address, reference_of

logger = logging.getLogger("drawbridge.web")

LONGEST_REPORT = 8_192
LONGEST_VALUE = 200
TOLD = ("document-uri", "effective-directive", "blocked-uri", "source-file", "line-number")


class NotAReport(Malformed):
    """What came is no report of a browser."""

    code = "not-a-report"


@csrf_exempt  # browsers send these by themselves, without a token; nothing is changed by one
@require_POST
def take_policy_report(request: HttpRequest) -> HttpResponse:
    """The report is in the log, cut to what is worth knowing; refuses what is too long or no report."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST_REPORT:
        raise NotAReport("too long")
    try:
        report = json.loads(request.body)["csp-report"]
        told = {name: str(report[name])[:LONGEST_VALUE] for name in TOLD if name in report}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotAReport(type(error).__name__) from error
    facts = {"reference": reference_of(request), "address": client_address(request), "told": told}
    logger.warning("policy.violated", extra={"facts": facts})
    return HttpResponse(status=204)
