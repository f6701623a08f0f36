"""What all tests share: where real data are, and how hypothesis draws."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

from tests import checked

# Annotations of the core are checked on every call. This stands before any test module imports landsink.
install_import_hook("landsink.core", f"{checked.__name__}.{checked.check.__name__}")

# What JAX traced stays, and is much: to look through it at every 700th object costs a tenth of the suite.
gc.set_threshold(50_000)

# Draws are the same on every run: a red test stays red until it is mended.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")


# Few tests that take long: begun last, as a scheduler that counts tests would have it, one worker waits for another.
FIRST = (
    "test_interruption",
    "test_tutorial",
    "test_two_servers",
    "test_faults",
    "test_experiment",
    "test_levels",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem not in FIRST)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data, or a skip that says why."""
    root = os.environ.get("LANDSINK_DATA")
    if not root:
        pytest.skip("LANDSINK_DATA is not set: this test compares with real data")
    if not Path(root).is_dir():
        pytest.skip(f"LANDSINK_DATA is '{root}', which is no folder")
    return Path(root)
