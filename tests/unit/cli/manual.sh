#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual page has every command and option that the program has, spelled and with letters as in
# the program, under the right command, and no other.
orlop=${orlop:-./orlop} page=${srcdir:-.}/man/orlop.8
[ -x "$orlop" ] || exit 77
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

"$orlop" help --list-options >"$dir/list" || exit 1
# command, long and short option; the commands themselves with neither
awk -F '\t' '$2 == "command" { print $1; next } { print $1, $3, $4 }' "$dir/list" |
	sed 's/ *$//' | sort >"$dir/program"

# .Ss orlop NAME ...   .It Fl b , Fl -bundle Ar dir
awk '
/^\.Sh / { command = ""; on = $2 == "GLOBAL" || $2 == "COMMANDS" }
/^\.Ss orlop / { command = $3; print command }
on && /^\.It Fl / {
	long = short = ""
	for (i = 2; i <= NF; i++)
		if ($i == "Fl") {
			if ($(i + 1) ~ /^-/)
				long = "-" $(i + 1)
			else
				short = "-" $(i + 1)
		}
	print command, long, short
}' "$page" | sed 's/ *$//' | sort >"$dir/page"

# A test of nothing would always succeed.
[ "$(wc -l <"$dir/program")" -gt 60 ] || {
	echo "the program lists too little:"
	cat "$dir/program"
	exit 1
}
diff -u "$dir/program" "$dir/page"
