"""Why the demo cannot run."""


class DemoError(Exception):
    """One paragraph with its fix."""
