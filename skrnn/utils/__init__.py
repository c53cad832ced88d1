"""Parameters, files and threads of estimators, and checks for other estimators of text."""
