"""What a statement would say, as text that no service accepts: unsigned, for nowhere, and over before it begins."""

from lxml import etree

from idp.domain.assertion import StatementPlan
from idp.saml.responses import build

MARK = " PREVIEW: unsigned, sent nowhere, accepted by nobody "


def preview_text(plan: StatementPlan) -> str:
    """The document of this plan, indented for people and marked; no key is asked.

    Refuses values that XML cannot carry unchanged, as the real statement would.
    """
    response = build(plan)
    response.insert(0, etree.Comment(MARK))
    etree.indent(response)
    return etree.tostring(response, encoding="unicode")
