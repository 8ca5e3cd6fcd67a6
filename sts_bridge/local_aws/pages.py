"""The pages a browser sees: small, whole in themselves, without a script, under a policy of their own."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Final

from sts_bridge.local_aws.arns import Arn
from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.world.model import Account

_STYLE = """
:root{color-scheme:light dark;--ink:#16202c;--quiet:#5b6b7d;--paper:#fff;--ground:#eef1f5;--line:#d5dce4;
--accent:#b45309}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--quiet:#9aa9ba;--paper:#1a2330;--ground:#0f1620;
--line:#2e3a49;--accent:#f5a524}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
header{background:#16202c;color:#fff;padding:.9rem 1.5rem;border-bottom:3px solid #f5a524;font-weight:600}
main{max-width:46rem;margin:2.5rem auto;padding:2rem;background:var(--paper);border:1px solid var(--line);
border-radius:12px}
h1{font-size:1.4rem;margin:0 0 1.2rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.6rem 1.5rem;margin:0}
dt{color:var(--quiet)}
dd{margin:0;overflow-wrap:anywhere}
a{color:var(--accent)}
fieldset{border:0;margin:0;padding:0}
.saml-account{border:1px solid var(--line);border-radius:8px;padding:1rem;margin:0 0 1rem}
.saml-account-name{font-weight:600}
.saml-role{padding:.35rem 0}
button{font:inherit;padding:.55rem 1.4rem;border:0;border-radius:8px;background:#f5a524;color:#16202c;
font-weight:600;cursor:pointer}
small{display:block;margin-top:1.6rem;color:var(--quiet)}
@media(max-width:34rem){main{margin:0;border-radius:0;border-width:0 0 1px}dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:.7rem}}
"""
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def headers(*, form_targets: Iterable[str] = ()) -> dict[str, str]:
    """Give the headers of every page; the role page posts to us, and we send the browser to the console."""
    forms = " ".join(form_targets) or "'none'"
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action {forms}; "
            "frame-ancestors 'none'; base-uri 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


LOG_OUT: Final = '<a href="/oauth?Action=logout">'


def console_page(caller: Caller, account: Account | None, destination: str | None) -> str:
    """Show who one is: account, role or user, session, what narrows it, and until when."""
    rows = [("Account", "account", account.title if account else caller.account)]
    if caller.kind is Kind.ROLE:
        rows.append(("Role", "role", caller.role_name))
    rows += [
        ("Session" if caller.kind is Kind.ROLE else "Federated user", "session", caller.name),
        ("Signed in as", "arn", caller.arn),
    ]
    if caller.source_identity:
        rows.append(("Source identity", "source-identity", caller.source_identity))
    narrowed = [*caller.session_policy_arns, *filter(None, [caller.session_policy])]
    if narrowed:
        rows.append(("Narrowed by", "narrowed-by", " ".join(narrowed)))
    if destination:
        rows.append(("Destination", "destination", destination))
    shown = "".join(f'<dt>{label}</dt><dd id="{name}">{escape(value)}</dd>' for label, name, value in rows)
    ends_at = f"{caller.ends_at:%Y-%m-%dT%H:%M:%SZ}"
    shown += f'<dt>Ends at</dt><dd><time id="ends-at" datetime="{ends_at}">{ends_at}</time></dd>'
    return _page("Console", f"<h1>You are signed in</h1><dl>{shown}</dl><p>{LOG_OUT}Sign out</a></p>")


def roles_page(
    pairs: Iterable[tuple[Arn, Arn]],
    accounts: Mapping[tuple[str, str], Account],
    *,
    statement: str,
    relay: str,
) -> str:
    """Let the person choose one of several roles; the mark-up is the one that command-line tools look for."""
    by_account: dict[tuple[str, str], list[Arn]] = {}
    for role, _ in pairs:
        by_account.setdefault(role.home, []).append(role)
    shown = "".join(
        f'<div class="saml-account"><div class="saml-account-name">'
        f"Account: {_account_name(home, accounts)}</div>"
        f"{''.join(map(_role_choice, roles))}</div>"
        for home, roles in by_account.items()
    )
    return _page(
        "Select a role",
        '<h1>Select a role</h1><form id="saml_form" action="/saml" method="post">'
        f'<input type="hidden" name="RelayState" value="{escape(relay)}">'
        f'<input type="hidden" name="SAMLResponse" value="{escape(statement)}">'
        f"<fieldset>{shown}</fieldset>"
        '<button id="signin_button" type="submit">Sign in</button></form>',
    )


def refusal_page(*, code: str, message: str, request_id: str) -> str:
    """Say why the sign-in was refused."""
    return _page(
        "Sign-in failed",
        f'<h1>Sign-in failed</h1><p><span id="error-message">{escape(message)}</span> '
        f"To logout, click {LOG_OUT}here</a>.</p>"
        f'<dl><dt>Error code</dt><dd id="error-code">{escape(code)}</dd>'
        f'<dt>Request</dt><dd id="request-id">{escape(request_id)}</dd></dl>',
    )


def signed_out_page() -> str:
    """Say that nobody is signed in here."""
    return _page(
        "Signed out", '<h1 id="signed-out">You are not signed in</h1><p>Sign in at your company.</p>'
    )


def session_over_page() -> str:
    """Say that the session is over."""
    return _page(
        "Session ended",
        '<h1 id="session-over">Your session has ended</h1><p>Sign in at your company again.</p>',
    )


def lasting(caller: Caller, now: datetime) -> int:
    """Give the seconds that are left of a session."""
    return 0 if caller.ends_at is None else max(0, int((caller.ends_at - now).total_seconds()))


def _account_name(home: tuple[str, str], accounts: Mapping[tuple[str, str], Account]) -> str:
    account = accounts.get(home)
    return escape(account.title if account else home[1])


def _role_choice(role: Arn) -> str:
    arn, name = escape(role.text), escape(role.name)
    return (
        f'<div class="saml-role"><input type="radio" name="roleIndex" value="{arn}" class="saml-radio"'
        f' id="{arn}">'
        f' <label for="{arn}" class="saml-role-description">{name}</label></div>'
    )


def _page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Local AWS</title><style>{_STYLE}</style></head>"
        f"<body><header>Local AWS</header><main>{content}"
        "<small>A local stand-in for trying a federation. Nothing here is Amazon's.</small>"
        "</main></body></html>"
    )
