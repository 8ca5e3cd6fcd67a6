"""The key is replaced while people sign in, twenty a second: nobody notices (fault 20)."""

import base64
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree
from xmlsec import constants as C  # noqa: N812 - the library's names are long

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import ROOT, Site, own_database

ACCOUNT, ROLE = "333344445555", "Developer"
DEVELOPERS = [
    one.uid
    for one in cast.PEOPLE
    if not one.disabled and f"arn:aws:iam::{ACCOUNT}:role/{ROLE}" in cast.expected_roles(one.uid)
]
A_SECOND = 20
certificate_text = re.compile(r"<ds:X509Certificate>([^<]+)<")


@pytest.fixture
def site(tmp_path: Path, company: Slapd, postgres: Postgres) -> Iterator[Site]:
    """A web process over a database of its own."""
    url = own_database(postgres, "key_rollover")
    with Site(tmp_path / "site", slapd=company, database_url=url, local_aws_url="http://127.0.0.1:9") as one:
        one.prepare(mapping=ROOT / "deploy/demo/mapping.yaml")
        one.start_web()
        yield one


class Crowd:
    """People who sign in and go to AWS, so many a second; AWS believes what it has been given, and nothing else."""

    def __init__(self, site: Site) -> None:
        """AWS has what our metadata says now."""
        self.site = site
        self.signers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.known: set[str] = set()
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.give_metadata()

    def give_metadata(self) -> None:
        """AWS has our metadata of this moment."""
        self.known = set(self.published())

    def published(self) -> list[str]:
        """The certificates of our metadata."""
        text = HttpBrowser(self.site.url).ask("GET", "/saml/metadata")
        return ["".join(found.split()) for found in certificate_text.findall(text)]

    def one(self, uid: str) -> None:
        """One person signs in and goes to AWS, which must find the statement's signature good."""
        try:
            browser = HttpBrowser(self.site.url)
            browser.sign_in(uid, cast.password_of(uid))
            document = base64.b64decode(browser.open_console(ACCOUNT, ROLE))
            signer = verified_by(document, self.known)
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody could not sign in
            with self.lock:
                self.failures.append(f"{type(error).__name__}: {error}"[:500])
            return
        with self.lock:
            self.signers[signer] += 1

    def run(self) -> None:
        """So many a second until it is enough."""
        with ThreadPoolExecutor(8) as pool:
            due = time.monotonic()
            for uid in cycle(DEVELOPERS):
                if self.stop.is_set():
                    return
                pool.submit(self.one, uid)
                due += 1 / A_SECOND
                time.sleep(max(0.0, due - time.monotonic()))

    def wait_until_signed_by(self, certificate: str) -> None:
        """Statements signed by this key arrive, within the time that is promised, and go on for a moment."""
        until, before = time.monotonic() + 60, self.signers[certificate]
        while self.signers[certificate] < before + A_SECOND:
            assert time.monotonic() < until, self.signers
            time.sleep(0.1)


def verified_by(document: bytes, known: set[str]) -> str:
    """Whose signatures these are; refuses a statement that no known certificate verifies."""
    root = etree.fromstring(document)
    [named] = {"".join(text.split()) for text in certificate_text.findall(document.decode())}
    assert named in known, "AWS does not know this certificate"
    key = x509.load_der_x509_certificate(base64.b64decode(named)).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for signed in (root, root[3]):
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(pem, C.KeyDataFormatPem)
        context.register_id(signed, "ID")
        context.verify(signed[1])
    return named


@pytest.mark.fault(20)
@pytest.mark.attack("MD-06")
def test_a_rollover_under_twenty_sign_ins_a_second_fails_nobody(site: Site) -> None:
    """Publish, switch, take back, switch again, retire: every statement of every moment is believed."""
    crowd = Crowd(site)
    [old] = crowd.published()
    running = threading.Thread(target=crowd.run)
    running.start()
    try:
        crowd.wait_until_signed_by(old)
        site.manage("key_rollover", "publish")
        until = time.monotonic() + 30
        while len(published := crowd.published()) < 2:
            assert time.monotonic() < until, "not published within 30 seconds"
            time.sleep(0.2)
        [new] = set(published) - {old}
        crowd.give_metadata()
        site.manage("key_rollover", "confirm", "--everybody")
        site.manage("key_rollover", "switch")
        crowd.wait_until_signed_by(new)
        site.manage("key_rollover", "take-back")
        crowd.wait_until_signed_by(old)
        site.manage("key_rollover", "switch")
        crowd.wait_until_signed_by(new)
        site.manage("key_rollover", "retire", "--anyway")
        crowd.wait_until_signed_by(new)
    finally:
        crowd.stop.set()
        running.join()
    assert not crowd.failures, crowd.failures[:3]
    assert set(crowd.signers) == {old, new}
