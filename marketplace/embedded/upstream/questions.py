"""What every tool says to a question it cannot answer."""


class BadInput(ValueError):
    """The question cannot be answered; the text says why to whoever asked."""
