"""The operator's file of partitions: what it says holds everywhere; with a mistake nothing is on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from idp.checks.statements import check_statements
from idp.conf.access import access_config, partition_file
from idp.domain.aws.signin import (
    DOCUMENTED,
    PARTITIONS,
    MalformedDestination,
    check_destination,
    federation_endpoint,
    override_partitions,
    sign_in_endpoint,
)
from idp.services.partitions import apply_partition_file, read_partitions
from idp.services.strict_yaml import MalformedFile
from sts_bridge.conf import bridge_config
from tests.servers.slapd import forget_settings

CHINA = """
partitions:
  - name: aws-cn
    enabled: true
    acs: https://signin.cn.example.test/saml
    regional_acs: "https://{region}.signin.cn.example.test/saml"
    home_region: cn-northwest-1
    audience: urn:example:cn
    console: https://console.cn.example.test/
    console_hosts: [console.cn.example.test, signin.cn.example.test]
    sts: "https://sts.{region}.cn.example.test"
  - name: aws-us-gov
    enabled: false
"""


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    path = tmp_path / "partitions.yaml"
    settings.DRAWBRIDGE_PARTITION_FILE = str(path)
    forget()
    yield path
    override_partitions({})
    settings.DRAWBRIDGE_PARTITION_FILE = None
    forget()


def forget() -> None:
    forget_settings()
    partition_file.cache_clear()
    bridge_config.cache_clear()


def numbers() -> list[str]:
    return [problem.id or "" for problem in check_statements() if problem.id == "drawbridge.E050"]


def test_what_the_file_says_holds_everywhere(file: Path) -> None:
    """Sign-in, federation, console, audience, STS, on and off; what it leaves out is as documented."""
    file.write_text(CHINA)
    apply_partition_file()
    endpoint = sign_in_endpoint(partition="aws-cn", region="cn-north-1", stand_in=None, audiences={})
    assert (endpoint.acs, endpoint.audience, endpoint.console) == (
        "https://cn-north-1.signin.cn.example.test/saml",
        "urn:example:cn",
        "https://console.cn.example.test/",
    )
    assert "https://*.console.cn.example.test" in endpoint.form_action
    federation = federation_endpoint("aws-cn", region=None, stand_in=None)
    assert federation.address == "https://signin.cn.example.test/federation"
    page = "https://console.cn.example.test/s3"
    assert check_destination(page, partition="aws-cn", stand_in=None) == page
    with pytest.raises(MalformedDestination):
        check_destination("https://console.amazonaws.cn/s3", partition="aws-cn", stand_in=None)
    config = bridge_config()
    assert config.endpoint_of("sts", "cn-north-1") == "https://sts.cn-north-1.cn.example.test"
    assert config.endpoint_of("sts", "us-east-1") is None
    assert config.endpoint_of("iam", "cn-north-1") is None
    assert access_config().accounts.partitions == {"aws", "aws-cn"}
    assert PARTITIONS["aws"] == DOCUMENTED["aws"]
    assert numbers() == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("name: aws-cn", "name: aws-moon", "partitions[0].name: is 'aws-moon'"),
        ("name: aws-us-gov", "name: aws-cn", "partitions[1].name: aws-cn stands in the file twice"),
        ("acs: https://signin", "acs: http://signin", "partitions[0].acs: must be an https address"),
        ("acs: https://signin", "acs: https://a@signin", "partitions[0].acs: must be an https address"),
        ("example.test/saml\n", "example.test:8443/saml\n", "partitions[0].acs: must be an https address"),
        (
            '"https://{region}.signin.cn',
            '"https://signin.cn',
            "partitions[0].regional_acs: must be an https address with",
        ),
        ('test/saml"', 'test/{region}/saml"', "partitions[0].regional_acs: must be an https address with"),
        ("sts.{region}", "sts.{region.__class__}", "partitions[0].sts: must be an https address with"),
        ("cn-northwest-1", "us-east-1", "partitions[0].home_region: is no region of aws-cn"),
        ("urn:example:cn", "urn example", "partitions[0].audience: must be one word"),
        (
            "[console.cn.example.test,",
            '["*.example.test",',
            "partitions[0].console_hosts: must be names of hosts",
        ),
        ("enabled: false", "enabled: 1", "partitions[1].enabled: must be true or false"),
        ("enabled: false", "regions: .*", "partitions[1]: unknown key 'regions'"),
        ("partitions:", "partition:", "unknown key 'partition'"),
    ],
)
def test_a_mistake_is_named_by_line_and_switches_everything_off(
    file: Path, before: str, after: str, told: str
) -> None:
    """The start-up check tells it by number; whoever runs all the same gives no role. Corrected, all is on again."""
    assert CHINA.count(before) >= 1
    wrong = CHINA.replace(before, after, 1)
    with pytest.raises(MalformedFile) as refusal:
        read_partitions(wrong.encode())
    assert any(told in problem and "line" in problem for problem in refusal.value.problems), (
        refusal.value.problems
    )
    file.write_text(wrong)
    apply_partition_file()
    forget()
    assert numbers() == ["drawbridge.E050"]
    assert access_config().accounts.partitions == frozenset()
    file.write_text(CHINA)
    apply_partition_file()
    forget()
    assert access_config().accounts.partitions == {"aws", "aws-cn"}


def test_a_file_that_is_not_there_switches_everything_off(file: Path) -> None:
    """Named and missing is a mistake too; not named is as documented."""
    assert not file.exists()
    apply_partition_file()
    assert access_config().accounts.partitions == frozenset()
    assert numbers() == ["drawbridge.E050"]
