"""Distinguished names and group identifiers."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.groups import (
    MalformedDn,
    MalformedGroupId,
    is_at_or_below,
    leaf_value,
    may_be_at_or_below,
    normal_group_id,
    parse_dn,
    same_dn,
    split_dn,
)

BASE = "ou=aws,ou=groups,dc=example,dc=test"
WIDE_AWS = "\uff21\uff37\uff33"
KELVIN = "\N{KELVIN SIGN}"


@pytest.mark.spec("RFC 4514", "2", "string representation of distinguished names")
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            'CN=James \\"Jim\\" Smith\\, III,DC=example',
            [[("CN", 'James "Jim" Smith, III')], [("DC", "example")]],
        ),
        ("CN=Before\\0dAfter,DC=example", [[("CN", "Before\rAfter")], [("DC", "example")]]),
        ("CN=Lu\\C4\\8Di\\C4\\87", [[("CN", "Lučić")]]),
        ("OU=Sales+CN=J.  Smith,DC=example", [[("OU", "Sales"), ("CN", "J.  Smith")], [("DC", "example")]]),
        ("1.3.6.1.4.1.1466.0=#04024869", [[("1.3.6.1.4.1.1466.0", "\0#04024869")]]),
        ("cn=a\\ ,dc=x", [[("cn", "a ")], [("dc", "x")]]),
        ("cn = a , dc = x", [[("cn", "a")], [("dc", "x")]]),
        ("cn=a=b", [[("cn", "a=b")]]),
        ("cn=\\#5", [[("cn", "#5")]]),
        ("cn=a#b", [[("cn", "a#b")]]),
        ("cn=\\\\,dc=x", [[("cn", "\\")], [("dc", "x")]]),
    ],
)
def test_names_are_read_as_the_rfc_writes_them(text: str, parts: list[list[tuple[str, str]]]) -> None:
    """Escapes, hexadecimal pairs, several values in one part and BER values are resolved."""
    assert split_dn(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "", "cn", "cn=", "=x", "cn=a,", ",cn=a", "cn=a,,dc=x", "cn=a+", "cn=a+,dc=x", 'cn="a",dc=x', "cn=a;dc=x",
        "cn=a<b", "cn=a>b", "cn=a\0b", "cn=\\zz", "cn=a\\", "cn=\\C4", "cn=#0", "cn=#zz", "cn=#04x", "c n=a", "1=a",
        "1.=a", "cn=\ud800", "ćn=a", "cn=" + "x" * 9_000,
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused(text: str) -> None:
    """Nothing is guessed: a text that the grammar does not know is no name, and equal to none."""
    with pytest.raises(MalformedDn):
        parse_dn(text)
    assert not same_dn(text, text)


def test_names_are_equal_whatever_their_case_and_spaces() -> None:
    """Case, spaces around and within, escapes and the spelling of the types make no difference."""
    for text in (
        "CN=Auditors,OU=Groups,DC=Example,DC=Test",
        "cn = auditors , ou=groups,dc=example, dc=test",
        "cn=\\61uditors,ou=groups,dc=example,dc=test",
        "2.5.4.3=auditors,2.5.4.11=groups,0.9.2342.19200300.100.1.25=example,domainComponent=test",
    ):
        assert parse_dn(text) == parse_dn("cn=auditors,ou=groups,dc=example,dc=test")
    assert parse_dn("cn=big  group\\ ") == parse_dn("cn=Big Group")
    assert parse_dn("ou=b+cn=a") == parse_dn("CN=A+OU=B")
    assert parse_dn("cn=biggroup") != parse_dn("cn=big group")


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize(
    "dn",
    [
        "cn=x,ou=aws,ou=groups,dc=example,dc=test,dc=evil",
        "cn=x\\,ou=aws,ou=groups,dc=example,dc=test",
        "cn=x,ou=aws\\,ou=groups,dc=example,dc=test",
        "cn=x,ou=xaws,ou=groups,dc=example,dc=test",
        "cn=x,ou=aws2,ou=groups,dc=example,dc=test",
        "cn=x,ou=aws+l=y,ou=groups,dc=example,dc=test",
        "cn=x,cn=aws,ou=groups,dc=example,dc=test",
        f"cn=x,ou={WIDE_AWS},ou=groups,dc=example,dc=test",
        "cn=x,ou=aw\N{LATIN SMALL LETTER LONG S},ou=groups,dc=example,dc=test",
        "cn=x,ou=aws\N{ZERO WIDTH SPACE},ou=groups,dc=example,dc=test",
        "cn=x,ou=\N{CYRILLIC SMALL LETTER A}ws,ou=groups,dc=example,dc=test",
        "cn=x,ou=aws,dc=example,dc=test",
        "ou=groups,dc=example,dc=test",
        "ou=groups,dc=test",
    ],
)
def test_a_look_alike_is_not_below_the_base(dn: str) -> None:
    """Only a name that every directory takes for one below the base is below it."""
    assert not is_at_or_below(dn, BASE)
    for accepted in (
        BASE,
        f"cn=x,{BASE}",
        f"cn=x,ou=inner,{BASE.upper()}",
        f"cn=x, {BASE.replace(',', ' , ')}",
    ):
        assert is_at_or_below(accepted, BASE)


def test_what_some_directory_takes_for_below_may_be_below() -> None:
    """For denials the widest reading counts: width, accents, ligatures, invisible marks."""
    for spelling in (WIDE_AWS, "áws", "aw\N{LATIN SMALL LETTER LONG S}", "a\N{SOFT HYPHEN}ws", " AWS "):
        assert may_be_at_or_below(f"cn=x,ou={spelling},ou=groups,dc=example,dc=test", BASE)
    assert not may_be_at_or_below("cn=x,ou=xaws,ou=groups,dc=example,dc=test", BASE)
    assert same_dn("cn=Straße", "CN=STRASSE")


def test_the_leaf_has_one_value_as_it_is_spelt() -> None:
    """The name that patterns see keeps its case and spaces; a leaf of two values has no one name."""
    assert leaf_value(f"CN=AWS-Admin  X\\, Y,{BASE}") == "AWS-Admin  X, Y"
    with pytest.raises(MalformedDn):
        leaf_value("cn=a+cn=AWS-111122223333-Admin,dc=x")


@given(
    st.lists(
        st.tuples(st.sampled_from(["cn", "OU", "dc"]), st.text(min_size=1, max_size=12)),
        min_size=1,
        max_size=4,
    )
)
def test_every_value_comes_back_from_its_escaped_form(pairs: list[tuple[str, str]]) -> None:
    """Whatever a value is, written in hexadecimal pairs or with escapes it reads as itself."""
    try:
        hexed = ",".join(
            f"{kind}=" + "".join(f"\\{octet:02x}" for octet in value.encode()) for kind, value in pairs
        )
    except UnicodeEncodeError:
        return
    assert split_dn(hexed) == [[pair] for pair in pairs]


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    """No text at all leads to anything but a name or a refusal."""
    for read in (parse_dn, leaf_value):
        try:
            read(text)
        except MalformedDn:
            continue


def test_hostile_names_cost_little() -> None:
    """Blanks, escapes and parts without end are read or refused in linear time."""
    began = time.process_time()
    for text in (
        "cn=" + " " * 8_000 + "\\",
        "cn=a" + " " * 8_000 + '"',
        "cn=" + "\\ " * 4_000,
        "a=b," * 2_000 + "a=b",
    ):
        try:
            parse_dn(text)
        except MalformedDn:
            continue
    assert time.process_time() - began < 0.5


def test_group_identifiers_have_one_form() -> None:
    """Braces, blanks around and case are taken away; what no directory gives is refused."""
    wanted = "0f8fad5b-d9cb-469f-a165-70867728950e"
    for text in (wanted, wanted.upper(), f"{{{wanted.upper()}}}", f" {wanted} "):
        assert normal_group_id(text) == wanted
    for text in ("", "{}", "a b", "a\n", "cn=x", "\N{KELVIN SIGN}1", "x" * 101, "*", "a)(b"):
        with pytest.raises(MalformedGroupId):
            normal_group_id(text)
