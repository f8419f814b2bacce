/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small documents for the tests of config/: written with ' for ", around a fragment. */
#ifndef ORLOP_TESTS_CONFIG_DOCUMENT_H
#define ORLOP_TESTS_CONFIG_DOCUMENT_H

#define TOP(x) "{'ociVersion':'1.0.2','root':{'path':'rootfs'}" x "}"
#define LINUX(x) TOP(",'linux':{" x "}")
#define PROCESS(x) TOP(",'process':{'cwd':'/','args':['sh']" x "}")
#define RESOURCES(x) LINUX("'resources':{" x "}")
#define SECCOMP(x) LINUX("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'" x "}")
#define RULE(x) SECCOMP(",'syscalls':[{'names':['chmod'],'action':'SCMP_ACT_ERRNO'" x "}]")
#define MOUNT(x) TOP(",'mounts':[{'destination':'/a','type':'tmpfs'" x "}]")
#define HOOK(x) TOP(",'hooks':{'poststart':[{'path':'/bin/true'" x "}]}")
#define USERNS(x) "'namespaces':[{'type':'user'}]," \
	"'uidMappings':[{'containerID':0,'hostID':1000,'size':100}]," \
	"'gidMappings':[{'containerID':0,'hostID':1000,'size':50}]" x
#define DEVICE(x) LINUX("'devices':[{'path':'/dev/x','type':'c','major':1,'minor':3" x "}]")

/* In place. */
static inline char *requote(char *s)
{
	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	return s;
}

#endif
