"""Helpers without a subject of their own, and checks for other estimators of text."""
