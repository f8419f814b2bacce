# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# What the lanes share. A lane is a bash script that runs steps; each result is a line
# "pass|fail|skip <tab> lane/test" in $results, each output a file in $logs.
# Set by tests/run: $top $build $logs $results $lane.
tests=(tests/system)

pass() { printf 'pass\t%s/%s\n' "$lane" "$1" >>"$results"; }

fail() { # TEST [LOG]
	printf 'fail\t%s/%s\n' "$lane" "$1" >>"$results"
	echo "   FAILED: $lane/$1"
	if [ -n "${2-}" ]; then grep -av '^  \(CC\|CCLD\|AR\) \|^checking .*\.\.\. ' "$2" | tail -n 60 | sed 's/^/   | /'; fi
}

skip() { printf 'skip\t%s/%s\n' "$lane" "$1" >>"$results"; }

# Run a command that is no test of its own; only its failure is a result.
quietly() { # NAME COMMAND...
	local name=$1 log begin=$SECONDS status=0
	log=$logs/$lane-$name.log
	shift
	limited "$@" >"$log" 2>&1 </dev/null || status=$?
	[ $status = 0 ] || [ $status = 77 ] || fail "$name" "$log"
	[ $((SECONDS - begin)) -lt 3 ] || echo "   $name: $((SECONDS - begin)) s"
	return $status
}

# Run a command that is one test; status 77 means that it is skipped.
step() { # NAME COMMAND...
	local status=0
	quietly "$@" || status=$?
	case $status in
	0) pass "$1" && echo "   ok: $1" ;;
	77) skip "$1" && echo "   skipped: $1" ;;
	esac
}

limited() {
	if [ "$(type -t "$1")" = function ]; then ("$@"); else timeout -k 10 "${limit:-900}" "$@"; fi
}

# The tree as it is in the clone, without what builds left there.
plain_source() { # DIRECTORY
	rm -rf "$1"
	mkdir -p "$1"
	tar -C "$top" -c --exclude=./build --exclude=.git --exclude=__pycache__ --exclude='*.o' --exclude='*.a' \
		--exclude='*.log' --exclude='*.trs' --exclude=./configure --exclude=./Makefile.in --exclude=./aclocal.m4 \
		--exclude=./build-aux --exclude=./autom4te.cache --exclude=./config.log --exclude=./commit.c \
		--exclude=./musl-include --exclude=./Makefile --exclude=./config.status --exclude=./orlop --exclude=.deps . |
		tar -x -C "$1"
}

copy_source() {
	plain_source "$build/src"
	git -c safe.directory='*' rev-parse HEAD >"$build/src/.commit" 2>/dev/null || rm -f "$build/src/.commit"
	cd "$build/src" && ./autogen.sh
}

# Configure and build in $build/NAME.
build_in() { # NAME CONFIGURE-ARGUMENT...
	mkdir -p "$build/$1"
	cd "$build/$1" || return
	shift
	if [ ! -e Makefile ] || [ "$(cat configured 2>/dev/null)" != "$*" ]; then
		"$build/src/configure" -q "$@" && echo "$*" >configured || return
	fi
	make -s -j"$(nproc)" all && make -s -j"$(nproc)" check TESTS=
}

# The program that can be told to leave out its defences.
build_mutations() {
	mkdir -p "$build/mutations"
	cd "$build/mutations" || return
	[ -e Makefile ] || "$build/src/configure" -q --enable-werror --enable-mutations || return
	make -s -j"$(nproc)" orlop tests/fuzz/json_fuzz tests/fuzz/protocol_fuzz
}

build_fuzzing() {
	mkdir -p "$build/fuzzing"
	cd "$build/fuzzing" || return
	[ -e Makefile ] || "$build/src/configure" -q --enable-werror --enable-fuzzing CC=clang CFLAGS='-g -O1' || return
	# shellcheck disable=SC2046
	make -s -j"$(nproc)" $(make -s fuzz-programs)
}

# One target; what it finds new stays in build/corpora, and an input that fails in build/findings.
fuzz_one() { # NAME SECONDS
	local corpus=$build/corpora/$1 found=$build/findings/$1 seeds=$top/tests/fuzz/$1 mask=0
	mkdir -p "$corpus" "$found"
	[ ! -e "$seeds.seeds" ] || "$top/tests/fuzz/pack" --unpack "$seeds.seeds" "$corpus"
	[ "$1" != config ] || for plan in "$top"/tests/plan/*/config.json; do
		cp "$plan" "$corpus/$(basename "$(dirname "$plan")").json"
	done
	[ "$1" != cmdline ] || mask=3	# it prints
	limit=$(($2 + 120)) step "$1" "$build/fuzzing/tests/fuzz/${1}_fuzz" -close_fd_mask=$mask -max_total_time="$2" \
		-max_len=16384 -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 -artifact_prefix="$found/" "$corpus" "$seeds"
}

# All targets, two at a time.
fuzz_all() { # SECONDS
	local target pids=()
	for target in $(make -s -C "$build/fuzzing" fuzz-programs); do
		target=${target##*/}
		fuzz_one "${target%_fuzz}" "$1" &
		pids+=($!)
		[ ${#pids[@]} -lt 2 ] || { wait "${pids[0]}"; pids=("${pids[@]:1}"); }
	done
	wait "${pids[@]}"
	cat "$logs/$lane"-*.log | awk '/^stat::number_of_executed_units:/ { n += $2 } END { print "   " n " inputs tried" }'
}

# Run unit tests in $build/NAME, all or those that $programs names, and count the cases of each.
unit_tests() { # NAME [TOOL...]
	local dir=$build/$1 status=0 run
	shift
	run="timeout -k 5 ${limit:-120} $*"
	cd "$dir" || return
	find tests -name '*.trs' -delete
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 10 1800 make -s check LOG_COMPILER="$run" \
		TESTS="${programs:-$(make -s unit-tests | xargs)}" >"$logs/$lane-unit.log" 2>&1 || status=$?
	"$top/tests/lanes/results.py" tap "$lane" tests >>"$results"
	if [ $status != 0 ]; then
		[ -n "$(find tests -name '*.trs')" ] || fail "make check" "$logs/$lane-unit.log"
		find tests -name '*.trs' -exec grep -l ':global-test-result: [^PS]' {} + | while read -r trs; do
			echo "   FAILED: $lane/${trs%.trs}"
			grep -av '^ok ' "${trs%.trs}.log" | tail -n 30 | sed 's/^/   | /'
		done
	fi
	echo "   $(grep -c "^pass.$lane/" "$results") unit tests passed"
}

# Wait until a lane of the other row has ended, if it runs at all.
after() { # LANE...
	local other
	for other; do
		until [ ! -e "$build/done/.$other" ] || [ -e "$build/done/$other" ]; do sleep 1; done
	done
}

# Run the system tests with what build/NAME holds: pytest of the distribution, whatever python3
# comes first in PATH. An optional prefix command is where: the virtual machine.
system_tests() { # NAME REPORT [PREFIX...]
	local dir=$build/$1 report=$2
	shift 2
	[ $# -gt 0 ] || set -- timeout -k 10 "${limit:-1800}"
	"$@" env ${passed:+ORLOP_PASSED="$passed"} ${second:+ORLOP_SECOND_VM=1} ORLOP="$dir/orlop" ORLOP_TEST_BIN="$dir/tests/system/probe" \
		PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -p no:cacheprovider \
		-o junit_family=xunit1 --junitxml="$report" "${tests[@]}"
}

# The same as a lane: every test is a result. In as many parts as are given, at once; 0: what $tests says. $as: a name for
# the files, if others of the lane run meanwhile.
system_lane() { # NAME PARTS [PREFIX...]
	local name=$1 parts=$2 part pids=() report log status deal=yes files=${as:-$lane} selected=()
	shift 2
	if [ "$parts" = 0 ]; then parts=1 deal=''; fi
	# What is left to do is found out here: to look at all tests takes a virtual machine minutes.
	if [ -n "$deal" ] && [ -n "${passed-}" ]; then
		PYTEST_ADDOPTS=--collect-only system_tests "$name" /dev/null >"$build/$files.selected" 2>&1 </dev/null
		selected=("$build/$files.selected" "$build"/system-[0-9].xml)
	fi
	for ((part = 1; part <= parts; part++)); do
		rm -f "$build/$files-$part.xml"
		(
			[ -z "$deal" ] || read -ra tests < <("$top/tests/lanes/results.py" shard "$part" "$parts" "${selected[@]}")
			system_tests "$name" "$build/$files-$part.xml" "$@" >"$logs/$files-pytest-$part.log" 2>&1 </dev/null
		) &
		pids+=($!)
	done
	for ((part = 1; part <= parts; part++)); do
		status=0 report=$build/$files-$part.xml log=$logs/$files-pytest-$part.log
		wait "${pids[part - 1]}" || status=$?
		if [ -s "$report" ] && [ $status -le 1 ]; then
			"$top/tests/lanes/results.py" junit "$lane" "$report" >>"$results"
			[ $status = 0 ] || sed -n '/= FAILURES =/,$p' "$log" | tail -n 200 | sed 's/^/   | /'
			echo "   $(tail -n 1 "$log")"
		else
			fail "pytest ended with status $status" "$log"
		fi
	done
}

# Run a command in the virtual machine, which sees the tree under the same path. Status 125 means that
# the machine itself failed, as emulated ones do now and then: once more. $image and $kernel: another image,
# arguments of its kernel.
in_vm() {
	local status=0
	set -- ${image:+--image "$image"} ${kernel:+--cmdline "$kernel"} --share "$top" --timeout "${limit:-2700}" -- "$@"
	"$top/tests/vm/lab" run "$@" || status=$?
	[ $status = 125 ] || return $status
	"$top/tests/vm/lab" run "$@"
}

# The same in the machine that tests/scenarios/setup makes, with engines and images. The table of steps is $lane.tsv.
# $wide: also what the lanes have no time for. $nodes: in a cluster of so many. $setup: another script than that.
in_scenario_vm() {
	local status=0 verb=(run)
	[ -z "${nodes-}" ] || verb=(cluster "$nodes")
	set -- "${verb[@]}" ${image:+--image "$image"} --setup "${setup:-$top/tests/scenarios/setup}" --share "$top" \
		--env SCENARIOS_TABLE="$build/$lane.tsv" ${wide:+--env SCENARIOS_WIDE=1} --timeout "${limit:-1500}" -- "$@"
	"$top/tests/vm/lab" "$@" || status=$?
	[ $status = 125 ] || return $status
	"$top/tests/vm/lab" "$@"
}

# Those with Docker and containerd, or all others.
scenarios() { # docker|podman
	local file engine
	tests=()
	for file in "$top"/tests/scenarios/test_*.py; do
		case $file in
		*_docker*.py | *_containerd.py | *_cri*.py) engine=docker ;;
		*) engine=podman ;;
		esac
		[ $engine != "$1" ] || tests+=("$file")
	done
	system_lane gcc 0 in_scenario_vm
}
