# SPDX-License-Identifier: GPL-2.0-or-later
"""What attacks are made with: see README.md."""
