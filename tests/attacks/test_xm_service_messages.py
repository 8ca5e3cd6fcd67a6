"""XM-01 to XM-04 at the doors for services: what a parser must never be let do, and never for long; both bindings."""

import socket
import zlib
from pathlib import Path

import pytest

from tests.attacks.service_door import BOTH, ServiceDoor
from tests.bench.unit import children_of, cpu_seconds_of_processes
from tests.service_provider import SAML, SAMLP, Request, form, logout_request, new_id, post, query

BINDINGS = pytest.mark.parametrize("binding", BOTH)
HEAD = f'<samlp:AuthnRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" '


def dearest() -> dict[str, bytes]:
    """Documents of full size that are dear to a careless reader."""
    room = 64_000
    tens = [f"&a{n};" * 10 for n in range(9)]
    bomb = "".join(f"<!ENTITY a{n} '{ten}'>" for n, ten in enumerate(tens, start=1))
    attributes = " ".join(f"a{n}='x'" for n in range(6_000))
    namespaces = " ".join(f"xmlns:n{n}='urn:{n}'" for n in range(1_900))
    nested = "".join(f"<n{n}:a xmlns:n{n}='urn:{n}'>" for n in range(250))
    nested += "".join(f"</n{n}:a>" for n in reversed(range(250)))
    identifiers = "".join(f"<a ID='_{n}'/>" for n in range(3_500))
    attributes_of_all = "ID='_1' Version='2.0' IssueInstant='x'"
    extensions = "<saml:Issuer>x</saml:Issuer><samlp:Extensions xmlns:x='urn:x'>"
    extensions += "<x:y/>" * 1_900 + "</samlp:Extensions>"
    return {
        "bomb": f'<!DOCTYPE x [<!ENTITY a0 "ha">{bomb}]><x>&a9;</x>'.encode(),
        "quadratic": f'<!DOCTYPE x [<!ENTITY a "{"a" * 20_000}">]><x>{"&a;" * 10_000}</x>'.encode(),
        "deep": b"<a>" * (room // 7) + b"</a>" * (room // 7),
        "deep-within-limits": b"<a>" * 1_900 + b"</a>" * 1_900,
        "wide": f"{HEAD}>{'<a/>' * (room // 4 - 100)}</samlp:AuthnRequest>".encode(),
        "attributes": f"{HEAD}{attributes}/>".encode(),
        "namespaces": f"{HEAD}{namespaces}/>".encode(),
        "nested-namespaces": nested.encode(),
        "long-text": f"{HEAD}>{'x' * (room - 300)}</samlp:AuthnRequest>".encode(),
        "long-value": f'{HEAD} ID="{"x" * (room - 300)}"/>'.encode(),
        "references": f"{HEAD}>{'&#120;' * (room // 6 - 40)}</samlp:AuthnRequest>".encode(),
        "identifiers": f"{HEAD}>{identifiers}</samlp:AuthnRequest>".encode(),
        "xmlns-in-text": f"{HEAD}>{'xmlns ' * 10_000}</samlp:AuthnRequest>".encode(),
        "blanks": f"{HEAD}{' ' * 60_000}/>".encode(),
        "compressed": zlib.compress(b"<" * 10_000_000)[:room],
        "extensions": f"{HEAD}{attributes_of_all}>{extensions}</samlp:AuthnRequest>".encode(),
    }


def resident(pids: list[int]) -> int:
    """Resident memory of these processes, in octets."""
    total = 0
    for pid in pids:
        [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line]
        total += int(line.split()[1]) * 1024
    return total


@pytest.mark.attack("XM-02")
@pytest.mark.attack("XM-03")
@BINDINGS
@pytest.mark.parametrize("document", dearest().values(), ids=dearest())
def test_the_dearest_documents_are_refused_cheaply(document: bytes, binding: str, door: ServiceDoor) -> None:
    """Refused within 100 ms of processor time and 64 MB; the twin of ordinary size is taken."""
    web = next(process for process in door.site.processes if process.name == "web")
    workers = children_of(web.pid)
    door.bring(door.request(binding).xml(), binding)
    memory, before = resident(workers), cpu_seconds_of_processes(workers)
    if binding == "redirect":
        door.bring_query(query(document, by=None))
    else:
        door.bring_form(form(document))
    assert door.browser.status == 400
    # The kernel counts in steps of 10 ms, for user and system apart.
    assert cpu_seconds_of_processes(workers) - before <= 0.12
    assert resident(workers) - memory <= 64 * 1024 * 1024
    door.accepted(lambda: door.bring(door.request(binding).xml(), binding))


def logout(door: ServiceDoor, text: str, binding: str) -> None:
    """This text as a LogoutRequest, unsigned: the gate stands before the signature."""
    if binding == "redirect":
        door.browser.ask("GET", f"/saml/slo/redirect?{query(text, by=None)}", expect=None)
    else:
        post(door.browser, form(text), service="slo")


@pytest.mark.attack("XM-01")
@BINDINGS
@pytest.mark.parametrize(
    "wrap",
    [
        '<!DOCTYPE x SYSTEM "{url}">{document}',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "{url}">]>{document}',
        '<!DOCTYPE x [<!ENTITY % e SYSTEM "{url}">%e;]>{document}',
        '<!DOCTYPE x PUBLIC "-//X" "{url}">{document}',
        '<?xml-stylesheet href="{url}" type="text/xsl"?>{document}',
        '<?xml version="1.0"?><?x {url}?>{document}',
        "<!-- {url} -->{document}",
    ],
)
def test_nothing_is_fetched(wrap: str, binding: str, door: ServiceDoor) -> None:
    """A canary on this machine sees no connection; document types, instructions and comments are refused."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.05)
        url = f"http://127.0.0.1:{canary.getsockname()[1]}/x"
        document = door.request(binding).xml()
        lie = wrap.format(url=url, document=document)
        text = query(lie, by=door.providers.signing.key)
        bring = door.bring_query if binding == "redirect" else lambda _: door.bring_form(form(lie))
        reason = door.refused(lambda: bring(text))
        assert reason in {"saml.structure.markup_declaration", "saml.structure.processing_instruction"}
        signing = door.providers.signing
        ending: Request = logout_request(door.site, signing, binding, name_id="x", index=None)
        logout(door, wrap.format(url=url, document=ending.xml()), binding)
        assert door.browser.status == 400
        with pytest.raises(TimeoutError):
            canary.accept()
    declared = f'<?xml version="1.0" encoding="UTF-8"?>{document}'
    if binding == "redirect":
        door.accepted(lambda: door.bring_query(query(declared, by=door.providers.signing.key)))
    else:
        door.accepted(lambda: door.bring(document, binding))


def codings() -> dict[str, bytes]:
    """One request in codings that are not plain UTF-8, or not what they say."""
    text = Request("https://plain.example.test/plain", None, id=new_id()).xml()
    marked = text.replace("<saml:Issuer>", "<saml:Issuer>%s")
    return {
        "utf-16": f'<?xml version="1.0" encoding="UTF-16"?>{text}'.encode("utf-16"),
        "utf-16-without-a-word": text.encode("utf-16-le"),
        "utf-32": text.encode("utf-32"),
        "utf-7": f'<?xml version="1.0" encoding="UTF-7"?>{text}'.encode("utf-7"),
        "ebcdic": f'<?xml version="1.0" encoding="cp037"?>{text}'.encode("cp037"),
        "latin-1": f'<?xml version="1.0" encoding="ISO-8859-1"?>{marked % "ü"}'.encode("latin-1"),
        "declared-latin-1": f'<?xml version="1.0" encoding="ISO-8859-1"?>{text}'.encode(),
        "mark": b"\xef\xbb\xbf" + text.encode(),
        "overlong": text.encode().replace(b"<saml:Issuer>", b"<saml:Issuer>\xc0\xbc"),
        "lone-surrogate": text.encode().replace(b"<saml:Issuer>", b"<saml:Issuer>\xed\xa0\x80"),
        "nul": text.encode().replace(b"<saml:Issuer>", b"<saml:Issuer>\0"),
        "u-fffe": (marked % "\ufffe").encode(),
        "carriage-return": (marked % "\r\n").encode(),
        "carriage-return-coded": (marked % "&#13;").encode(),
        "escape": (marked % "\x1b").encode(),
        "c1": (marked % "\x85").encode(),
        "version-1.1": f'<?xml version="1.1"?>{text}'.encode(),
        "two-roots": (text + text).encode(),
        "nothing": b"",
        "text": b"hello",
    }


@pytest.mark.attack("XM-04")
@BINDINGS
@pytest.mark.parametrize("document", codings().values(), ids=codings())
def test_other_codings_are_refused(document: bytes, binding: str, door: ServiceDoor) -> None:
    """Plain UTF-8 is read, and nothing that two readers could read in two ways."""
    if binding == "redirect":
        reason = door.refused(lambda: door.bring_query(query(document, by=None)))
    else:
        reason = door.refused(lambda: door.bring_form(form(document)))
    assert reason.startswith(("saml.input.", "saml.structure.", "saml.binding.")) or reason == (
        "unknown-service-provider"
    )
    sender = door.providers.plain
    if binding == "redirect":
        door.accepted(lambda: door.bring_query(query(door.request(binding, sender).xml(), by=None)))
    else:
        door.accepted(lambda: door.bring_form(form(door.request(binding, sender).xml())))
