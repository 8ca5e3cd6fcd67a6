"""What is wrong with a policy document."""


class MalformedPolicy(Exception):  # noqa: N818 - the name is the finding, as IAM calls it
    """IAM would not store this document; the text says what is wrong with it."""
