# SPDX-License-Identifier: GPL-2.0-or-later
"""
Controls of the cases whose tests are in tests/system: each row leaves out the defence and runs the test, which must
fail, for an assertion of its own.  That it passes with all defences is what the lane `system` shows.
"""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from lib.box import BIN, deadline
from tools import mutant as mutant_build

SYSTEM = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "system")

# Cases, the defences that are left out (MUTATE in the source), the tests that must fail: FILE::NAME.  One row runs
# pytest once, half a second.  Two names where a second defence, the parent's read-back, would see it as well.
ROWS = [
    ("T01 T02 T05", "T01", [
        "test_threats_layout.py::test_T01_dev_is_a_link_to_the_outside[absolute-True]",
        "test_threats_layout.py::test_T02_destination_is_a_link[tmp-absolute]",
        "test_threats_layout.py::test_T05_device_below_a_link"]),
    ("T03", "T03", ["test_threats_layout.py::test_T03_dangling_link"]),
    ("T04", "T04", ["test_threats_layout.py::test_T04_file_bind_onto_an_odd_target[hard link]"]),
    ("T06", "T06", ["test_threats_layout.py::test_T06_links_of_dev_over_files_of_the_image"]),
    ("T07", "T25", ["test_threats_layout.py::test_T07_mask_is_the_hosts_null"]),
    ("T08", "T08", ["test_threats_layout.py::test_T08_path_is_a_link[maskedPaths]"]),
    ("T09", "T01,T09,T30", ["test_threats_layout.py::test_T09_cwd_is_a_leaked_directory[path-40]"]),
    ("T10", "T10", ["test_threats_layout.py::test_T10_sysctls_are_opened_by_descriptor"]),
    ("T11", "T27", ["test_threats_layout.py::test_T11_fake_procfs[none]"]),
    ("T12", "T12", ["test_threats_layout.py::test_T12_link_to_an_allowed_file"]),
    ("T13", "T68", ["test_threats_layout.py::test_T13_root_path_that_is_none[rootfs\\x00/x]"]),
    ("T16", "T16", ["test_threats_layout.py::test_T16_odd_destination[/]"]),
    ("T30", "T30,T31", ["test_threats_handles.py::test_T30_leaked_descriptors_run_and_exec"]),
    ("T32", "T32", ["test_threats_handles.py::test_T32_listen_fds[other-7]"]),
    ("T33", "T33", ["test_threats_handles.py::test_T33_our_own_descriptors_never_land_in_the_range"]),
    ("T34", "T34", ["test_threats_handles.py::test_T34_executable_of_visible_processes_cannot_be_written"]),
    ("T38", "T38", ["test_threats_handles.py::test_T38_closed_standard_streams[closed0]"]),
    ("T39", "T39", ["test_threats_handles.py::test_T39_owner_and_mode_of_host_files_stay"]),
    ("T41", "T41", ["test_threats_handles.py::test_T41_hostile_passwd[fifo]"]),
    ("T49", "T49", ["test_threats_commands.py::test_T49_exec_user[1x-None]"]),
    ("T50", "T50", ["test_threats_commands.py::test_T50_exec_cap"]),
    ("T51", "T51", ["test_threats_commands.py::test_T51_gate_replaced"]),
    ("T55", "T55", ["test_threats_commands.py::test_T55_container_id[8]"]),
    ("T56", "T56", ["test_threats_commands.py::test_T56_state_root_of_others[509-0]"]),
    ("T57", "T57", ["test_threats_commands.py::test_T57_state_file_that_is_none[link]"]),
    ("T58", "T58", ["test_threats_commands.py::test_T58_planted_pid_file[hard link]"]),
    ("T59", "T59", ["test_threats_commands.py::test_T59_cgroup_path[9]"]),
    ("T66", "T66", ["test_bad_input.py::test_file_too_large"]),
    ("T72", "T72", ["test_bad_input.py::test_combinations"]),
    ("T112", "T112", [
        "test_live_mounts.py::test_T112_link_does_not_lift_a_mask",
        "test_live_mounts.py::test_T112_another_mount_at_the_same_place_stays"]),
    ("T93", "T93_replace", ["test_update.py::test_devices_in_one_step"]),
    ("T75", "T75", ["test_seccomp.py::test_T75_foreign_abi_is_killed"]),
    ("T76", "T76", ["test_seccomp.py::test_T76_newer_calls_are_ENOSYS"]),
    ("T77", "T77", ["test_seccomp.py::test_T77_bad_profile[seccomp9-/linux/seccomp/syscalls/0/errnoRet]"]),
    ("T79", "T79", ["test_seccomp_notify.py::test_T79_never_accepts"]),
    ("T80", "T80,T88", ["test_threats_privileges.py::test_T80_more_than_the_kernel_knows"]),
    ("T81", "T81,T88", ["test_threats_privileges.py::test_T81_setuid_program_as_child"]),
    ("T78 T82", "T82,T88", [
        "test_threats_privileges.py::test_T82_groups[0]",
        "test_seccomp.py::test_T78_hostile_profile[setgroups-True]"]),
    ("T85", "T85", ["test_threats_privileges.py::test_T85_keys_of_the_caller_are_out_of_reach"]),
    ("T87", "T87,T88", ["test_threats_privileges.py::test_T87_what_a_careless_caller_hands_on"]),
    ("T91", "T91", ["test_cgroup.py::test_walls"]),
    ("T92", "T92", ["test_cgroup.py::test_device_rules_against_a_model[0]"]),
    ("T94", "T94", ["test_cgroup.py::test_path[None-/orlop/{id}]"]),
    ("T95", "T95", ["test_terminal.py::test_no_typing_into_the_callers_terminal[run]"]),
    ("T96", "T96", ["test_terminal.py::test_exec_after_init_made_a_devpts_of_its_own"]),
    ("T97", "T97", ["test_terminal.py::test_console_socket_peer[hangs up]"]),
    ("T98", "T98", ["test_hooks.py::test_environment_without_env"]),
    ("T99", "T99", ["test_threats_privileges.py::test_T99_forged_lines[text-args]"]),
    ("T100", "T100", ["test_threats_privileges.py::test_T100_log_target[fifo]"]),
    ("T103", "T103", ["test_threats_privileges.py::test_T103_kill_is_for_all"]),
    ("T104", "T104", ["test_threats_privileges.py::test_T104_paused[delete]"]),
]


LINT = os.path.join(os.path.dirname(SYSTEM), "lint/symbols")


def failures(report):
    """{test: text of its failure}; errors in set-up or clean-up do not count, nor do tests that could not run."""
    tests = xml.etree.ElementTree.parse(report).iter("testcase")
    return {t.get("name"): t.find("failure").get("message") for t in tests if t.find("failure") is not None}


def names(cases):
    return re.findall(r"T\d+", cases)


@pytest.mark.needs_native("the lane `security` runs there alone")
@pytest.mark.parametrize("cases, left_out, tests", [
    pytest.param(*row, marks=pytest.mark.control(*names(row[0])), id=row[0].replace(" ", "-")) for row in ROWS])
def test_fails_without(tmp_path, cases, left_out, tests):
    if not mutant_build.PROGRAM:
        pytest.skip("ORLOP_MUTANT names no program: configure --enable-mutations")
    report = f"{tmp_path}/report.xml"  # not in ours: it has a tmpfs of its own at the same place
    env = {**os.environ, "ORLOP": mutant_build.PROGRAM, "ORLOP_TEST_BIN": BIN, "ORLOP_MUTATE": left_out}
    env.pop("ORLOP_PASSED", None)
    p = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", "--tb=short",
                        f"--junitxml={report}", *(f"{SYSTEM}/{t}" for t in tests)],
                       env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=deadline(60))
    assert p.returncode == 1, p.stdout + p.stderr
    failed = failures(report)
    assert len(failed) == len(tests), f"of {tests} only these failed: {failed}\n{p.stdout}"
    for name, message in failed.items():
        print(f"{name}: {message}")
        assert re.match("AssertionError|assert |Failed: DID NOT RAISE", message), f"{name} failed for another reason: {p.stdout}"


@pytest.mark.control("T40")
def test_foreign_code_is_seen(tmp):
    """No defence is left out: there is nothing in us that could look up a user, and this is what sees it."""
    with open(f"{tmp}/planted.c", "w") as f:
        f.write("#include <pwd.h>\nint planted(void) { return getpwuid(0) != 0; }\n")
    subprocess.run(["cc", "-c", "planted.c"], cwd=tmp, check=True)
    subprocess.run(["ar", "rc", "planted.a", "planted.o"], cwd=tmp, check=True)
    p = subprocess.run([LINT], env={**os.environ, "library": f"{tmp}/planted.a"}, capture_output=True, text=True)
    assert p.returncode == 1 and "getpwuid" in p.stdout, p
