"""Pages as a test reads them: forms with their fields, and whatever could run or load something."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urlsplit

LOADING = {"src", "href", "action", "formaction", "data", "poster", "srcset"}
GOES_ELSEWHERE_ON_A_CLICK = {"a", "form", "button"}


@dataclass
class Form:
    """One form: where it leads and its fields in order."""

    method: str
    action: str
    attributes: dict[str, str]
    fields: list[tuple[str, str]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """Every value of this field."""
        return [value for key, value in self.fields if key == name]


class Page(HTMLParser):
    """What stands on a page."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.inline: list[str] = []
        self.loaded: list[str] = []
        self.ids: dict[str, str] = {}
        self.goes_on_to = ""
        self._open_script = False
        self._open_id = ""

    @classmethod
    def read(cls, text: str) -> Self:
        """The page of this text."""
        page = cls()
        page.feed(text)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, fields, identifiers, and everything that runs or loads."""
        named = {name: value or "" for name, value in attrs}
        self._open_id = named.get("id", self._open_id)
        self._open_script = tag == "script" and "src" not in named
        if tag == "meta" and named.get("http-equiv") == "refresh":
            self.goes_on_to = named["content"].removeprefix("0;url=")
        if tag == "style" or "style" in named:
            self.inline.append(f"style in <{tag}>")
        self.inline += [f"{name} in <{tag}>" for name in named if name.startswith("on")]
        self.inline += [
            f"{value} in <{tag}>" for value in named.values() if value.lower().startswith("javascript:")
        ]
        if tag not in GOES_ELSEWHERE_ON_A_CLICK:
            self.loaded += [value for name, value in named.items() if name in LOADING]
        if tag == "form":
            self.forms.append(Form(named.get("method", "get"), named.get("action", ""), named))
        if tag in {"input", "textarea", "select"} and self.forms and "name" in named:
            self.forms[-1].fields.append((named["name"], named.get("value", "")))

    def handle_data(self, data: str) -> None:
        """Text of an inline script is noted, and the text of what has an identifier."""
        if self._open_script and data.strip():
            self.inline.append(f"script: {data.strip()[:60]}")
        if self._open_id:
            self.ids.setdefault(self._open_id, data.strip())

    def from_elsewhere(self) -> list[str]:
        """What would be loaded from another host."""
        return [
            address
            for address in self.loaded
            if urlsplit(address).netloc or urlsplit(address).scheme == "data"
        ]

    @property
    def password_form(self) -> Form:
        """The one form that takes a password, wherever it leads."""
        [found] = [one for one in self.forms if one.values("password")]
        return found

    def form(self, action: str) -> Form:
        """The one form that leads to this address."""
        [found] = [form for form in self.forms if form.action == action]
        return found
