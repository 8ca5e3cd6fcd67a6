"""Addresses for programs."""

from django.urls import path

from idp.api.metrics import metrics
from idp.api.reports import take_policy_report
from idp.api.views import live, ready, started

urlpatterns = [
    path("health/live", live, name="health-live"),
    path("health/started", started, name="health-started"),
    path("health/ready", ready, name="health-ready"),
    path("metrics", metrics, name="metrics"),
    path("policy-reports", take_policy_report, name="policy-reports"),
]
