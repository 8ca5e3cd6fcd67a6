"""Whether what we look for is to be seen at all: where nothing is, that something is missing tells nothing."""

from idp.conf.directories import DirectoryConfig
from idp.directory import searches
from idp.directory.account_state import FLAGS, OF_EVERY_ACCOUNT, Attributes, words
from idp.directory.pool import Borrower
from idp.domain.errors import DirectoryUnavailable


def must_show_people(config: DirectoryConfig, service: Borrower) -> None:
    """Unavailable if no person at all is to be seen: then that somebody is not there tells nothing."""
    anybody = f"(&{config.user_filter}({config.id_attribute}=*))"
    if not _some(config, service, config.user_base, anybody):
        raise DirectoryUnavailable(
            f"nobody with an {config.id_attribute} is to be seen below {config.user_base}: may we read it?"
        )


def must_show_state(attributes: Attributes, config: DirectoryConfig) -> None:
    """Unavailable if Active Directory hides what it keeps of every account: a disabled one would look enabled."""
    if not config.is_active_directory:
        return
    wanted = (FLAGS,) if config.global_catalog else OF_EVERY_ACCOUNT
    hidden = [name for name in wanted if not words(attributes, name)]
    if hidden:
        raise DirectoryUnavailable(
            f"an entry does not show {' and '.join(hidden)}: may we read all properties of people?"
        )


def must_show_members(config: DirectoryConfig, service: Borrower) -> None:
    """Unavailable if groups are to be seen and members of none: then to be in no group tells nothing."""
    having = f"(&{config.group_filter}({config.member_attribute}=*))"
    if _some(config, service, config.group_base, having):
        return
    if _some(config, service, config.group_base, config.group_filter):
        raise DirectoryUnavailable(
            f"no group below {config.group_base} shows a {config.member_attribute}: may we read it?"
        )


def _some(config: DirectoryConfig, service: Borrower, base: str, wanted: str) -> bool:
    seconds = config.operation_seconds
    return bool(
        service.run(lambda link: searches.first_few(link, base, wanted, ["1.1"], seconds=seconds, size=1))
    )
