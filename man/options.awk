# SPDX-License-Identifier: GPL-2.0-or-later
# Write the texts of the option table, those of --help, into the manual page:
#
#	./orlop help --list-options | awk -f man/options.awk - man/orlop.8 >new
#
# The text of an option follows its .It, up to a line `.\"` that begins what the page has to say besides.

function flush_line()
{
	if (line != "")
		print line
	line = ""
}

function add_word(word)
{
	if (length(line) + 1 + length(word) > 100)
		flush_line()
	line = line (line == "" ? "" : " ") word
}

# mdoc takes the punctuation after a word as arguments of their own.
function add_macro(macro, word, end, i)
{
	flush_line()
	for (i = 1; i <= length(end); i++)
		word = word " " substr(end, i, 1)
	print "." macro " " word
}

function print_text(text, argument, n, i, w, words, end)
{
	text = toupper(substr(text, 1, 1)) substr(text, 2)
	if (text !~ /\.$/)
		text = text "."
	n = split(text, words, " ")
	for (i = 1; i <= n; i++) {
		w = words[i]
		end = ""
		while (match(w, /[.,;:)]$/)) {
			end = substr(w, RSTART) end
			w = substr(w, 1, RSTART - 1)
		}
		if (w ~ /^--[a-z]/)
			add_macro("Fl", substr(w, 2), end)
		else if (argument != "" && w == argument && argument ~ /^[A-Z]+$/)
			add_macro("Ar", tolower(w), end)
		else if (w ~ /^`.*`$/)
			add_macro("Cm", substr(w, 2, length(w) - 2), end)
		else if (w ~ /^[a-z_]+\([1-8]$/ && end ~ /^\)/) {
			sub(/\(/, " ", w)
			add_macro("Xr", w, substr(end, 2))
		} else
			add_word(w end)
	}
	flush_line()
}

NR == FNR {
	split($0, field, "\t")
	if (field[2] == "command")
		next
	key = field[1] " " field[3]
	text[key] = field[6]
	argument[key] = field[5]
	next
}

/^\.Sh / { command = ""; on = $2 == "GLOBAL" || $2 == "COMMANDS" }
/^\.Ss orlop / { command = $3 }
/^\.(It|El|\\")/ { generated = 0 }
!generated { print }
on && /^\.It Fl / {
	key = command
	for (i = 2; i < NF; i++)
		if ($i == "Fl" && $(i + 1) ~ /^-/)
			key = command " -" $(i + 1)
	if (!(key in text)) {
		print "no option " key >"/dev/stderr"
		exit 1
	}
	print_text(text[key], argument[key])
	generated = 1
}
