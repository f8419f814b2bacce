#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Install what building and testing need, with apt or dnf; what is there already costs nothing.
set -eu
if command -v apt-get >/dev/null; then
	want=(gcc libc6-dev clang llvm libclang-rt-dev binutils make autoconf automake pkg-config xz-utils file
		libyajl-dev libseccomp-dev libselinux1-dev libcap-dev libcmocka-dev libjansson-dev spin musl-dev
		valgrind shellcheck mandoc python3 python3-pytest strace busybox-static uidmap umoci
		iproute2 procps util-linux mmdebstrap prometheus crun)
	need=()
	for package in "${want[@]}"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || need+=("$package")
	done
	# its name has a version where no unversioned package exists
	for i in "${!need[@]}"; do
		[ "${need[i]}" = libclang-rt-dev ] || continue
		if compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.profile-*.a' >/dev/null; then unset "need[i]"; fi
	done
	[ ${#need[@]} -gt 0 ] || exit 0
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update
	for i in "${!need[@]}"; do
		[ "${need[i]}" = libclang-rt-dev ] || continue
		if ! apt-cache show libclang-rt-dev >/dev/null 2>&1; then
			version=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
			need[i]=libclang-rt-$version-dev
		fi
	done
	# without its number from Debian 14 on
	if [ -n "$(apt-cache search --names-only '^libselinux-dev$')" ]; then
		need=("${need[@]/#libselinux1-dev/libselinux-dev}")
	fi
	exec apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${need[@]}"
elif command -v dnf >/dev/null; then
	exec dnf -q -y --setopt=install_weak_deps=False install gcc clang llvm compiler-rt make autoconf automake \
		pkgconf-pkg-config xz file findutils diffutils yajl-devel libseccomp-devel \
		libselinux-devel libcap-devel libcmocka-devel jansson-devel glibc-static libseccomp-static libcap-static libselinux-static \
		musl-devel musl-libc-static libasan libubsan valgrind ShellCheck mandoc python3 python3-pytest strace busybox \
		shadow-utils iproute procps-ng util-linux
else
	echo 'neither apt-get nor dnf is here: install the build and test dependencies by hand and use --no-install' >&2
	exit 1
fi
