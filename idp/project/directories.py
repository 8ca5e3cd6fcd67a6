"""The settings of each directory: of the only one under the plain names, of several under names of their own."""

import re

from django.core.exceptions import ImproperlyConfigured

from idp.project.env import Environment

PLAIN = "DRAWBRIDGE_LDAP"
KINDS = ("openldap", "active-directory")
GROUP_METHODS = ("", "walk", "in-chain", "token-groups")
name_grammar = re.compile(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)


def read_directories(env: Environment) -> tuple[tuple[str, ...], dict[str, object]]:
    """What the settings of each directory begin with, and all of those settings by their names.

    Refuses names that no variable could carry, and settings of one directory beside the names of several.
    """
    names = env.words("DRAWBRIDGE_DIRECTORIES")
    if not names:
        name = env.text(f"{PLAIN}_NAME", "directory")
        return (PLAIN,), _read_one(env, PLAIN, name)
    if env.optional(f"{PLAIN}_URI"):
        raise ImproperlyConfigured(
            f"DRAWBRIDGE_DIRECTORIES is set, so {PLAIN}_URI belongs to none of them: use {prefix_of(names[0])}_URI."
        )
    settings: dict[str, object] = {}
    for name in names:
        if not name_grammar.fullmatch(name) or names.count(name) > 1:
            raise ImproperlyConfigured(
                f"DRAWBRIDGE_DIRECTORIES names {name!r}: lower-case letters, digits and hyphens, each name once."
            )
        settings |= _read_one(env, prefix_of(name), name)
    return tuple(prefix_of(name) for name in names), settings


def prefix_of(name: str) -> str:
    """What the variables of the directory of this name begin with."""
    return f"{PLAIN}_{name.upper().replace('-', '_')}"


def _read_one(env: Environment, prefix: str, name: str) -> dict[str, object]:
    """One directory; what stands empty here is decided by its kind (`idp.conf`)."""
    texts = (
        "BIND_DN", "BIND_PASSWORD", "USER_BASE", "USER_FILTER", "GROUP_BASE", "GROUP_FILTER", "CA_FILE",
        "NETBIOS_NAME", "ID_ATTRIBUTE", "USERNAME_ATTRIBUTE", "DISPLAY_NAME_ATTRIBUTE", "MAIL_ATTRIBUTE",
        "MEMBER_ATTRIBUTE", "SESSION_NAME_ATTRIBUTE", "SRV_DOMAIN", "SRV_SITE",
    )  # fmt: skip
    return {
        f"{prefix}_NAME": name,
        f"{prefix}_KIND": env.choice(f"{prefix}_KIND", KINDS),
        f"{prefix}_GROUP_METHOD": env.choice(f"{prefix}_GROUP_METHOD", GROUP_METHODS),
        f"{prefix}_URI": env.words(f"{prefix}_URI"),
        f"{prefix}_STARTTLS": env.switch(f"{prefix}_STARTTLS", default=True),
        f"{prefix}_SRV_LDAPS": env.switch(f"{prefix}_SRV_LDAPS", default=False),
        f"{prefix}_NAMESERVERS": env.words(f"{prefix}_NAMESERVERS"),
        f"{prefix}_GLOBAL_CATALOG": env.switch(f"{prefix}_GLOBAL_CATALOG", default=False),
        f"{prefix}_SESSION_TAGS": env.pairs(f"{prefix}_SESSION_TAGS"),
        f"{prefix}_DOMAINS": env.words(f"{prefix}_DOMAINS"),
        **{f"{prefix}_{setting}": env.text(f"{prefix}_{setting}", "") for setting in texts},
    }
