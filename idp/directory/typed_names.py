r"""What people type for themselves: a name, `name@domain`, `DOMAIN\name`, or their mail address."""

from dataclasses import dataclass

from ldap.filter import escape_filter_chars

from idp.conf.directories import DirectoryConfig
from idp.directory.credentials import sendable_name
from idp.directory.entries import texts
from idp.directory.searches import RawEntry
from idp.domain.groups import fold_widely

ACCOUNT_NAME = "sAMAccountName"
PRINCIPAL_NAME = "userPrincipalName"


@dataclass(frozen=True, slots=True)
class TypedName:
    """One typed name: the whole, the account in it, and the domain beside it (empty in a bare name)."""

    whole: str
    account: str
    domain: str
    has_backslash: bool

    def belongs_to(self, config: DirectoryConfig) -> bool:
        """Whether the domain is one of this directory's; never for a bare name."""
        domain = self.domain.casefold()
        if self.has_backslash and config.netbios_name and domain == config.netbios_name.casefold():
            return True
        return domain in config.domains


def typed_name(text: str) -> TypedName:
    """The parts of what was typed; refuses what no directory could hold as a name."""
    whole = sendable_name(text)
    before, backslash, after = whole.partition("\\")
    if backslash and before and after:
        return TypedName(whole, account=after, domain=before, has_backslash=True)
    account, at, domain = whole.rpartition("@")
    if at and account and domain:
        return TypedName(whole, account=account, domain=domain, has_backslash=False)
    return TypedName(whole, account=whole, domain="", has_backslash=False)


def person_filter(typed: TypedName, config: DirectoryConfig) -> str:
    """The filter for whoever may be meant, every typed character escaped.

    In Active Directory a name with a domain is a principal name, spelt out in the entry or implied by the
    account name; elsewhere only the configured domains imply anything.
    """
    terms = [f"({name}={escape_filter_chars(value)})" for name, value in _meanings(typed, config)]
    meant = terms[0] if len(terms) == 1 else f"(|{''.join(terms)})"
    return f"(&{config.user_filter}{meant})"


def those_meant(typed: TypedName, found: list[RawEntry], config: DirectoryConfig) -> list[RawEntry]:
    """Those of the entries that the name means: whoever has it as a name comes before whoever has it as mail.

    People may often write their own mail address into the directory, but not their name.
    """
    return [entry for entry in found if goes_by(typed, entry, config)] or found


def goes_by(typed: TypedName, entry: RawEntry, config: DirectoryConfig) -> bool:
    """Whether this is a name of the entry, not its mail address only; where a directory folds as we cannot, yes."""
    meanings = _meanings(typed, config)
    names = {fold_widely(value) for name, value in meanings if name != config.mail_attribute}
    shown = {
        fold_widely(text)
        for name in {name for name, _ in meanings if name != config.mail_attribute}
        for text in texts(entry[1], name)
    }
    mails = {fold_widely(text) for text in texts(entry[1], config.mail_attribute)}
    return bool(names & shown) or fold_widely(typed.whole) not in mails


def _meanings(typed: TypedName, config: DirectoryConfig) -> list[tuple[str, str]]:
    accounts = dict.fromkeys((config.username_attribute, *_account_attributes(config)))
    if typed.has_backslash and typed.belongs_to(config):
        return [(name, typed.account) for name in accounts]
    meanings = [(name, typed.whole) for name in accounts]
    if typed.domain and not typed.has_backslash:
        if config.is_active_directory:
            meanings.append((PRINCIPAL_NAME, typed.whole))
        if typed.belongs_to(config):
            meanings += [(name, typed.account) for name in accounts]
        meanings.append((config.mail_attribute, typed.whole))
    return meanings


def _account_attributes(config: DirectoryConfig) -> tuple[str, ...]:
    return (ACCOUNT_NAME,) if config.is_active_directory else ()
