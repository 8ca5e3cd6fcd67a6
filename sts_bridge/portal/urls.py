"""Addresses of the bridge's pages."""

from django.urls import path

from sts_bridge.portal.credentials import show_credentials

urlpatterns = [
    path("roles/<str:account>/<str:role>/credentials", show_credentials, name="credentials"),
]
