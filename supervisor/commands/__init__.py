"""The sub-commands of `python -m supervisor`, one module each."""
