"""Addresses of the bridge's pages."""

from django.urls import path

from sts_bridge.portal.console import open_console_by_broker, show_session_ended
from sts_bridge.portal.credentials import renew_credentials, show_credentials
from sts_bridge.portal.narrow import show_narrow
from sts_bridge.portal.web_identity import exchange

urlpatterns = [
    path("roles/<str:account>/<str:role>/credentials", show_credentials, name="credentials"),
    path("roles/<str:account>/<str:role>/broker", open_console_by_broker, name="broker"),
    path("go/<str:account>/<str:role>/narrow", show_narrow, name="narrow"),
    path("sessions/<uuid:number>/renew", renew_credentials, name="renew"),
    path("api/web-identity/credentials", exchange, name="web-identity"),
    path("session-ended/", show_session_ended, name="session-ended"),
]
