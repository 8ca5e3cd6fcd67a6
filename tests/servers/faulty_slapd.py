"""An OpenLDAP whose configuration can be made worse and mended again while the site goes on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.demo import company as demo_company
from deploy.demo.slapd import Slapd, make_certificates

BASE = "dc=example,dc=test"
SERVICE = f"cn=drawbridge,ou=services,{BASE}"
LIMITED = f'limits dn.exact="{SERVICE}" size.soft={{0}} size.hard={{0}} size.prtotal={{0}}'


class FaultySlapd(Slapd):
    """The demo company; `suffer` restarts it at the same address with more lines in its configuration."""

    fault = ""
    module = ""
    overlay = ""

    def suffer(self, fault: str = "", *, module: str = "", overlay: str = "") -> None:
        """These lines hold for the database from here on, before its own rules of access; nothing mends it."""
        self.stop()
        self.fault, self.module, self.overlay = fault, module, overlay
        self.start()

    def certify(self, address: str) -> None:
        """From the next start on its certificate is good for this address only."""
        make_certificates(self.folder, addresses=[address], names=["elsewhere.example.test"])

    def _write_configuration(self) -> None:
        super()._write_configuration()
        file = self.folder / "slapd.conf"
        text = file.read_text(encoding="utf-8")
        text = text.replace("access to attrs=userPassword", f"{self.fault}\naccess to attrs=userPassword", 1)
        text = text.replace("moduleload ppolicy", f"{self.module}\nmoduleload ppolicy", 1)
        file.write_text(f"{text}{self.overlay}\n", encoding="utf-8")


@pytest.fixture
def faulty_company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultySlapd]:
    """A company of one's own, whose server does as it is told."""
    with FaultySlapd(tmp_path_factory.mktemp("faulty"), ldif=demo_company.ldif(BASE)) as slapd:
        yield slapd


Broken = Callable[[str], FaultySlapd]


@pytest.fixture
def company_with(faulty_company: FaultySlapd) -> Broken:
    """The company whose server suffers from this from the beginning."""

    def suffering(fault: str) -> FaultySlapd:
        faulty_company.suffer(fault)
        return faulty_company

    return suffering


@pytest.fixture
def company_elsewhere(tmp_path: Path) -> Iterator[Slapd]:
    """A server whose certificate is for another address than the one at which it answers."""
    with FaultySlapd(tmp_path / "elsewhere", ldif=demo_company.ldif(BASE)) as slapd:
        slapd.stop()
        slapd.certify("127.0.0.9")
        slapd.start()
        yield slapd
