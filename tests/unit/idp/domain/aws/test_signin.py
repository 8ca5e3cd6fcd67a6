"""Where statements go and where people land."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.aws.signin import PARTITIONS, MalformedDestination, check_destination, sign_in_endpoint

STAND_IN = "http://127.0.0.1:8010"


@pytest.mark.parametrize(
    ("partition", "region", "acs", "audience"),
    [
        ("aws", None, "https://signin.aws.amazon.com/saml", "urn:amazon:webservices"),
        ("aws", "us-east-1", "https://signin.aws.amazon.com/saml", "urn:amazon:webservices"),
        ("aws", "eu-west-1", "https://eu-west-1.signin.aws.amazon.com/saml", "urn:amazon:webservices"),
        ("aws-cn", None, "https://signin.amazonaws.cn/saml", "urn:amazon:webservices:cn-north-1"),
        (
            "aws-cn",
            "cn-northwest-1",
            "https://cn-northwest-1.signin.amazonaws.cn/saml",
            "urn:amazon:webservices:cn-north-1",
        ),
        ("aws-us-gov", None, "https://signin.amazonaws-us-gov.com/saml", "urn:amazon:webservices:govcloud"),
        (
            "aws-us-gov",
            "us-gov-east-1",
            "https://us-gov-east-1.signin.amazonaws-us-gov.com/saml",
            "urn:amazon:webservices:govcloud",
        ),
        ("aws-eusc", None, "https://signin.amazonaws-eusc.eu/saml", "urn:amazon:webservices"),
    ],
)
def test_every_partition_and_region_has_its_endpoint(
    partition: str, region: str | None, acs: str, audience: str
) -> None:
    """The plain host serves the home region, every other region its own."""
    endpoint = sign_in_endpoint(partition=partition, region=region, stand_in=None, audiences={})
    assert (endpoint.acs, endpoint.audience) == (acs, audience)
    assert endpoint.form_action[0].startswith("https://")


@pytest.mark.parametrize(
    ("partition", "region"),
    [
        ("aws", "cn-north-1"),
        ("aws", "us-gov-west-1"),
        ("aws", "us-iso-east-1"),
        ("aws", "eusc-de-east-1"),
        ("aws-cn", "eu-west-1"),
        ("aws-us-gov", "us-east-1"),
        ("aws", "eu-west-1.evil.example/"),
        ("aws", "EU-WEST-1"),
        ("aws", "eu-west-1\n"),
        ("aws", ""),
        ("aws", "us----1"),
        ("moon", None),
        ("aws", "eu-west-\u0661"),
    ],
)
def test_a_region_of_another_partition_is_refused(partition: str, region: str | None) -> None:
    """A region is a name of this partition, or nothing is planned."""
    with pytest.raises(MalformedDestination):
        sign_in_endpoint(partition=partition, region=region, stand_in=None, audiences={})


def test_a_stand_in_replaces_aws_altogether() -> None:
    """Address, console and form hosts are the stand-in's; the audience stays, unless it is set."""
    endpoint = sign_in_endpoint(
        partition="aws", region="eu-west-1", stand_in=STAND_IN, audiences={"aws": "urn:x"}
    )
    assert endpoint.acs == f"{STAND_IN}/saml"
    assert endpoint.form_action == (STAND_IN,)
    assert endpoint.audience == "urn:x"


HOSTILE = [
    "",
    "//evil.example",
    "/\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://console.aws.amazon.com/",
    "HTTPS://console.aws.amazon.com/",
    "hTTps://console.aws.amazon.com/",
    "https://evil.example/",
    "https://console.aws.amazon.com.evil.example/",
    "https://evilconsole.aws.amazon.com/",
    "https://console.aws.amazon.com@evil.example/",
    "https://user@console.aws.amazon.com/",
    "https://@console.aws.amazon.com/",
    "https://console.aws.amazon.com:8443/",
    "https://console.aws.amazon.com:/",
    "https://console.aws.amazon.com\\@evil.example/",
    "https://evil.example\\.console.aws.amazon.com/",
    "https://evil.example%2f.console.aws.amazon.com/",
    "https://evil.example%00.console.aws.amazon.com/",
    "https://evil.example;.console.aws.amazon.com/",
    "https://evil.example#.console.aws.amazon.com/",
    "https://evil.example?.console.aws.amazon.com/",
    "https://evil.example/.console.aws.amazon.com/",
    "https://[::1].console.aws.amazon.com/",
    "https://[",
    "https://.console.aws.amazon.com/",
    "https://console.aws.amazon.com/\r\nSet-Cookie: x=1",
    "https://console.aws.amazon.com/\t",
    "java\tscript:alert(1)",
    " https://console.aws.amazon.com/",
    "https://console.aws.amazon.com/ x",
    "https://console.aws.amazon.com./",
    "https://console.aws.amazon.com/\u202e",
    "https://\uff43onsole.aws.amazon.com/",
    "https://console.aws.amazon.com/ä",
    "https://console.amazonaws.cn/",
    "https://signin.aws.amazon.com/",
    "https://aws.amazon.com/",
    "https:///console.aws.amazon.com/",
    "https:/console.aws.amazon.com/",
    "https://console.aws.amazon.com/../x",
    "https://console.aws.amazon.com/%2e%2E/x",
    "https://CONSOLE.aws.amazon.com/",
    "https://console.aws.amazon.com/" + "x" * 2_048,
    '"><script>alert(1)</script>',
]


@pytest.mark.attack("RQ-08")
@pytest.mark.parametrize("destination", HOSTILE)
def test_a_hostile_destination_is_refused(destination: str) -> None:
    """Only a plain https address on a console host of the partition, as a browser reads it."""
    with pytest.raises(MalformedDestination):
        check_destination(destination, partition="aws", stand_in=None)
    with pytest.raises(MalformedDestination):
        check_destination(destination, partition="aws", stand_in=STAND_IN)


@pytest.mark.attack("RQ-08")
@pytest.mark.parametrize(
    ("partition", "destination"),
    [
        ("aws", "https://console.aws.amazon.com/"),
        ("aws", "https://console.aws.amazon.com"),
        (
            "aws",
            "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#Instances:search=a..b;sort=../x",
        ),
        ("aws", "https://console.aws.amazon.com/s3/a.b/..c?x=<script>&y=%2e%2e/"),
        ("aws-cn", "https://cn-north-1.console.amazonaws.cn/ec2/"),
        ("aws-us-gov", "https://console.amazonaws-us-gov.com/"),
        ("aws-eusc", "https://eusc-de-east-1.console.amazonaws-eusc.eu/"),
        ("aws", "https://console.aws.amazon.com/" + "x" * 2_017),
    ],
)
def test_console_addresses_of_the_partition_are_kept_byte_for_byte(partition: str, destination: str) -> None:
    """The hostile one's twin is accepted, unchanged, up to 2,048 characters; of another partition it is not."""
    assert check_destination(destination, partition=partition, stand_in=None) == destination
    for other in set(PARTITIONS) - {partition}:
        with pytest.raises(MalformedDestination):
            check_destination(destination, partition=other, stand_in=None)


def test_with_a_stand_in_only_its_own_console_is_a_destination() -> None:
    """Its console, below its path, and nothing that climbs out of it."""
    accepted = f"{STAND_IN}/console/ec2?region=x"
    assert check_destination(accepted, partition="aws", stand_in=STAND_IN) == accepted
    for refused in (
        "https://console.aws.amazon.com/",
        f"{STAND_IN}/oauth?Action=logout",
        f"{STAND_IN}/console",
        f"{STAND_IN}0/console/",
        f"{STAND_IN}/console/../oauth",
        f"{STAND_IN}/console/%2e%2e/oauth",
        f"{STAND_IN}/console/..;/oauth",
        f"{STAND_IN}@evil.example/console/",
        "http://127.0.0.1:80100/console/",
    ):
        with pytest.raises(MalformedDestination):
            check_destination(refused, partition="aws", stand_in=STAND_IN)


@given(st.text(max_size=40), st.sampled_from(["", "https://", "https://console.aws.amazon.com"]))
def test_any_text_is_a_destination_or_is_refused(text: str, before: str) -> None:
    """Nothing but the text itself comes back, and nothing but our refusal is raised."""
    try:
        assert check_destination(before + text, partition="aws", stand_in=None) == before + text
    except MalformedDestination:
        return
