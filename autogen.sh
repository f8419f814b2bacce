#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Make ./configure from configure.ac.
cd "$(dirname "$0")" || exit
for tool in autoreconf automake pkg-config; do
	command -v $tool >/dev/null && continue
	echo "autogen.sh: $tool is missing: install autoconf automake pkg-config (Debian) or" \
		"autoconf automake pkgconf-pkg-config (Fedora)" >&2
	exit 1
done
exec autoreconf --install --warnings=all,no-obsolete "$@"
