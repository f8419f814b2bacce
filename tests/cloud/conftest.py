# SPDX-License-Identifier: GPL-2.0-or-later
"""What was seen on several machines, and the seconds it took, is appended to $SCENARIOS_TABLE."""
import os
import time

import pytest

TABLE = os.environ.get("SCENARIOS_TABLE")


@pytest.fixture
def told(request):
    """told(TEXT) adds to what the table says of this test."""
    said, begin = [], time.monotonic()
    yield lambda text: said.append(str(text))
    if TABLE:
        with open(TABLE, "a") as f:
            story, name = (word.removeprefix("test_") for word in (request.module.__name__, request.node.name))
            print(story, name, f"{time.monotonic() - begin:.1f}", "; ".join(said), sep="\t", file=f)
