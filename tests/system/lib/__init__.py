# SPDX-License-Identifier: GPL-2.0-or-later
"""What the system tests share; conftest.py tells how to use it."""
