"""A clear error if the packages that train are missing: a process that only predicts works without them."""

from importlib.util import find_spec


def check_installed(*packages: str) -> None:
    """Raise ImportError unless these packages are installed. They are not imported."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ImportError(
            "Training, Keras models, custom networks and skrnn.layers need packages that are not installed: "
            f"python -m pip install {' '.join(missing)}. Predictions of built-in networks work without them."
        )
