"""What an operator has pasted, readable: a message, what stands in it, and what is wrong with it."""

from idp.saml.reading import Readable, readable


def decode(pasted: str) -> Readable:
    """The message for human eyes; refuses with NothingToRead what is none. It is not believed, and not kept."""
    return readable(pasted)
