"""A clear error if a package is missing that only some tasks need, such as training or an export.

It names the package alone, because an extra of skrnn would also install TensorFlow.
"""

from importlib.util import find_spec

TRAINING_NEEDS = (
    "Predictions of built-in networks work without TensorFlow. "
    "Training, Keras models, custom networks and skrnn.layers need"
)


def check_installed(task_needs: str, *packages: str) -> None:
    """Raise ImportError unless these packages are installed. They are not imported.

    ``task_needs`` begins the message, for example "The export needs".
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        advice = f"python -m pip install {' '.join(missing)}"
        raise ImportError(f"{task_needs} {' and '.join(missing)}. Install with: {advice}")
