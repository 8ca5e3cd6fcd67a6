"""Which door opens at which path, of both applications; the bridge is named as text only."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("saml/", include("idp.sso.urls")),
    path("", include("idp.portal.urls")),
    path("", include("sts_bridge.portal.urls")),
    path("", include("idp.api.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "idp.web.refusals.bad_request"
handler403 = "idp.web.refusals.forbidden"
handler404 = "idp.web.refusals.page_not_found"
handler500 = "idp.web.refusals.server_error"
