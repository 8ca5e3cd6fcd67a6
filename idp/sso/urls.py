"""Addresses of the SAML protocol, below `/saml/`."""

from django.urls import path

from idp.sso import logout
from idp.sso.help import service_help
from idp.sso.metadata import metadata
from idp.sso.sign_on import by_post, by_redirect, go_on
from idp.sso.start import start_at_service

urlpatterns = [
    path("metadata", metadata, name="saml-metadata"),
    path("help", service_help, name="saml-help"),
    path("sso/redirect", by_redirect, name="saml-sso-redirect"),
    path("sso/post", by_post, name="saml-sso-post"),
    path("sso/continue", go_on, name="saml-go-on"),
    path("sso/start", start_at_service, name="saml-start"),
    path("slo/redirect", logout.by_redirect, name="saml-slo-redirect"),
    path("slo/post", logout.by_post, name="saml-slo-post"),
    path("slo/arrived", logout.arrived, name="saml-logout-arrived"),
    path("slo/continue", logout.continue_logout, name="saml-logout-go-on"),
]
