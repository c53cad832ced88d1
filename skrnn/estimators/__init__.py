"""What scikit-learn sees: the estimators, their inputs and their targets."""
