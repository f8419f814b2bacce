#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What bash offers after a few beginnings of a command line. Uses the built program, which has to
# know the same words.
orlop=${orlop:-$PWD/orlop}
srcdir=${srcdir:-.}
[[ -x $orlop ]] || exit 77
# shellcheck source=/dev/null
source "$srcdir/contrib/completion/orlop.bash"
count=0 failed=0

offers() # expected-words command-line-word...
{
	local expected=$1
	shift
	COMP_WORDS=("$orlop" "$@")
	COMP_CWORD=$#
	_orlop
	((++count))
	if [[ ${COMPREPLY[*]} == "$expected" ]]; then
		echo "ok $count - $*"
	else
		echo "not ok $count - $*"
		echo "# expected: $expected"
		echo "# offered: ${COMPREPLY[*]}"
		failed=1
	fi
}

# A program that has containers, one in each state, and is ours otherwise.
fake=$(mktemp -d)
trap 'rm -rf "$fake"' EXIT
cat >"$fake/orlop" <<END
#!/bin/sh
case "\$*" in
*list) printf 'ID PID STATUS BUNDLE\nmade 1 created /\nruns 2 running /\nheld 3 paused /\nover 0 stopped /\n' ;;
*) exec $(realpath "$orlop") "\$@" ;;
esac
END
chmod 755 "$fake/orlop"

offers_with() # program expected-words command-line-word...
{
	local orlop=$1
	shift
	offers "$@"
}

offers_with "$fake/orlop" 'made' start ''
offers_with "$fake/orlop" 'held' resume ''
offers_with "$fake/orlop" 'runs' exec --tty ''
offers_with "$fake/orlop" 'runs' pause ''
offers_with "$fake/orlop" 'made runs held over' delete --force ''
offers_with "$fake/orlop" 'made runs held over' --root /x state ''
offers_with "$fake/orlop" '' create ''
offers 'start state stats' sta
offers '--log --log-format --log-level' --log
offers 'text json' --log-format ''
offers 'text json' --log-format =
offers 'json' --log-format = j
offers '--bundle' create --b
offers '--bundle' --root /nonexistent --log-format = json create --b
offers '' create --root
offers '--detach' run --keep --de
offers 'table json' list -f ''
offers "$srcdir/contrib/completion" check "$srcdir/contrib/com"
offers 'text json' check --format ''
offers 'explain' seccomp ex
offers "$srcdir/contrib/completion" seccomp explain "$srcdir/contrib/com"
offers "$srcdir/contrib/completion" plan --id x "$srcdir/contrib/com"
offers '--quiet' list -f = json --q
offers 'SIGTERM' kill x SIGTER
offers 'state stats' help stat
offers '--no-stream' stats x y --no
offers '--json' doctor --j
offers '--any' wait x y --a
offers '--timeout' wait --t
offers 'cpu memory pids io net id' stats --sort ''
offers '' --cwd
offers '--cwd' exec --cw
offers "$srcdir/contrib/completion" create -b "$srcdir/contrib/com"
offers '' list x
offers '' exec x cmd --
offers '' exec x cmd --tt
offers '--tty' exec --tt
offers "$srcdir/contrib/completion" exec --tty x cmd -x "$srcdir/contrib/com"
offers "$srcdir/contrib/completion" exec --cwd / x cmd one two --cwd "$srcdir/contrib/com"
offers '' exec x --
offers "$srcdir/contrib/completion" exec -- x "$srcdir/contrib/com"
offers '' ps x --f
offers "$srcdir/contrib/completion" trace --svg "$srcdir/contrib/com"
offers "$srcdir/contrib/completion" --trace "$srcdir/contrib/com"
offers 'docker strict' spec --profile ''
offers '--rootfs --rootless' spec --root
offers "$srcdir/contrib/completion" spec --profile strict "$srcdir/contrib/com"
offers "$srcdir/contrib/completion" spec -- ls --env "$srcdir/contrib/com"
offers '' spec ls --env
offers '--force' delete x --f
offers 'SIGTERM' kill x -- SIGTER
echo "1..$count"
exit $failed
