#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual page has every command and option that the program has, spelled, with letters, arguments and texts
# as in the table that --help is made of, under the right command, and no other.
orlop=${orlop:-./orlop} page=${srcdir:-.}/man/orlop.8
[ -x "$orlop" ] || exit 77
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

"$orlop" help --list-options >"$dir/list" || exit 1
# command, long and short option, argument; the commands themselves with neither
awk -F '\t' '$2 == "command" { print $1; next } { print $1, $3, $4, tolower($5) }' "$dir/list" |
	sed 's/[][,]//g; s/ *$//; s/  */ /g' | sort >"$dir/program"

# .Ss orlop NAME ...   .It Fl b , Fl -bundle Ar dir
awk '
/^\.Sh / { command = ""; on = $2 == "GLOBAL" || $2 == "COMMANDS" }
/^\.Ss orlop / { command = $3; print command }
on && /^\.It Fl / {
	long = short = argument = ""
	for (i = 2; i <= NF; i++)
		if ($i == "Fl") {
			i++
			if ($i ~ /^-/)
				long = "-" $i
			else
				short = "-" $i
		} else if ($i !~ /^(Ar|Cm|Ns|Op|,)$/)
			argument = argument $i
	print command, long, short, argument
}' "$page" | sed 's/ *$//; s/  */ /g' | sort >"$dir/page"

# The texts of options are those of the table.
awk -f "${page%/*}/options.awk" "$dir/list" "$page" >"$dir/generated" || exit 1
diff -u "$page" "$dir/generated" || {
	echo 'make it new: ./orlop help --list-options | awk -f man/options.awk - man/orlop.8'
	exit 1
}

# Annotations of the features document.
"$orlop" features | sed -n '/"annotations"/,/}/s/^ *"\([a-z.]*\)": ".*/\1/p' >"$dir/annotations"
while read -r name; do
	grep -q "^\.Va $name\b" "$page" || echo "no word of the annotation $name"
done <"$dir/annotations" >"$dir/missing"
[ -s "$dir/annotations" ] || echo 'no annotations are found' >>"$dir/missing"

# A test of nothing would always succeed.
[ "$(wc -l <"$dir/program")" -gt 60 ] || {
	echo "the program lists too little:"
	cat "$dir/program"
	exit 1
}
[ ! -s "$dir/missing" ] || {
	cat "$dir/missing"
	exit 1
}
diff -u "$dir/program" "$dir/page"
