"""Addresses of the SAML protocol."""

from django.urls import path

from idp.sso import logout
from idp.sso.help import service_help
from idp.sso.metadata import metadata
from idp.sso.sign_on import by_post, by_redirect, go_on
from idp.sso.start import start_at_service

urlpatterns = [
    path("saml/metadata", metadata, name="saml-metadata"),
    path("saml/help", service_help, name="saml-help"),
    path("saml/sso/redirect", by_redirect, name="saml-sso-redirect"),
    path("saml/sso/post", by_post, name="saml-sso-post"),
    path("saml/sso/continue", go_on, name="saml-go-on"),
    path("saml/sso/start", start_at_service, name="saml-start"),
    path("saml/slo/redirect", logout.by_redirect, name="saml-slo-redirect"),
    path("saml/slo/post", logout.by_post, name="saml-slo-post"),
    path("saml/slo/arrived", logout.arrived, name="saml-logout-arrived"),
    path("saml/slo/continue", logout.continue_logout, name="saml-logout-go-on"),
]
