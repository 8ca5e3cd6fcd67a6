"""Give out our metadata."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from idp.services.metadata import our_metadata

# SAML Metadata, appendix A: the registered type.
CONTENT_TYPE = "application/samlmetadata+xml"


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django hands it to every view
    """Our metadata as it stands; the database is not asked. Is Unavailable where there is no key."""
    return HttpResponse(our_metadata(), content_type=CONTENT_TYPE)
