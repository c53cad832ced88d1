"""The checks behind ``skrnn.utils.estimator_checks``, by subject.

Each check takes the name of an estimator and the estimator. It raises AssertionError if the check fails.
"""
