"""The security headers of every answer, put together once per process."""

from collections.abc import Iterable, Mapping

from django.conf import settings
from django.http import HttpResponseBase

# Chromium names each feature that it knows; one that it does not know would be a message in its console.
SWITCHED_OFF = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "display-capture",
    "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "idle-detection",
    "local-fonts", "magnetometer", "microphone", "midi", "payment", "picture-in-picture",
    "screen-wake-lock", "serial", "storage-access", "usb", "window-management", "xr-spatial-tracking",
)  # fmt: skip
REPORTS = "/policy-reports"
TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types 'none'"


def content_security_policy(*, form_action: Iterable[str] = ("'self'",), trusted_types: bool = True) -> str:
    """Nothing but our own styles, scripts and images; no frame around us; forms to these places only."""
    directives = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        f"form-action {' '.join(form_action)}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
        f"report-uri {REPORTS}",
    ]
    if trusted_types:
        directives.append(TRUSTED_TYPES)
    return "; ".join(directives)


def page_headers(*, trusted_types: bool = True) -> Mapping[str, str]:
    """What an answer carries unless its view has said otherwise."""
    off = ", ".join(f"{feature}=()" for feature in SWITCHED_OFF)
    headers = {
        "Content-Security-Policy": content_security_policy(trusted_types=trusted_types),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": f"{off}, publickey-credentials-get=(self)",
        "Cache-Control": "no-store",
    }
    if settings.SECURE_HSTS_SECONDS:
        headers["Strict-Transport-Security"] = (
            f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
        )
    return headers


def allow_forms_leading_to(response: HttpResponseBase, places: Iterable[str]) -> None:
    """Forms of the page come to us, and may be led on to these places only."""
    response["Content-Security-Policy"] = content_security_policy(form_action=("'self'", *places))


def allow_posting_to(response: HttpResponseBase, places: Iterable[str]) -> None:
    """The page may post to these places only, and tells them nothing of where it was (RQ-10).

    Chromium applies `form-action` to redirects too, so the places are the first one and those it leads to.
    """
    response["Content-Security-Policy"] = content_security_policy(form_action=places)
    response["Referrer-Policy"] = "no-referrer"
