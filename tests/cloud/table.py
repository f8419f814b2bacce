# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures, which are no result: they are added to $CLOUD_TABLE."""
import os
import pathlib

TABLE = pathlib.Path(os.environ.get("CLOUD_TABLE", "build/cloud.tsv"))


def tell(what, **figures):
    line = "\t".join([what, *(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in figures.items())])
    print(line)
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("a") as f:
        print(line, file=f)
