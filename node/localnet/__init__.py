"""A consortium on one machine: validators and an observer as processes with folders of their own.

For trying out, demonstrations and tests. Keys are cheap to open and some accounts are funded from
a mnemonic that everybody knows, so nothing here may ever hold value.
"""
