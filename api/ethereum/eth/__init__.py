"""The eth_ namespace, one file for each part of it."""
