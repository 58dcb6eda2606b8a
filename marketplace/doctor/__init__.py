"""`manage.py doctor`: what is wrong with an installation, in words, each with its fix."""
