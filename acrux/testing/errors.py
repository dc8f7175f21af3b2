"""What can go wrong with a registry for tests."""


class NotStarted(Exception):
    """A registry did not start; the text is what it said."""


class NotALayout(Exception):
    """What was given is not an OCI image layout; the text says what is missing."""


class Refused(Exception):
    """The registry refused a request; the text is its answer."""
