"""`SelfDescription`: what our metadata says of us beyond keys and addresses, for people and for other software."""

import re
from dataclasses import dataclass
from typing import Final

HELP_PATH: Final = "/saml/help"
# SAML V2.0 Subject Identifier Attributes Profile 1.0, 3.3.1: what stands after the @, and what may stand before it.
scope_grammar = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,126}", re.ASCII)
mail_grammar = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SelfDescription:
    """How people call us and reach us; `scope` is where our subject identifiers are valid.

    Without `contact` nobody is named, which some federations do not take.
    """

    display_name: str
    scope: str
    logo: str
    contact: str = ""
