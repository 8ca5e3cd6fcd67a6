"""Give out our metadata."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from idp.services.metadata import signed_metadata

# SAML Metadata, appendix A: the registered type.
CONTENT_TYPE = "application/samlmetadata+xml"


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django hands it to every view
    """Our metadata as it stands; the database is not asked. Is Unavailable where there is no key."""
    return HttpResponse(signed_metadata(now=datetime.now(UTC)), content_type=CONTENT_TYPE)
