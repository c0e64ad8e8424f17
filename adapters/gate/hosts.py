"""Which of several hosts to talk to: the first, unless it fails. Pure."""


class Hosts:
    """A list to fail over along. One whose last connection went well is trusted to come back."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        """Begin with the first of `urls`, at least one."""
        assert urls, "nobody to talk to"
        self._urls = urls
        self._at = 0

    @property
    def current(self) -> str:
        """The one to talk to now."""
        return self._urls[self._at]

    def ended(self, *, well: bool) -> None:
        """Choose the next: after a good end the first again, after a failure the next in line."""
        self._at = 0 if well else (self._at + 1) % len(self._urls)
