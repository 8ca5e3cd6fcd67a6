"""Reports of a violated policy are logged, cut and harmless."""

import json
import logging

import pytest
from django.test import RequestFactory
from django.urls import reverse

from idp.api.reports import NotAReport, take_policy_report
from idp.web.security_headers import content_security_policy

REPORT = {
    "document-uri": "https://idp.example.test/",
    "effective-directive": "script-src",
    "blocked-uri": "inline",
}


def report(body: bytes) -> int:
    """The status that this report gets."""
    request = RequestFactory().post("/policy-reports", body, content_type="application/csp-report")
    return take_policy_report(request).status_code


def test_a_report_is_logged_without_what_nobody_asked_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known fields are told and cut; a sample of the page, which may hold a secret, is not."""
    monkeypatch.setattr(logging.getLogger("drawbridge"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("drawbridge"), "handlers", [])
    sent = {**REPORT, "script-sample": "canary", "blocked-uri": "x" * 5_000}
    assert report(json.dumps({"csp-report": sent}).encode()) == 204
    [record] = caplog.records
    told = record.__dict__["facts"]["told"]
    assert told == {**REPORT, "blocked-uri": "x" * 200}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"csp-report": 1}', b"\xff", b"[" * 8_000, b"x" * 9_000],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_report_is_refused(body: bytes) -> None:
    """Anything else is refused; the smallest report is taken."""
    with pytest.raises(NotAReport):
        report(body)
    assert report(b'{"csp-report": {}}') == 204


def test_the_policy_names_the_address() -> None:
    """What the header says is where reports are taken."""
    assert f"report-uri {reverse('policy-reports')}" in content_security_policy()
