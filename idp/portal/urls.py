"""Addresses of the pages for people."""

from django.urls import path

from idp.portal.change_password import change_password_page
from idp.portal.console import open_console
from idp.portal.roles import show_role, show_roles
from idp.portal.sessions import end_access, end_others, show_sessions
from idp.portal.sign_in import sign_in_page, sign_out_page

urlpatterns = [
    path("", show_roles, name="roles"),
    path("sign-in/", sign_in_page, name="sign-in"),
    path("sign-out/", sign_out_page, name="sign-out"),
    path("password/", change_password_page, name="password"),
    path("go/<str:account>/<str:role>", show_role, name="go"),
    path("roles/<str:account>/<str:role>/console", open_console, name="console"),
    path("sessions/", show_sessions, name="sessions"),
    path("sessions/<uuid:number>/end", end_access, name="end-access"),
    path("sessions/end-others", end_others, name="end-other-sessions"),
]
