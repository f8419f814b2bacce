#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual page has every command and option that the program has, spelled and with letters, arguments and
# defaults as in the table that --help is made of, under the right command, and no other.
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

# What is the default where --help says that in one word?
sed -n 's/^\([a-z]*\)\t[a-z]*\t\(--[a-z-]*\)\t.*(default: \([^ ,;)]*\)[,;)].*/\1 \2 \3/p' "$dir/list" |
	while read -r command option default; do
		case $command in -*) default=$option option=$command command='' ;; esac
		awk -v command="$command" -v option="Fl -${option#--}" -v default="$default" '
		/^\.Ss orlop / { here = $3 }
		/^\.It / {
			if (within && NR == start + 1)	# nothing of its own: as for another command
				found = 1
			within = here == command && index($0 " ", option " ")
			start = NR
		}
		within && index($0, default) { found = 1 }
		END { if (!found) print "no word of the default " default ": " command " " option }' "$page"
	done >"$dir/defaults"

# Annotations of the features document.
"$orlop" features | sed -n '/"annotations"/,/}/s/^ *"\([a-z.]*\)": ".*/\1/p' >"$dir/annotations"
while read -r name; do
	grep -q "^\.Va $name\b" "$page" || echo "no word of the annotation $name"
done <"$dir/annotations" >>"$dir/defaults"
[ -s "$dir/annotations" ] || echo 'no annotations are found' >>"$dir/defaults"

# A test of nothing would always succeed.
[ "$(wc -l <"$dir/program")" -gt 60 ] || {
	echo "the program lists too little:"
	cat "$dir/program"
	exit 1
}
[ ! -s "$dir/defaults" ] || {
	cat "$dir/defaults"
	exit 1
}
diff -u "$dir/program" "$dir/page"
