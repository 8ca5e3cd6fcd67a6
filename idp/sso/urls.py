"""Addresses of the SAML protocol."""

from django.urls import path

from idp.sso.metadata import metadata

urlpatterns = [
    path("saml/metadata", metadata, name="saml-metadata"),
]
