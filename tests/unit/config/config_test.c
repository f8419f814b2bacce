/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is taken arrives where it belongs; files; warnings; sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "document.h"
#include "json/tree.h"
#include "util/log.h"
#include "util/str.h"

static int data_dir(void)
{
	const char *top = getenv("srcdir");
	char *path = xasprintf("%s/tests/unit/config/data", top ? top : ".");
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s", path);
	free(path);
	return fd;
}

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	log_redirect(NULL, NULL);
	arena_free(*state);
	return 0;
}

static struct oci_config *load(struct arena *a, const char *name)
{
	struct error err = {0};
	struct oci_config *c = NULL;
	int dir = data_dir();

	if (config_load(a, dir, name, &c, NULL, NULL, &err) < 0)
		fail_msg("%s: at `%s`: %s", name, err.where, err.text);
	close(dir);
	return c;
}

static int parse(struct arena *a, const char *text, struct oci_config **ret, struct error *err)
{
	char *copy = requote(xstrdup(text));
	size_t len = strlen(copy);
	int r = config_parse(a, copy, len, ret, err);

	/* Nothing of the result may point into the text. */
	memset(copy, 'x', len);
	free(copy);
	return r;
}

static struct oci_config *good(struct arena *a, const char *text)
{
	struct error err = {0};
	struct oci_config *c = NULL;

	if (parse(a, text, &c, &err) < 0)
		fail_msg("%s: at `%s`: %s", text, err.where, err.text);
	return c;
}

/* ---- values --------------------------------------------------------------------------------- */

static void test_full_process(void **state)
{
	const struct oci_config *c = load(*state, "good-full.json");
	const struct oci_process *p = &c->process;

	assert_string_equal(c->oci_version, "1.3.0");
	assert_true(c->root.present);
	assert_string_equal(c->root.path, "rootfs");
	assert_true(c->root.readonly);
	assert_string_equal(c->hostname, "deep-thought");
	assert_string_equal(c->domainname, "example.test");
	assert_true(p->present);
	assert_true(p->terminal);
	assert_true(p->console_size.set);
	assert_int_equal(p->console_size.rows, 24);
	assert_int_equal(p->console_size.cols, 80);
	assert_string_equal(p->cwd, "/home");
	assert_int_equal(p->args.n, 3);
	assert_string_equal(p->args.v[2], "\xc3\xa9");
	assert_null(p->args.v[3]);
	assert_int_equal(p->env.n, 2);
	assert_string_equal(p->env.v[1], "A=b=c");
	assert_int_equal(p->user.uid, 1);
	assert_int_equal(p->user.gid, 2);
	assert_true(p->user.umask.set);
	assert_int_equal(p->user.umask.v, 077);
	assert_int_equal(p->user.n_additional_gids, 2);
	assert_int_equal(p->user.additional_gids[1], 6);
	assert_true(p->has_capabilities);
	assert_int_equal(p->capabilities.bounding, 1ull << 0 | 1ull << 40);
	assert_int_equal(p->capabilities.effective, 1);
	assert_int_equal(p->capabilities.inheritable, 1 << 5);
	assert_int_equal(p->capabilities.permitted, 1ull << 39 | 1);
	assert_int_equal(p->capabilities.ambient, 1 << 5);
	assert_int_equal(p->n_rlimits, 2);
	assert_int_equal(p->rlimits[0].resource, RLIMIT_CORE);
	assert_string_equal(p->rlimits[0].name, "RLIMIT_CORE");
	assert_true(p->rlimits[0].hard == UINT64_MAX && p->rlimits[0].soft == 1024);
	assert_int_equal(p->rlimits[1].resource, RLIMIT_NOFILE);
	assert_string_equal(p->apparmor_profile, "profile-a");
	assert_string_equal(p->selinux_label, "system_u:system_r:container_t:s0:c1,c2");
	assert_true(p->no_new_privileges);
	assert_true(p->oom_score_adj.set);
	assert_int_equal(p->oom_score_adj.v, -100);
}

static void test_full_mounts_hooks(void **state)
{
	const struct oci_config *c = load(*state, "good-full.json");
	const struct oci_hooks *h = &c->hooks;
	const struct oci_mount *m = c->mounts;

	assert_int_equal(c->n_mounts, 2);
	assert_string_equal(m[0].destination, "/proc");
	assert_string_equal(m[0].type, "proc");
	assert_string_equal(m[0].source, "proc");
	assert_int_equal(m[0].words.n, 0);
	assert_string_equal(m[1].destination, "data");
	assert_null(m[1].type);
	assert_string_equal(m[1].source, "./data");
	assert_int_equal(m[1].words.n, 4);
	assert_true(m[1].options.bind && m[1].options.recursive);
	assert_int_equal(m[1].options.rattr_set, MOUNT_ATTR_RDONLY);
	assert_int_equal(m[1].options.propagation[0], MS_SLAVE | MS_REC);
	assert_string_equal(m[1].options.data.v[0], "x-word=1");

	assert_int_equal(h->list[HOOK_PRESTART].n, 1);
	assert_string_equal(h->list[HOOK_PRESTART].v[0].path, "/a");
	assert_false(h->list[HOOK_PRESTART].v[0].has_env);
	assert_int_equal(h->list[HOOK_CREATE_RUNTIME].v[0].args.n, 2);
	assert_true(h->list[HOOK_CREATE_RUNTIME].v[0].has_env);
	assert_int_equal(h->list[HOOK_CREATE_RUNTIME].v[0].env.n, 0);
	assert_string_equal(h->list[HOOK_CREATE_CONTAINER].v[0].env.v[0], "K=V");
	assert_int_equal(h->list[HOOK_START_CONTAINER].n, 2);
	assert_string_equal(h->list[HOOK_START_CONTAINER].v[1].path, "/e");
	assert_false(h->list[HOOK_START_CONTAINER].v[1].timeout_s.set);
	assert_int_equal(h->list[HOOK_POSTSTART].v[0].timeout_s.v, 5);
	assert_int_equal(h->list[HOOK_POSTSTOP].n, 0);

	assert_int_equal(c->annotations.n, 2);
	assert_string_equal(c->annotations.v[1].key, "com.example.k2");
	assert_string_equal(c->annotations.v[1].value, "");
}

static void test_full_linux(void **state)
{
	const struct oci_linux *l = &load(*state, "good-full.json")->linux_;

	assert_int_equal(l->n_devices, 3);
	assert_int_equal(l->devices[0].type, S_IFCHR);
	assert_string_equal(l->devices[0].path, "/dev/fuse");
	assert_int_equal(l->devices[0].dev, makedev(10, 229));
	assert_int_equal(l->devices[0].mode, 0666);
	assert_int_equal(l->devices[0].uid, 3);
	assert_int_equal(l->devices[0].gid, 4);
	assert_int_equal(l->devices[1].type, S_IFBLK);
	assert_int_equal(l->devices[1].dev, makedev(8, 666));
	assert_int_equal(l->devices[1].mode, 0660);
	assert_int_equal(l->devices[2].type, S_IFIFO);
	assert_int_equal(l->devices[2].mode, 0666);
	assert_int_equal(l->uid_mappings.n, 1);
	assert_int_equal(l->uid_mappings.v[0].host_id, 1000);
	assert_int_equal(l->uid_mappings.v[0].size, 32000);
	assert_int_equal(l->gid_mappings.n, 2);
	assert_int_equal(l->gid_mappings.v[1].container_id, 16000);
	assert_int_equal(l->sysctl.n, 2);
	assert_string_equal(l->sysctl.v[1].key, "kernel/shmmax");
	assert_string_equal(l->cgroups_path, "/engine/full");
	assert_string_equal(l->rootfs_propagation_word, "slave");
	assert_int_equal(l->rootfs_propagation, MS_SLAVE);
	assert_int_equal(l->n_namespaces, 7);
	assert_string_equal(l->namespaces[1].name, "network");
	assert_int_equal(l->namespaces[1].flag, 0x40000000);
	assert_string_equal(l->namespaces[1].path, "/run/netns/a");
	assert_null(l->namespaces[0].path);
	assert_int_equal(l->masked_paths.n, 1);
	assert_string_equal(l->readonly_paths.v[1], "/proc/sys");
	assert_string_equal(l->mount_label, "system_u:object_r:container_file_t:s0:c1,c2");
}

static void test_full_resources(void **state)
{
	const struct oci_resources *r = &load(*state, "good-full.json")->linux_.resources;

	assert_true(r->present);
	assert_true(r->has_devices);
	assert_int_equal(r->n_devices, 3);
	assert_false(r->devices[0].allow);
	assert_int_equal(r->devices[0].type, 'a');
	assert_int_equal(r->devices[0].major, -1);
	assert_int_equal(r->devices[0].minor, -1);
	assert_int_equal(r->devices[0].access, 7);
	assert_true(r->devices[1].allow);
	assert_int_equal(r->devices[1].type, 'c');
	assert_int_equal(r->devices[1].major, 10);
	assert_int_equal(r->devices[1].minor, 229);
	assert_int_equal(r->devices[1].access, DEVICE_ACCESS_READ | DEVICE_ACCESS_WRITE);
	assert_int_equal(r->devices[2].minor, -1);
	assert_int_equal(r->devices[2].access, DEVICE_ACCESS_MKNOD);

	assert_int_equal(r->memory.limit.v, 536870912);
	assert_int_equal(r->memory.reservation.v, -1);
	assert_int_equal(r->memory.swap.v, 536870913);
	assert_true(r->memory.kernel.set && r->memory.kernel.v == -1);
	assert_true(r->memory.kernel_tcp.set && r->memory.kernel_tcp.v == -1);
	assert_true(r->memory.swappiness.set && r->memory.swappiness.v == 0);
	assert_true(r->memory.disable_oom_killer.set && !r->memory.disable_oom_killer.v);
	assert_true(r->memory.use_hierarchy.set && r->memory.use_hierarchy.v);
	assert_true(r->memory.check_before_update.set && !r->memory.check_before_update.v);

	assert_int_equal(r->cpu.shares.v, 1024);
	assert_int_equal(r->cpu.quota.v, 1000000);
	assert_int_equal(r->cpu.burst.v, 1000000);
	assert_int_equal(r->cpu.period.v, 500000);
	assert_int_equal(r->cpu.realtime_runtime.v, 950000);
	assert_int_equal(r->cpu.realtime_period.v, 1000000);
	assert_string_equal(r->cpu.cpus, "2-3");
	assert_string_equal(r->cpu.mems, "0-7");
	assert_true(r->cpu.idle.set && r->cpu.idle.v == 0);

	assert_int_equal(r->block_io.weight.v, 10);
	assert_int_equal(r->block_io.leaf_weight.v, 11);
	assert_int_equal(r->block_io.n_weight_device, 2);
	assert_int_equal(r->block_io.weight_device[0].leaf_weight.v, 300);
	assert_int_equal(r->block_io.weight_device[1].minor, 16);
	assert_false(r->block_io.weight_device[1].leaf_weight.set);
	assert_int_equal(r->block_io.read_bps.v[0].rate, 600);
	assert_int_equal(r->block_io.write_bps.v[0].rate, 601);
	assert_int_equal(r->block_io.read_iops.v[0].rate, 602);
	assert_int_equal(r->block_io.write_iops.v[0].minor, 16);

	assert_int_equal(r->n_hugepage_limits, 2);
	assert_string_equal(r->hugepage_limits[0].page_size, "2MB");
	assert_true(r->hugepage_limits[0].limit == INT64_MAX);
	assert_int_equal(r->network.class_id.v, 1048577);
	assert_int_equal(r->network.n_priorities, 1);
	assert_true(r->pids_limit.set && r->pids_limit.v == 32771);
	assert_int_equal(r->n_rdma, 2);
	assert_string_equal(r->rdma[0].device, "mlx5_1");
	assert_int_equal(r->rdma[0].hca_handles.v, 3);
	assert_false(r->rdma[1].hca_handles.set);
	assert_int_equal(r->rdma[1].hca_objects.v, 1000);
	assert_int_equal(r->unified.n, 2);
	assert_string_equal(r->unified.v[1].value, "8:0 rbps=1\n8:16 rbps=2");
}

static void test_full_seccomp(void **state)
{
	const struct oci_seccomp *s = &load(*state, "good-full.json")->linux_.seccomp;

	assert_true(s->present);
	assert_int_equal(s->default_action, SCMP_ACT_ERRNO(38));
	assert_int_equal(s->n_archs, 2);	/* the repeated one once */
	assert_int_equal(s->archs[0], SCMP_ARCH_X86);
	assert_int_equal(s->archs[1], SCMP_ARCH_X32);
	assert_true(s->has_flags);
	assert_int_equal(s->flags, 6);
	assert_null(s->listener_path);
	assert_int_equal(s->n_rules, 5);
	assert_int_equal(s->rules[0].names.n, 2);
	assert_string_equal(s->rules[0].names.v[1], "chmod");
	assert_int_equal(s->rules[0].action, SCMP_ACT_ALLOW);
	assert_int_equal(s->rules[1].action, SCMP_ACT_ERRNO(EPERM));
	assert_int_equal(s->rules[1].n_args, 2);
	assert_int_equal(s->rules[1].args[0].op, SCMP_CMP_MASKED_EQ);
	assert_int_equal(s->rules[1].args[0].value, 2114060288);
	assert_true(s->rules[1].args[0].value_two == UINT64_MAX);
	assert_int_equal(s->rules[1].args[1].index, 5);
	assert_int_equal(s->rules[1].args[1].op, SCMP_CMP_NE);
	assert_int_equal(s->rules[2].action, SCMP_ACT_TRACE(65535));
	assert_int_equal(s->rules[3].action, SCMP_ACT_ERRNO(0));
	assert_int_equal(s->rules[4].action, SCMP_ACT_KILL_PROCESS);
}

static void test_seccomp_listener(void **state)
{
	static const char rule[] = SECCOMP(",'listenerPath':'/run/a','listenerMetadata':'m',"
					   "'syscalls':[{'names':['a'],'action':'SCMP_ACT_NOTIFY'}]");
	const struct oci_seccomp *s = &good(*state, rule)->linux_.seccomp;

	assert_true(s->notifies);
	assert_int_equal(s->rules[0].action, SCMP_ACT_NOTIFY);
	assert_string_equal(s->listener_path, "/run/a");
	assert_string_equal(s->listener_metadata, "m");
	s = &good(*state, SECCOMP(",'listenerPath':'/run/a','listenerMetadata':''"))->linux_.seccomp;
	assert_false(s->notifies);
	assert_string_equal(s->listener_path, "/run/a");
	assert_null(s->listener_metadata);
}

static void test_minimal(void **state)
{
	const struct oci_config *c = load(*state, "good-minimal.json");
	struct oci_config zero = {0};

	assert_false(c->process.present);
	assert_memory_equal(&c->linux_, &zero.linux_, sizeof(zero.linux_));
	assert_memory_equal(&c->hooks, &zero.hooks, sizeof(zero.hooks));
	assert_null(c->hostname);
	assert_int_equal(c->n_mounts, 0);
	assert_false(c->root.readonly);
}

static void test_defaults(void **state)
{
	const struct oci_process *p = &good(*state, PROCESS(""))->process;

	assert_false(p->has_capabilities);
	assert_int_equal(p->user.uid, 0);
	assert_false(p->user.umask.set);
	assert_false(p->oom_score_adj.set);
	assert_null(p->env.v);
	p = &good(*state, PROCESS(",'capabilities':{},'oomScoreAdj':0,'consoleSize':"
				  "{'height':1,'width':99999}"))->process;
	assert_true(p->has_capabilities);
	assert_true(p->oom_score_adj.set);
	assert_false(p->console_size.set);

	assert_false(good(*state, SECCOMP(""))->linux_.seccomp.has_flags);
	assert_true(good(*state, SECCOMP(",'flags':[]"))->linux_.seccomp.has_flags);
	assert_false(good(*state, RESOURCES(""))->linux_.resources.has_devices);
	assert_true(good(*state, RESOURCES("'devices':[]"))->linux_.resources.has_devices);
	assert_false(good(*state, RESOURCES("'devices':null"))->linux_.resources.has_devices);
	assert_false(good(*state, LINUX("'resources':null"))->linux_.resources.present);
	assert_null(good(*state, LINUX("'cgroupsPath':''"))->linux_.cgroups_path);
	assert_int_equal(good(*state, DEVICE(",'fileMode':8630"))->linux_.devices[0].mode, 0666);
}

/* Engines write null for what is not there: it is as if it were not there. */
static void test_null(void **state)
{
	static const char text[] =
		TOP(",'mounts':null,'process':null,'hostname':null,'domainname':null,'hooks':null,"
		    "'annotations':null,'linux':null,'windows':null");
	static const char inner[] =
		TOP(",'process':{'cwd':'/','args':['x'],'terminal':null,'consoleSize':null,'env':null,"
		    "'user':null,'capabilities':null,'rlimits':null,'apparmorProfile':null,"
		    "'selinuxLabel':null,'noNewPrivileges':null,'oomScoreAdj':null,'scheduler':null},"
		    "'hooks':{'prestart':null,'poststop':[{'path':'/a','args':null,'env':null,"
		    "'timeout':null}]},'linux':{'namespaces':null,'uidMappings':null,'devices':null,"
		    "'sysctl':null,'seccomp':null,'resources':{'memory':null,'cpu':{'quota':null},"
		    "'pids':null,'unified':null,'rdma':null,'devices':null,'blockIO':null},"
		    "'maskedPaths':null,'rootfsPropagation':null,'mountLabel':null}");
	const struct oci_config *c = good(*state, text), *d = good(*state, inner);

	assert_false(c->process.present);
	assert_false(d->process.has_capabilities);
	assert_false(d->process.oom_score_adj.set);
	assert_false(d->hooks.list[HOOK_POSTSTOP].v[0].has_env);
	assert_true(d->linux_.resources.present);
	assert_false(d->linux_.resources.cpu.quota.set);
	assert_false(d->linux_.seccomp.present);
}

static void test_attributes(void **state)
{
	const struct oci_process *p =
		&good(*state, PROCESS(",'scheduler':{'policy':'SCHED_DEADLINE','flags':['SCHED_FLAG_RECLAIM',"
				      "'SCHED_FLAG_RESET_ON_FORK'],'runtime':5000,'deadline':6000,"
				      "'period':18446744},'ioPriority':{'class':'IOPRIO_CLASS_BE',"
				      "'priority':5},'execCPUAffinity':{'initial':'0, 2-3,64','final':'5'}"))
			 ->process;
	const struct oci_linux *l =
		&good(*state, LINUX("'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0-2,65',"
				    "'flags':['MPOL_F_STATIC_NODES']},'personality':{'domain':'LINUX32'},"
				    "'namespaces':[{'type':'time'}],'timeOffsets':{'boottime':"
				    "{'secs':-5,'nanosecs':999999999}}"))
			 ->linux_;

	assert_true(p->scheduler.present);
	assert_int_equal(p->scheduler.policy, 6);
	assert_int_equal(p->scheduler.flags, 3);
	assert_int_equal(p->scheduler.runtime.v, 5000);
	assert_int_equal(p->scheduler.deadline.v, 6000);
	assert_int_equal(p->scheduler.period.v, 18446744);
	assert_int_equal(p->io_priority.class, 2);
	assert_int_equal(p->io_priority.level, 5);
	assert_int_equal(p->exec_affinity.initial.n_bits, 65);
	assert_int_equal(p->exec_affinity.initial.v[0], 0xd);
	assert_int_equal(p->exec_affinity.initial.v[1], 1);
	assert_int_equal(p->exec_affinity.final.n_bits, 6);
	assert_int_equal(p->exec_affinity.final.v[0], 0x20);
	assert_int_equal(l->memory_policy.mode, 2);
	assert_int_equal(l->memory_policy.flags, 1 << 15);
	assert_int_equal(l->memory_policy.nodes.n_bits, 66);
	assert_int_equal(l->memory_policy.nodes.v[0], 7);
	assert_int_equal(l->memory_policy.nodes.v[1], 2);
	assert_true(l->personality.present);
	assert_int_equal(l->personality.domain, 8);
	assert_false(l->time_offsets.monotonic.present);
	assert_true(l->time_offsets.boottime.present);
	assert_int_equal(l->time_offsets.boottime.secs, -5);
	assert_int_equal(l->time_offsets.boottime.nanosecs, 999999999);

	/* Nothing there, or nothing but spaces. */
	p = &good(*state, PROCESS(",'execCPUAffinity':{'initial':' ','final':''}"))->process;
	assert_true(p->exec_affinity.present);
	assert_null(p->exec_affinity.initial.text);
	assert_int_equal(p->exec_affinity.final.n_bits, 0);
	assert_false(p->scheduler.present || p->io_priority.present);
}

static void test_propagation(void **state)
{
	static const struct { const char *word; unsigned long flags; } rows[] = {
		{"shared", MS_SHARED}, {"slave", MS_SLAVE}, {"private", MS_PRIVATE},
		{"unbindable", MS_UNBINDABLE}, {"rshared", MS_SHARED | MS_REC},
		{"rslave", MS_SLAVE | MS_REC}, {"rprivate", MS_PRIVATE | MS_REC},
		{"runbindable", MS_UNBINDABLE | MS_REC}, {"", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = xasprintf(LINUX("'rootfsPropagation':'%s'"), rows[i].word);

		assert_int_equal(good(*state, text)->linux_.rootfs_propagation, rows[i].flags);
		free(text);
	}
}

/* ---- the digest ----------------------------------------------------------------------------- */

static uint64_t digest(void **state, const char *members)
{
	char *text = xasprintf(LINUX("'seccomp':{%s}"), members);
	uint64_t d = good(*state, text)->linux_.seccomp.digest;

	free(text);
	return d;
}

static void test_digest(void **state)
{
	/* The same profile in other words. */
	static const char *const same[] = {
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['a','b'],'action':'SCMP_ACT_LOG'}]",
		"'syscalls':[{'action':'SCMP_ACT_LOG',  'names':['a','b'],'args':[]}],"
		"'defaultAction':'SCMP_ACT_ERRNO','x':1",
		"'defaultErrnoRet':1,'defaultAction':'SCMP_ACT_ERRNO','architectures':null,"
		"'syscalls':[{'names':['a','\\u0062'],'action':'SCMP_ACT_LOG'}]",
	};
	/* Each different from all others. */
	static const char *const other[] = {
		"'defaultAction':'SCMP_ACT_ERRNO'",
		"'defaultAction':'SCMP_ACT_ERRNO','flags':[]",
		"'defaultAction':'SCMP_ACT_ERRNO','flags':['SECCOMP_FILTER_FLAG_LOG']",
		"'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':2",
		"'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86']",
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['ab'],'action':'SCMP_ACT_LOG'}]",
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['b','a'],'action':'SCMP_ACT_LOG'}]",
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['a'],'action':'SCMP_ACT_LOG'},"
		"{'names':['b'],'action':'SCMP_ACT_LOG'}]",
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['a','b'],'action':'SCMP_ACT_TRAP'}]",
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['a','b'],'action':'SCMP_ACT_LOG',"
		"'args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]}]",
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['a','b'],'action':'SCMP_ACT_LOG',"
		"'args':[{'index':1,'value':0,'op':'SCMP_CMP_EQ'}]}]",
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['a','b'],'action':'SCMP_ACT_LOG',"
		"'args':[{'index':1,'value':0,'op':'SCMP_CMP_NE'}]}]",
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['a','b'],'action':'SCMP_ACT_LOG',"
		"'args':[{'index':1,'value':0,'valueTwo':1,'op':'SCMP_CMP_NE'}]}]",
	};
	uint64_t d = digest(state, same[0]), seen[ARRAY_SIZE(other)];

	for (size_t i = 1; i < ARRAY_SIZE(same); i++)
		assert_true(digest(state, same[i]) == d);
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		seen[i] = digest(state, other[i]);
		assert_true(seen[i] != d);
		for (size_t j = 0; j < i; j++)
			assert_true(seen[i] != seen[j]);
	}
}

/* ---- warnings ------------------------------------------------------------------------------- */

struct warnings {
	unsigned n;
	char text[4096];
};

static void keep(void *ctx, enum log_level level, const char *text)
{
	struct warnings *w = ctx;
	size_t len = strlen(w->text);

	if (level != LOG_LEVEL_WARNING)
		return;
	w->n++;
	snprintf(w->text + len, sizeof(w->text) - len, "%s\n", text);
}

static void test_case_variants(void **state)
{
	struct warnings w = {0};
	const struct oci_config *c;

	log_redirect(keep, &w);
	c = good(*state, PROCESS(",'NoNewPrivileges':true,'noNewPrivilege':true,'OOMSCOREADJ':'x'"));
	assert_false(c->process.no_new_privileges);
	assert_int_equal(w.n, 3);
	assert_non_null(strstr(w.text, "/process/NoNewPrivileges: unknown member, ignored: names are case-sensitive"));
	assert_non_null(strstr(w.text, "/process/noNewPrivilege: unknown member, ignored: did you mean"));
	assert_non_null(strstr(w.text, "did you mean `noNewPrivileges`?"));
	assert_non_null(strstr(w.text, "did you mean `oomScoreAdj`?"));

	w = (struct warnings){0};
	c = good(*state, TOP(",'Linux':{'seccomp':{}},'linux':{'Seccomp':5,'resources':{'MEMORY':1}}"));
	assert_false(c->linux_.seccomp.present);
	assert_int_equal(w.n, 3);
	assert_non_null(strstr(w.text, "/linux/resources/MEMORY"));
	assert_non_null(strstr(w.text, "did you mean `seccomp`?"));
}

static void test_unknown_capability(void **state)
{
	struct warnings w = {0};

	log_redirect(keep, &w);
	load(*state, "good-full.json");
	assert_int_equal(w.n, 1);
	assert_non_null(strstr(w.text, "/process/capabilities/ambient/1"));
	assert_non_null(strstr(w.text, "CAP_NO_SUCH_THING"));
}

static void test_newer_version(void **state)
{
	struct warnings w = {0};

	log_redirect(keep, &w);
	good(*state, "{'ociVersion':'1.4.0','root':{'path':'r'}}");
	assert_int_equal(w.n, 1);
	assert_non_null(strstr(w.text, "1.4.0"));
	good(*state, "{'ociVersion':'1.3.9','root':{'path':'r'}}");
	assert_int_equal(w.n, 1);
}

static void test_absent_id_is_0(void **state)
{
	struct warnings w = {0};
	const struct oci_config *c;

	log_redirect(keep, &w);
	c = good(*state, PROCESS(",'user':{'uid':7}"));
	assert_int_equal(c->process.user.uid, 7);
	assert_int_equal(c->process.user.gid, 0);
	assert_int_equal(w.n, 1);
	assert_non_null(strstr(w.text, "/process/user/gid: is missing"));
	w = (struct warnings){0};
	c = good(*state, PROCESS(",'user':{'gid':7}"));
	assert_int_equal(c->process.user.uid, 0);
	assert_non_null(strstr(w.text, "/process/user/uid: is missing"));
}

static void test_device_rule_for_all_with_a_number(void **state)
{
	static const struct {
		const char *text;
		int64_t major, minor;
	} rows[] = {
		{"{'allow':true,'type':'a','major':0,'minor':0}", -1, -1},
		{"{'allow':true,'major':0}", -1, -1},
		{"{'allow':false,'type':'a','major':-1,'minor':0}", -1, -1},
		{"{'allow':false,'type':'a','major':8,'minor':0}", 8, 0},
		{"{'allow':false,'minor':3}", -1, 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct warnings w = {0};
		const struct oci_device_rule *rule;
		char text[512];

		snprintf(text, sizeof(text), "{'ociVersion':'1.0.2','root':{'path':'r'},'linux':{'resources':"
			 "{'devices':[%s]}}}", rows[i].text);
		log_redirect(keep, &w);
		rule = good(*state, text)->linux_.resources.devices;
		assert_int_equal(w.n, 1);
		assert_non_null(strstr(w.text, "/linux/resources/devices/0: "));
		assert_int_equal(rule->type, 'a');
		assert_int_equal(rule->major, rows[i].major);
		assert_int_equal(rule->minor, rows[i].minor);
	}
}

/* spec: CL-091 */
static void test_l3_prefix(void **state)
{
	struct warnings w = {0};

	log_redirect(keep, &w);
	good(*state, LINUX("'intelRdt':{'l3CacheSchema':'L3:0=f','memBwSchema':'MB:0=1'}"));
	assert_int_equal(w.n, 0);
	good(*state, LINUX("'intelRdt':{'l3CacheSchema':'L3CODE:0=f'}"));
	assert_int_equal(w.n, 1);
	assert_non_null(strstr(w.text, "/linux/intelRdt/l3CacheSchema"));
}

static void test_no_flood(void **state)
{
	struct warnings w = {0};
	struct strbuf text = {0};

	log_redirect(keep, &w);
	strbuf_adds(&text, "{'ociVersion':'1.0.0','root':{'path':'r'},'process':{'cwd':'/','args':['x'],"
		    "'capabilities':{'bounding':[");
	for (int i = 0; i < 1000; i++)
		strbuf_adds(&text, "'CAP_X',");
	strbuf_adds(&text, "'CAP_KILL']}}}");
	assert_int_equal(good(*state, text.data)->process.capabilities.bounding, 1 << 5);
	assert_in_range(w.n, 2, 20);
	assert_non_null(strstr(w.text, "left out\n"));
	strbuf_free(&text);
}

/* ---- files ---------------------------------------------------------------------------------- */

static void test_data_files(void **state)
{
	static const char *const names[] = {
		"good-minimal.json", "good-start.json", "good-engine.json", "good-full.json",
		"good-rdma.json", "good-foreign.json",
	};
	static const struct { const char *name, *where; } bad[] = {
		{"bad-truncated.json", ""},
		{"bad-hugepage.json", "/linux/resources/hugepageLimits/0/pageSize"},
		{"bad-rdma.json", "/linux/resources/rdma/mlx5_1/hcaHandles"},
		{"bad-netdevice.json", "/linux/netDevices/eth0/name"},
		{"bad-twice.json", "/process/noNewPrivileges"},
	};
	int dir = data_dir();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		load(*state, names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = {0};
		struct oci_config *c;

		assert_int_equal(config_load(*state, dir, bad[i].name, &c, NULL, NULL, &err), -EINVAL);
		if (i > 0)
			assert_string_equal(err.where, bad[i].where);
		assert_non_null(strstr(err.text, bad[i].name));
		assert_non_null(strstr(err.text, "line "));
	}
	close(dir);
}

static void test_text_is_kept(void **state)
{
	struct error err = {0};
	struct oci_config *c;
	char *text = NULL, direct[4096];
	size_t len = 0;
	int dir = data_dir(), fd = openat(dir, "good-engine.json", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, direct, sizeof(direct));

	assert_int_equal(config_load(*state, dir, "good-engine.json", &c, &text, &len, &err), 0);
	assert_int_equal(len, n);
	assert_memory_equal(text, direct, len);
	close(fd);
	close(dir);
}

static void test_not_a_file(void **state)
{
	char dir[] = "/tmp/config_test.XXXXXX";
	struct error err = {0};
	struct oci_config *c;
	int fd;

	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkfifoat(fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("/dev/zero", fd, "zero"), 0);
	assert_int_equal(symlinkat("loop", fd, "loop"), 0);
	assert_int_equal(close(openat(fd, "big", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	assert_int_equal(close(openat(fd, "empty", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	{
		char *big = xasprintf("%s/big", dir);

		assert_int_equal(truncate(big, 1ll << 40), 0);
		free(big);
	}
	assert_true(config_load(*state, fd, "fifo", &c, NULL, NULL, &err) < 0);
	assert_true(config_load(*state, fd, "zero", &c, NULL, NULL, &err) < 0);
	assert_true(config_load(*state, fd, "loop", &c, NULL, NULL, &err) < 0);
	assert_true(config_load(*state, fd, ".", &c, NULL, NULL, &err) < 0);
	assert_int_equal(config_load(*state, fd, "nothing", &c, NULL, NULL, &err), -ENOENT);
	assert_non_null(strstr(err.text, "nothing"));
	assert_int_equal(config_load(*state, fd, "big", &c, NULL, NULL, &err), -E2BIG);
	assert_non_null(strstr(err.text, "16 MiB"));
	assert_int_equal(config_load(*state, fd, "empty", &c, NULL, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "empty"));
	for (const char *const *name = (const char *const []){"fifo", "zero", "loop", "big", "empty", NULL};
	     *name; name++)
		unlinkat(fd, *name, 0);
	close(fd);
	rmdir(dir);
}

/* ---- the other documents -------------------------------------------------------------------- */

static void test_process_document(void **state)
{
	char good_text[] = "{'cwd':'/','args':['ls'],'user':{'uid':7,'gid':8}}";
	char twice[] = "{'cwd':'/','args':['ls'],'rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':1},"
		       "{'type':'RLIMIT_CPU','soft':1,'hard':1}]}";
	char bad[] = "{'cwd':'/','args':['ls'],\n'env':['x']}";
	struct oci_process p;
	struct error err = {0};

	assert_int_equal(config_parse_process(*state, requote(good_text), strlen(good_text), &p, &err),
			 0);
	assert_true(p.present);
	assert_int_equal(p.user.gid, 8);
	assert_int_equal(config_parse_process(*state, requote(twice), strlen(twice), &p, &err), -EINVAL);
	assert_string_equal(err.where, "/rlimits/1/type");
	assert_non_null(strstr(err.text, "line 1, column"));
	assert_int_equal(config_parse_process(*state, requote(bad), strlen(bad), &p, &err), -EINVAL);
	assert_string_equal(err.where, "/env/0");
	assert_non_null(strstr(err.text, "line 2, column 8"));
	assert_int_equal(config_parse_process(*state, "[]", 2, &p, &err), -EINVAL);
	assert_int_equal(p.user.uid, 7);	/* untouched by failures */
}

static void test_resources_document(void **state)
{
	char good_text[] = "{'memory':{'limit':5},'cpu':null,'devices':null}";
	char bad[] = "{'cpu':{'quota':1000,'burst':1001}}", unified[] = "{'unified':{'a/b':'1'}}";
	struct oci_resources r;
	struct error err = {0};

	assert_int_equal(config_parse_resources(*state, requote(good_text), strlen(good_text), &r,
						&err), 0);
	assert_true(r.present);
	assert_int_equal(r.memory.limit.v, 5);
	assert_false(r.has_devices);
	assert_int_equal(config_parse_resources(*state, requote(bad), strlen(bad), &r, &err), -EINVAL);
	assert_string_equal(err.where, "/cpu/burst");
	assert_int_equal(config_parse_resources(*state, requote(unified), strlen(unified), &r, &err),
			 -EINVAL);
	assert_string_equal(err.where, "/unified");
}

/* ---- text and size -------------------------------------------------------------------------- */

/* Whatever is wrong with a string, it is wrong everywhere, and nothing is cut short. */
static void test_nul_everywhere(void **state)
{
	static const char *const formats[] = {
		"{'ociVersion':'1.0.0%s','root':{'path':'r'}}",
		"{'ociVersion':'1.0.0','root':{'path':'r%s'}}",
		TOP(",'hostname':'%s'"), TOP(",'annotations':{'a':'%s'}"), TOP(",'annotations':{'%s':''}"),
		PROCESS(",'env':['A=%s']"), TOP(",'process':{'cwd':'/%s','args':['x']}"),
		TOP(",'process':{'cwd':'/','args':['x%s']}"), MOUNT(",'options':['%s']"),
		MOUNT(",'source':'%s'"), HOOK(",'args':['%s']"), LINUX("'cgroupsPath':'%s'"),
		LINUX("'maskedPaths':['/%s']"), RULE(",'args':[{'op':'%s'}]"), TOP(",'unknown':['%s']"),
	};
	static const char *const evil[] = {
		"\\u0000", "a\\u0000b", "\xff", "\xc0\x80", "\xed\xb0\x80", "\\ud800", "\\udc00x", "\t",
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(evil); j++) {
			const char *hole = strstr(formats[i], "%s");
			char *text = xasprintf("%.*s%s%s", (int)(hole - formats[i]), formats[i],
					       evil[j], hole + 2);
			struct error err = {0};
			struct oci_config *c;

			if (parse(*state, text, &c, &err) != -EINVAL ||
			    !strstr(err.text, "not valid JSON"))
				fail_msg("%s: %s", text, err.text);
			free(text);
		}
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A process with @n entries in its environment. */
static int parse_env(struct arena *a, size_t n, struct oci_config **ret, struct error *err)
{
	struct strbuf text = {0};
	int r;

	strbuf_adds(&text, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
		    "\"args\":[\"x\"],\"env\":[\"A=1\"");
	for (size_t i = 1; i < n; i++)
		strbuf_adds(&text, ",\"A=1\"");
	strbuf_adds(&text, "]}}");
	r = config_parse(a, text.data, text.len, ret, err);
	strbuf_free(&text);
	return r;
}

static void test_huge(void **state)
{
	struct strbuf text = {0};
	struct error err = {0};
	struct oci_config *c = NULL;
	size_t n = JSON_MAX_VALUES - 16;
	double start = seconds();

	assert_int_equal(parse_env(*state, n, &c, &err), 0);
	assert_int_equal(c->process.env.n, n);
	assert_null(c->process.env.v[n]);
	assert_int_equal(parse_env(*state, JSON_MAX_VALUES, &c, &err), -EINVAL);
	assert_true(str_starts(err.where, "/process/env/"));
	assert_non_null(strstr(err.text, "more than"));

	/* Members: a quadratic search for duplicates would take minutes. */
	n = JSON_MAX_VALUES / 2;
	strbuf_adds(&text, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"annotations\":{\"k\":\"\"");
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&text, ",\"%08zx\":\"\"", i);
	strbuf_adds(&text, "}}");
	assert_int_equal(config_parse(*state, text.data, text.len, &c, &err), 0);
	assert_int_equal(c->annotations.n, n + 1);
	assert_true(seconds() - start < 30);	/* also under valgrind and sanitizers */
	strbuf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_full_process), T(test_full_mounts_hooks), T(test_full_linux),
		T(test_full_resources), T(test_full_seccomp), T(test_seccomp_listener), T(test_minimal),
		T(test_defaults), T(test_null), T(test_attributes), T(test_propagation), T(test_digest),
		T(test_case_variants),
		T(test_unknown_capability), T(test_newer_version), T(test_no_flood), T(test_l3_prefix),
		T(test_absent_id_is_0), T(test_device_rule_for_all_with_a_number),
		T(test_data_files), T(test_text_is_kept), T(test_not_a_file),
		T(test_process_document), T(test_resources_document), T(test_nul_everywhere),
		T(test_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
