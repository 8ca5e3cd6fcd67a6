"""CR-01: a whole run with known secrets, then everything that it left behind is searched for them."""

import base64
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import redis as redis_client
from playwright.sync_api import BrowserContext, Page, Request, Response, sync_playwright

from deploy.demo import company as cast
from deploy.demo.redis_server import RedisServer
from tests.browser.conftest import CHROMIUM, FLAGS, NOWHERE
from tests.browser.walk import ACCOUNT, ARN, PERSON, ROLE, button, sign_in
from tests.servers.local_aws import LocalAws
from tests.servers.postgres import BINARIES, Postgres
from tests.servers.site import Site

WRONG_PASSWORD = f"wrong-canary-{secrets.token_hex(12)}"
# Part of a statement that is the same wherever it is cut for encoding: long enough to be found by itself.
PIECE = 120


class Run:
    """The secrets of one run, caught where a person or browser sees them, by name."""

    def __init__(self) -> None:
        """What was typed is known from the beginning."""
        self.secrets = {"wrong password": WRONG_PASSWORD, "password": cast.password_of(PERSON)}

    def request(self, request: Request) -> None:
        """A statement that the browser posts to AWS."""
        statement = (
            parse_qs(request.post_data or "").get("SAMLResponse") if request.method == "POST" else None
        )
        if statement:
            self.secrets["statement"] = statement[0]

    def response(self, response: Response) -> None:
        """The console's address, in Location and nowhere else."""
        address = response.headers.get("location", "") if response.status == 303 else ""
        token = parse_qs(urlsplit(address).query).get("SigninToken")
        if token:
            self.secrets["sign-in token"] = token[0]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profile")


@pytest.fixture(scope="module")
def browser_with_profile(profile: Path) -> Iterator[BrowserContext]:
    """A browser that keeps what browsers keep: cache, history, storage, sessions to restore."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=CHROMIUM,
            args=[*FLAGS, f"--host-resolver-rules={NOWHERE}"],
            env={**os.environ, "HOME": str(profile)},
        )
        context.set_default_timeout(20_000)
        yield context


def walk(context: BrowserContext, site: Site, aws: LocalAws) -> Run:
    """A wrong password, the right one, credentials, the console by statement, a narrower console, and out."""
    run, page = Run(), context.pages[0]
    page.on("request", run.request)
    page.on("response", run.response)
    page.goto(f"{site.url}/sign-in/")
    page.fill("#username", PERSON)
    page.fill("#password", WRONG_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()
    sign_in(page, site.url)
    button(page, "Credentials")
    for name in ("secret-access-key", "session-token"):
        run.secrets[name] = page.locator(f"#{name}").inner_text()
    page.go_back()
    page.goto(f"{site.url}/")
    button(page, "Console")
    page.wait_for_url(f"{aws.url}/console/**")
    page.goto(f"{site.url}/go/{ACCOUNT}/{ROLE}/narrow")
    page.get_by_label("Reading only").check()
    page.get_by_role("button", name="Open the console").click()
    page.wait_for_url(f"{aws.url}/console/**")
    sign_out(page, site)
    return run


def sign_out(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sessions/")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(lambda address: not address.startswith(f"{site.url}/sessions/"))


def forms_of(secret: str) -> Iterator[bytes]:
    """The secret as it could stand somewhere: as it is, as in an address, encoded once more, in a database's log."""
    piece = secret[:PIECE]
    yield piece.encode()
    yield quote(piece, safe="").encode()
    yield base64.b64encode(piece.encode())[:-4]
    yield piece.encode("utf-16-le")


def hits(places: dict[str, bytes], kept: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (place, name)
        for place, content in places.items()
        for name, secret in kept.items()
        if any(form in content for form in forms_of(secret))
    ]


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    }


def dump_of(redis: RedisServer) -> bytes:
    with redis_client.Redis.from_url(redis.url) as client:
        keys = list(client.scan_iter(count=1_000))
        assert not [key for key in keys if b"task-meta" in key], "nobody asks for results, so none are stored"
        return b"\n".join(keys) + b"\n".join(client.dump(key) or b"" for key in keys)


@pytest.mark.attack("CR-01")
@pytest.mark.attack("AW-07")
def test_nothing_that_opens_a_door_is_left_behind(
    browser_with_profile: BrowserContext,
    profile: Path,
    site: Site,
    site_aws: LocalAws,
    postgres: Postgres,
    redis: RedisServer,
) -> None:
    """Logs, database with its write-ahead log, Redis, task results, the browser's profile: no secret is in them.

    The search itself is tried on each place: what may be there, the person's name or the key's identifier, is found.
    """
    run = walk(browser_with_profile, site, site_aws)
    assert set(run.secrets) == {
        "wrong password", "password", "secret-access-key", "session-token", "statement", "sign-in token",
    }  # fmt: skip
    time.sleep(1)
    browser_with_profile.close()
    places = {"redis": dump_of(redis)}
    places["database"] = subprocess.run(
        [
            BINARIES / "pg_dump", "--inserts", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "test",
            "shared_site",
        ],
        check=True,
        capture_output=True,
    ).stdout  # fmt: skip
    postgres.query("CHECKPOINT")
    places |= files_below(postgres.folder / "data" / "pg_wal")
    places |= {str(log): log.read_bytes() for log in site.folder.glob("*.log")}
    places |= {
        "aws log": site_aws.log_file.read_bytes(),
        "postgres log": (postgres.folder / "log").read_bytes(),
    }
    assert hits(places, run.secrets) == []
    in_browser = {name: value for name, value in run.secrets.items() if name != "sign-in token"}
    kept_by_browser = files_below(profile)
    assert hits(kept_by_browser, in_browser) == []
    assert ARN.encode() in places["database"]
    assert any(b"request" in content for place, content in places.items() if place.endswith(".log"))
    assert any(site.url.encode() in content for content in kept_by_browser.values())
