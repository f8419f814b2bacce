#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The commit of a checkout, without git.
srcdir=${srcdir:-.}
script=$(cd "$srcdir" && pwd)/src/cli/build-commit
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
a=0123456789abcdef0123456789abcdef01234567 b=89abcdef0123456789abcdef0123456789abcdef
count=0 failed=0
mkdir "$dir/bin"
for tool in sed sh; do ln -s "$(command -v $tool)" "$dir/bin/"; done
is() { # expected
	count=$((count + 1))
	got=$(PATH=$dir/bin sh "$script" "$dir")
	if [ "$got" = "$1" ]; then echo "ok $count"; else echo "not ok $count - $got instead of $1"; failed=1; fi
}
is unknown
echo $a >"$dir/.commit"
is $a
mkdir -p "$dir/.git/refs/heads/x"
echo 'ref: refs/heads/x/main' >"$dir/.git/HEAD"
is unknown
printf '# pack-refs with: peeled\n%s refs/heads/x/mainly\n%s refs/heads/x/main\n^%s\n' $a $b $a >"$dir/.git/packed-refs"
is $b
echo $a >"$dir/.git/refs/heads/x/main"
is $a
echo $b >"$dir/.git/HEAD"
is $b
echo 'nonsense; echo x' >"$dir/.git/HEAD"
is unknown
echo "1..$count"
exit $failed
