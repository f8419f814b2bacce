/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is refused, at which JSON pointer, in which words; and its nearest neighbours that are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "config/config.h"
#include "document.h"
#include "util/str.h"

#define NOT "is not supported by this version of orlop"

/* Mappings of a mount. */
#define MAP(c, h, n) "[{'containerID':" c ",'hostID':" h ",'size':" n "}]"
#define MAPPED(u, g) MOUNT(",'uidMappings':" u ",'gidMappings':" g)

struct refused {
	const char *text, *where, *words;
};

static const struct refused unsupported[] = {
	{LINUX("'personality':{'domain':'LINUX','flags':['X']}"), "/linux/personality/flags/0",
	 "`X` " NOT},
};

/* spec: CF-001 CF-003 CF-004 CF-078 CF-080 CF-102 CF-104 */
static const struct refused top[] = {
	{"[]", "", "must be an object, not an array"},
	{"null", "", "must be an object, not null"},
	{"{}", "/ociVersion", "`ociVersion` is required"},
	{"{'ociVersion':'1.0.0'}", "/root", "`root` is required"},
	{"{'ociVersion':'1.0.0','root':null}", "/root", "`root` is required"},
	{"{'root':{'path':'r'}}", "/ociVersion", "is required"},
	{"{'ociVersion':'1.0.0','root':{}}", "/root/path", "is required"},
	{"{'ociVersion':'1.0.0','root':{'path':''}}", "/root/path", "must not be empty"},
	{"{'ociVersion':'1.0.0','root':{'path':7}}", "/root/path", "must be a string, not a number"},
	{"{'ociVersion':'1.0.0','root':'r'}", "/root", "must be an object"},
	{"{'ociVersion':'1.0.0','root':{'path':'r','readonly':'true'}}", "/root/readonly",
	 "must be a boolean, not a string"},
	{"{'ociVersion':'1.0.0',\n'root':{'path':'r',\n  'readonly':0}}", "/root/readonly",
	 "(line 3, column 14)"},
	{"{'ociVersion':1,'root':{'path':'r'}}", "/ociVersion", "must be a string"},
	{TOP(",'hostname':'h'"), "/hostname", "needs a `uts` namespace"},
	{TOP(",'domainname':'h'"), "/domainname", "needs a `uts` namespace"},
	{TOP(",'linux':{'namespaces':[{'type':'uts'}]},'hostname':"
	 "'0123456789012345678901234567890123456789012345678901234567890123x'"), "/hostname",
	 "longer than 64"},
	{TOP(",'linux':{'namespaces':[{'type':'uts'}]},'domainname':"
	 "'0123456789012345678901234567890123456789012345678901234567890123x'"), "/domainname",
	 "longer than 64"},
	{TOP(",'hostname':[]"), "/hostname", "must be a string, not an array"},
	{TOP(",'annotations':{'':'x'}"), "/annotations/", "must not be empty"},
	{TOP(",'annotations':{'a/b':1}"), "/annotations/a~1b", "must be a string"},
	{TOP(",'annotations':[]"), "/annotations", "must be an object"},
	{TOP(",'linux':[]"), "/linux", "must be an object"},
};

/* spec: CF-009 CF-017 CF-020 CF-104 MO-062 MO-069 */
static const struct refused mounts[] = {
	{TOP(",'mounts':{}"), "/mounts", "must be an array"},
	{TOP(",'mounts':[{'destination':'/a','type':'tmpfs'},null]"), "/mounts/1", "not null"},
	{TOP(",'mounts':[{}]"), "/mounts/0/destination", "is required"},
	{TOP(",'mounts':[{'destination':''}]"), "/mounts/0/destination", "must not be empty"},
	{TOP(",'mounts':[{'destination':'/a'}]"), "/mounts/0/type", "`type` is needed"},
	{TOP(",'mounts':[{'destination':'/a','type':'','source':'x'}]"), "/mounts/0/type", "needed"},
	{TOP(",'mounts':[{'destination':'/a','options':['rbind']}]"), "/mounts/0/source",
	 "needs a `source`"},
	{MOUNT(",'options':'ro'"), "/mounts/0/options", "must be an array"},
	{MOUNT(",'options':['ro',1]"), "/mounts/0/options/1", "must be a string"},
	{MOUNT(",'options':[null]"), "/mounts/0/options/0", "must be a string, not null"},
	{MOUNT(",'uidMappings':{}"), "/mounts/0/uidMappings", "must be an array"},
	{MOUNT(",'options':['ro','idmap']"), "/mounts/0/options/1", "`idmap` needs uidMappings"},
	{MOUNT(",'options':['ridmap']"), "/mounts/0/options/0", "`ridmap` needs uidMappings"},
	{MOUNT(",'options':['idmap','ridmap']"), "/mounts/0/options/1", "or a `user` namespace"},
	{MOUNT(",'uidMappings':" MAP("0", "0", "1")), "/mounts/0/gidMappings", "come together"},
	{MOUNT(",'gidMappings':" MAP("0", "0", "1")), "/mounts/0/uidMappings", "come together"},
	{MOUNT(",'gidMappings':[],'uidMappings':" MAP("0", "0", "1")), "/mounts/0/gidMappings",
	 "come together"},
	{MOUNT(",'uidMappings':[{'hostID':0,'size':1}]"), "/mounts/0/uidMappings/0/containerID",
	 "is required"},
	{MOUNT(",'uidMappings':[{'containerID':0,'size':1}]"), "/mounts/0/uidMappings/0/hostID",
	 "is required"},
	{MOUNT(",'uidMappings':[{'containerID':0,'hostID':1}]"), "/mounts/0/uidMappings/0/size",
	 "is required"},
	{MAPPED(MAP("4294967295", "0", "1"), MAP("0", "0", "1")), "/mounts/0/uidMappings/0/containerID",
	 "not an id"},
	{MAPPED(MAP("0", "0", "1"), MAP("0", "-1", "1")), "/mounts/0/gidMappings/0/hostID",
	 "out of range"},
	{MAPPED(MAP("0", "0", "0"), MAP("0", "0", "1")), "/mounts/0/uidMappings/0/size", "no ids"},
	{MAPPED(MAP("0", "0", "1"), MAP("0", "2", "4294967295")), "/mounts/0/gidMappings/0/size",
	 "past the last id"},
	{MAPPED("[{'containerID':0,'hostID':0,'size':5},{'containerID':4,'hostID':9,'size':1}]",
		MAP("0", "0", "1")), "/mounts/0/uidMappings/1/containerID", "mapped twice"},
	{MAPPED(MAP("0", "0", "1") ",'options':['remount']", MAP("0", "0", "1")),
	 "/mounts/0/uidMappings", "cannot be changed by `remount`"},
	{TOP(",'mounts':[{'destination':'/p','type':'proc','options':['ridmap'],'uidMappings':"
	     MAP("0", "0", "1") ",'gidMappings':" MAP("0", "0", "1") "}]"), "/mounts/0/options/0",
	 "`ridmap` is not possible with this type of file system"},
	{TOP(",'mounts':[{'destination':'/p','type':'ramfs','options':['ro','tmpcopyup']}]"),
	 "/mounts/0/options/1", "type tmpfs only"},
	{MOUNT(",'source':'/x','options':['tmpcopyup','bind']"), "/mounts/0/options/0",
	 "type tmpfs only"},
	{MOUNT(",'options':['tmpcopyup','remount']"), "/mounts/0/options/0", "type tmpfs only"},
	{TOP(",'mounts':[{'destination':'/p','type':'tmpfs','options':['ro','copy-symlink']}]"),
	 "/mounts/0/options/1", "bind mounts only"},
	{MOUNT(",'source':'/x','options':['copy-symlink','bind','remount']"), "/mounts/0/options/0",
	 "bind mounts only"},
	{TOP(",'mounts':[{'destination':'/p','type':'tmpfs','options':['ro','dest-nofollow']}]"),
	 "/mounts/0/options/1", "bind mounts only"},
	{MOUNT(",'source':'/x','options':['bind','src-nofollow','remount']"), "/mounts/0/options/1",
	 "bind mounts only"},
	{MOUNT(",'source':'/x','options':['bind','src-nofollow','copy-symlink']"), "/mounts/0/options/1",
	 "exclude each other"},
	{MAPPED(MAP("0", "0", "1") ",'options':['tmpcopyup']", MAP("0", "0", "1")),
	 "/mounts/0/options/0", "do not go together"},
};

#define RDT(x) LINUX("'intelRdt':{" x "}")

/* spec: CL-092 CL-093 CL-094 CL-095 */
static const struct refused intelrdt[] = {
	{LINUX("'intelRdt':[]"), "/linux/intelRdt", "must be an object"},
	{RDT("'closID':1"), "/linux/intelRdt/closID", "must be a string"},
	{RDT("'closID':'.'"), "/linux/intelRdt/closID", "one directory"},
	{RDT("'closID':'..'"), "/linux/intelRdt/closID", "one directory"},
	{RDT("'closID':'a/b'"), "/linux/intelRdt/closID", "one directory"},
	{RDT("'closID':'//'"), "/linux/intelRdt/closID", "one directory"},
	{RDT("'closID':'/a'"), "/linux/intelRdt/closID", "one directory"},
	{RDT("'closID':'a\\nb'"), "/linux/intelRdt/closID", "line break"},
	{RDT("'closID':'info'"), "/linux/intelRdt/closID", "no group"},
	{RDT("'closID':'mon_groups'"), "/linux/intelRdt/closID", "no group"},
	{RDT("'closID':'mon_data'"), "/linux/intelRdt/closID", "no group"},
	{RDT("'l3CacheSchema':5"), "/linux/intelRdt/l3CacheSchema", "must be a string"},
	{RDT("'l3CacheSchema':'L3:0=f\\nMB:0=9'"), "/linux/intelRdt/l3CacheSchema", "line break"},
	{RDT("'memBwSchema':'L3:0=f'"), "/linux/intelRdt/memBwSchema", "begin with `MB:`"},
	{RDT("'memBwSchema':'MB:0=9\\n'"), "/linux/intelRdt/memBwSchema", "line break"},
	{RDT("'schemata':'L3:0=f'"), "/linux/intelRdt/schemata", "must be an array"},
	{RDT("'schemata':['L3:0=f','MB:0=9\\nL2:0=1']"), "/linux/intelRdt/schemata/1", "line break"},
	{RDT("'schemata':['']"), "/linux/intelRdt/schemata/0", "must not be empty"},
	{RDT("'enableMonitoring':'yes'"), "/linux/intelRdt/enableMonitoring", "must be a boolean"},
};

#define NETDEV(x) LINUX("'namespaces':[{'type':'network'}],'netDevices':{" x "}")

static const struct refused net_devices[] = {
	{LINUX("'netDevices':[]"), "/linux/netDevices", "must be an object"},
	{NETDEV("'eth0':[]"), "/linux/netDevices/eth0", "must be an object"},
	{NETDEV("'eth0':{'name':23}"), "/linux/netDevices/eth0/name", "must be a string"},
	{LINUX("'netDevices':{'eth0':{}}"), "/linux/netDevices", "needs a `network` namespace"},
	{NETDEV("'':{}"), "/linux/netDevices/", "must not be empty"},
	{NETDEV("'.':{}"), "/linux/netDevices/.", "not the name"},
	{NETDEV("'eth0':{},'..':{}"), "/linux/netDevices/..", "not the name"},
	{NETDEV("'0123456789abcdef':{'name':'a'}"), "/linux/netDevices/0123456789abcdef", "15 bytes"},
	{NETDEV("'a/b':{}"), "/linux/netDevices/a~1b", "no slash"},
	{NETDEV("'a:b':{}"), "/linux/netDevices/a:b", "no slash"},
	{NETDEV("'a b':{}"), "/linux/netDevices/a b", "no slash"},
	{NETDEV("'a\\tb':{}"), "/linux/netDevices/a\tb", "no slash"},
	{NETDEV("'eth%d':{}"), "/linux/netDevices/eth%d", "no `%`"},
	{NETDEV("'eth0':{'name':'.'}"), "/linux/netDevices/eth0/name", "not the name"},
	{NETDEV("'eth0':{'name':'0123456789abcdef'}"), "/linux/netDevices/eth0/name", "15 bytes"},
	{NETDEV("'eth0':{'name':'x/y'}"), "/linux/netDevices/eth0/name", "no slash"},
	{NETDEV("'eth0':{'name':'x\\n'}"), "/linux/netDevices/eth0/name", "white space"},
	{NETDEV("'eth0':{'name':'x%s'}"), "/linux/netDevices/eth0/name", "`%d` at the end"},
	{NETDEV("'eth0':{'name':'%d%d'}"), "/linux/netDevices/eth0/name", "`%d` at the end"},
	{NETDEV("'eth0':{'name':'x%d.1'}"), "/linux/netDevices/eth0/name", "`%d` at the end"},
	{NETDEV("'eth0':{'name':'x%'}"), "/linux/netDevices/eth0/name", "`%d` at the end"},
	{NETDEV("'eth0':{'name':'x'},'eth1':{'name':'x'}"), "/linux/netDevices/eth1/name", "both be called"},
	{NETDEV("'x':{},'eth1':{'name':'x'}"), "/linux/netDevices/eth1/name", "both be called"},
	{NETDEV("'eth1':{'name':'x'},'x':{}"), "/linux/netDevices/x", "both be called"},
};

/* spec: CF-023..CF-029 CF-031 CF-033 CF-035 CF-050 CF-051 CF-104 */
static const struct refused process[] = {
	{TOP(",'process':{'args':['sh']}"), "/process/cwd", "is required"},
	{TOP(",'process':{'cwd':'/'}"), "/process/args", "at least one entry"},
	{TOP(",'process':{'cwd':'/','args':[]}"), "/process/args", "at least one entry"},
	{TOP(",'process':{'cwd':'a','args':['sh']}"), "/process/cwd", "must be an absolute path, not `a`"},
	{TOP(",'process':{'cwd':'','args':['sh']}"), "/process/cwd", "absolute"},
	{TOP(",'process':{'cwd':'/','args':'sh'}"), "/process/args", "must be an array"},
	{TOP(",'process':{'cwd':'/','args':['sh',['x']]}"), "/process/args/1", "must be a string"},
	{PROCESS(",'env':['A=1','B']"), "/process/env/1", "must be NAME=value, not `B`"},
	{PROCESS(",'env':['=1']"), "/process/env/0", "NAME=value"},
	{PROCESS(",'env':['']"), "/process/env/0", "NAME=value"},
	{PROCESS(",'env':{'A':'1'}"), "/process/env", "must be an array"},
	{PROCESS(",'terminal':1"), "/process/terminal", "must be a boolean"},
	{PROCESS(",'terminal':true,'consoleSize':{'width':80}"), "/process/consoleSize/height",
	 "is required"},
	{PROCESS(",'consoleSize':{'height':80},'terminal':true"), "/process/consoleSize/width",
	 "is required"},
	{PROCESS(",'terminal':true,'consoleSize':{'width':80,'height':65536}"),
	 "/process/consoleSize/height", "65536 is out of range"},
	{PROCESS(",'consoleSize':{'width':'80'}"), "/process/consoleSize/width", "must be a number"},
	{PROCESS(",'user':{'uid':1,'gid':-1}"), "/process/user/gid", "out of range"},
	{PROCESS(",'user':{'uid':4294967295,'gid':1}"), "/process/user/uid", "not an id"},
	{PROCESS(",'user':{'uid':1,'gid':4294967295}"), "/process/user/gid", "not an id"},
	{PROCESS(",'user':{'uid':'1','gid':1}"), "/process/user/uid", "must be a number"},
	{PROCESS(",'user':{'uid':1,'gid':1,'umask':512}"), "/process/user/umask",
	 "512 is out of range (0 to 511)"},
	{PROCESS(",'user':{'uid':1,'gid':1,'additionalGids':[1,4294967295]}"),
	 "/process/user/additionalGids/1", "not an id"},
	{PROCESS(",'user':{'uid':1,'gid':1,'additionalGids':[-1]}"), "/process/user/additionalGids/0",
	 "out of range"},
	{PROCESS(",'capabilities':[]"), "/process/capabilities", "must be an object"},
	{PROCESS(",'capabilities':{'bounding':'CAP_KILL'}"), "/process/capabilities/bounding",
	 "must be an array"},
	{PROCESS(",'capabilities':{'ambient':['CAP_KILL',4]}"), "/process/capabilities/ambient/1",
	 "must be a string"},
	{PROCESS(",'rlimits':[{'type':'RLIMIT_NOFILES','soft':1,'hard':1}]"), "/process/rlimits/0/type",
	 "`RLIMIT_NOFILES` is not known (did you mean `RLIMIT_NOFILE`?)"},
	{PROCESS(",'rlimits':[{'type':'NOFILE','soft':1,'hard':1}]"), "/process/rlimits/0/type",
	 "not known"},
	{PROCESS(",'rlimits':[{'type':'RLIMIT_CPU','hard':1}]"), "/process/rlimits/0/soft", "required"},
	{PROCESS(",'rlimits':[{'type':'RLIMIT_CPU','soft':1}]"), "/process/rlimits/0/hard", "required"},
	{PROCESS(",'rlimits':[{'soft':1,'hard':1}]"), "/process/rlimits/0/type", "required"},
	{PROCESS(",'rlimits':[{'type':'RLIMIT_CPU','soft':2,'hard':1}]"), "/process/rlimits/0/soft",
	 "the soft limit 2 is above the hard limit 1"},
	{PROCESS(",'rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':1},"
	 "{'type':'RLIMIT_CPU','soft':1,'hard':1}]"), "/process/rlimits/1/type", "there twice"},
	{PROCESS(",'rlimits':[{'type':'RLIMIT_CPU','soft':-1,'hard':1}]"), "/process/rlimits/0/soft",
	 "out of range"},
	{PROCESS(",'oomScoreAdj':1001"), "/process/oomScoreAdj", "1001 is out of range (-1000 to 1000)"},
	{PROCESS(",'oomScoreAdj':-1001"), "/process/oomScoreAdj", "out of range"},
	{PROCESS(",'oomScoreAdj':1.5"), "/process/oomScoreAdj", "whole number without exponent, not 1.5"},
	{PROCESS(",'noNewPrivileges':'no'"), "/process/noNewPrivileges", "must be a boolean"},
	{PROCESS(",'apparmorProfile':true"), "/process/apparmorProfile", "must be a string"},
	{PROCESS(",'selinuxLabel':7"), "/process/selinuxLabel", "must be a string"},
};

#define SCHEDULER(x) PROCESS(",'scheduler':{" x "}")
#define DL(x) SCHEDULER("'policy':'SCHED_DEADLINE'" x)
#define IO(x) PROCESS(",'ioPriority':{" x "}")
#define AFFINITY(x) PROCESS(",'execCPUAffinity':{" x "}")

/* spec: CF-040 CF-042 CF-046 CF-047 CF-048 CF-104 */
static const struct refused scheduling[] = {
	{PROCESS(",'scheduler':[]"), "/process/scheduler", "must be an object"},
	{SCHEDULER(""), "/process/scheduler/policy", "is required"},
	{SCHEDULER("'policy':0"), "/process/scheduler/policy", "must be a string"},
	{SCHEDULER("'policy':'SCHED_FIFOO'"), "/process/scheduler/policy", "did you mean `SCHED_FIFO`"},
	{SCHEDULER("'policy':'SCHED_ISO'"), "/process/scheduler/policy", "Linux has no `SCHED_ISO`"},
	{SCHEDULER("'policy':'SCHED_OTHER','nice':20"), "/process/scheduler/nice", "(-20 to 19)"},
	{SCHEDULER("'policy':'SCHED_BATCH','nice':-21"), "/process/scheduler/nice", "(-20 to 19)"},
	{SCHEDULER("'policy':'SCHED_FIFO'"), "/process/scheduler/priority", "from 1 to 99"},
	{SCHEDULER("'policy':'SCHED_RR','priority':0"), "/process/scheduler/priority", "from 1 to 99"},
	{SCHEDULER("'policy':'SCHED_RR','priority':100"), "/process/scheduler/priority", "(0 to 99)"},
	{SCHEDULER("'policy':'SCHED_RR','priority':-1"), "/process/scheduler/priority", "(0 to 99)"},
	{SCHEDULER("'policy':'SCHED_OTHER','priority':1"), "/process/scheduler/priority", "alone"},
	{SCHEDULER("'policy':'SCHED_IDLE','priority':1"), "/process/scheduler/priority", "alone"},
	{DL(",'priority':1,'runtime':2000,'deadline':3000"), "/process/scheduler/priority", "alone"},
	{SCHEDULER("'policy':'SCHED_OTHER','runtime':1"), "/process/scheduler/runtime", "alone"},
	{SCHEDULER("'policy':'SCHED_BATCH','deadline':1"), "/process/scheduler/deadline", "alone"},
	{SCHEDULER("'policy':'SCHED_FIFO','priority':1,'period':1"), "/process/scheduler/period", "alone"},
	{SCHEDULER("'policy':'SCHED_OTHER','flags':'SCHED_FLAG_RECLAIM'"), "/process/scheduler/flags",
	 "must be an array"},
	{SCHEDULER("'policy':'SCHED_OTHER','flags':['SCHED_FLAG_RECLAIM','X']"),
	 "/process/scheduler/flags/1", "`X` is not known"},
	{DL(""), "/process/scheduler/runtime", "at least 1024"},
	{DL(",'runtime':1023,'deadline':3000"), "/process/scheduler/runtime", "at least 1024"},
	{DL(",'runtime':2000"), "/process/scheduler/deadline", "from the runtime"},
	{DL(",'runtime':2000,'deadline':1999"), "/process/scheduler/deadline", "from the runtime"},
	{DL(",'runtime':2000,'deadline':9223372036854775808"), "/process/scheduler/deadline", "2^63"},
	{DL(",'runtime':2000,'deadline':3000,'period':2999"), "/process/scheduler/period",
	 "from the deadline"},
	{DL(",'runtime':2000,'deadline':3000,'period':9223372036854775808"), "/process/scheduler/period",
	 "2^63"},
	{DL(",'runtime':-1,'deadline':3000"), "/process/scheduler/runtime", "out of range"},
	{IO(""), "/process/ioPriority/class", "is required"},
	{IO("'class':'IOPRIO_CLASS_BE'"), "/process/ioPriority/priority", "is required"},
	{IO("'class':'IOPRIO_CLASS_NONE','priority':1"), "/process/ioPriority/class", "is not known"},
	{IO("'class':'IOPRIO_CLASS_BE','priority':8"), "/process/ioPriority/priority", "(0 to 7)"},
	{IO("'class':'IOPRIO_CLASS_BE','priority':-1"), "/process/ioPriority/priority", "(0 to 7)"},
	{AFFINITY("'initial':0"), "/process/execCPUAffinity/initial", "must be a string"},
	{AFFINITY("'initial':'a'"), "/process/execCPUAffinity/initial", "`a` is not a list"},
	{AFFINITY("'final':'0-'"), "/process/execCPUAffinity/final", "not a list"},
	{AFFINITY("'final':'-1'"), "/process/execCPUAffinity/final", "not a list"},
	{AFFINITY("'final':'0,'"), "/process/execCPUAffinity/final", "not a list"},
	{AFFINITY("'final':',0'"), "/process/execCPUAffinity/final", "not a list"},
	{AFFINITY("'final':'0,,1'"), "/process/execCPUAffinity/final", "not a list"},
	{AFFINITY("'final':'0 1'"), "/process/execCPUAffinity/final", "not a list"},
	{AFFINITY("'final':'0 - 1'"), "/process/execCPUAffinity/final", "not a list"},
	{AFFINITY("'final':'2-1'"), "/process/execCPUAffinity/final", "not a list"},
	{AFFINITY("'final':'0-1-2'"), "/process/execCPUAffinity/final", "not a list"},
	{AFFINITY("'final':'0-8192'"), "/process/execCPUAffinity/final", "below 8192"},
	{AFFINITY("'final':'18446744073709551616'"), "/process/execCPUAffinity/final", "below 8192"},
};

#define POLICY(x) LINUX("'memoryPolicy':{" x "}")
#define CLOCK(x) LINUX("'namespaces':[{'type':'time'}],'timeOffsets':{" x "}")

/* spec: CF-104 CL-114 CL-140 */
static const struct refused policy[] = {
	{POLICY(""), "/linux/memoryPolicy/mode", "is required"},
	{POLICY("'mode':'MPOL_BINDD','nodes':'0'"), "/linux/memoryPolicy/mode", "`MPOL_BIND`"},
	{POLICY("'mode':'MPOL_BIND'"), "/linux/memoryPolicy/nodes", "MPOL_BIND needs at least one"},
	{POLICY("'mode':'MPOL_INTERLEAVE','nodes':' '"), "/linux/memoryPolicy/nodes", "at least one"},
	{POLICY("'mode':'MPOL_WEIGHTED_INTERLEAVE'"), "/linux/memoryPolicy/nodes", "at least one"},
	{POLICY("'mode':'MPOL_PREFERRED_MANY'"), "/linux/memoryPolicy/nodes", "at least one"},
	{POLICY("'mode':'MPOL_DEFAULT','nodes':'0'"), "/linux/memoryPolicy/nodes",
	 "requires 0 nodes"},
	{POLICY("'mode':'MPOL_LOCAL','nodes':'0'"), "/linux/memoryPolicy/nodes",
	 "requires 0 nodes"},
	{POLICY("'mode':'MPOL_BIND','nodes':'0-1024'"), "/linux/memoryPolicy/nodes", "below 1024"},
	{POLICY("'mode':'MPOL_BIND','nodes':'0','flags':['STATIC']"), "/linux/memoryPolicy/flags/0",
	 "is not known"},
	{POLICY("'mode':'MPOL_BIND','nodes':'0',"
		"'flags':['MPOL_F_STATIC_NODES','MPOL_F_RELATIVE_NODES']"),
	 "/linux/memoryPolicy/flags", "exclude each other"},
	{POLICY("'mode':'MPOL_LOCAL','flags':['MPOL_F_STATIC_NODES']"), "/linux/memoryPolicy/flags",
	 "flags need nodes"},
	{POLICY("'mode':'MPOL_PREFERRED','flags':['MPOL_F_RELATIVE_NODES']"),
	 "/linux/memoryPolicy/flags", "flags need nodes"},
	{POLICY("'mode':'MPOL_INTERLEAVE','nodes':'0','flags':['MPOL_F_NUMA_BALANCING']"),
	 "/linux/memoryPolicy/flags", "does not go with MPOL_INTERLEAVE"},
	{LINUX("'personality':{}"), "/linux/personality/domain", "is required"},
	{LINUX("'personality':{'domain':'LINUX64'}"), "/linux/personality/domain", "`LINUX"},
	{LINUX("'personality':{'domain':'LINUX','flags':'X'}"), "/linux/personality/flags",
	 "must be an array"},
	{LINUX("'timeOffsets':{'boottime':{'secs':1}}"), "/linux/timeOffsets", "needs a `time` namespace"},
	{LINUX("'timeOffsets':{'monotonic':{}}"), "/linux/timeOffsets", "needs a `time` namespace"},
	{LINUX("'namespaces':[{'type':'time','path':'/t'}],'timeOffsets':{'monotonic':{}}"),
	 "/linux/timeOffsets", "is joined"},
	{CLOCK("'realtime':{'secs':1}"), "/linux/timeOffsets/realtime", "no clock `realtime`"},
	{CLOCK("'Boottime':null"), "/linux/timeOffsets/Boottime", "no clock"},
	{CLOCK("'boottime':1"), "/linux/timeOffsets/boottime", "must be an object"},
	{CLOCK("'boottime':{'secs':1.5}"), "/linux/timeOffsets/boottime/secs", "whole number"},
	{CLOCK("'boottime':{'secs':4611686019}"), "/linux/timeOffsets/boottime/secs", "out of range"},
	{CLOCK("'monotonic':{'secs':-4611686019}"), "/linux/timeOffsets/monotonic/secs", "out of range"},
	{CLOCK("'monotonic':{'nanosecs':1000000000}"), "/linux/timeOffsets/monotonic/nanosecs",
	 "(0 to 999999999)"},
	{CLOCK("'monotonic':{'nanosecs':-1}"), "/linux/timeOffsets/monotonic/nanosecs", "out of range"},
};

/* spec: CF-053 CF-054 CF-055 CF-104 */
static const struct refused hooks[] = {
	{TOP(",'hooks':{'prestart':{}}"), "/hooks/prestart", "must be an array"},
	{TOP(",'hooks':{'createRuntime':[{}]}"), "/hooks/createRuntime/0/path", "is required"},
	{TOP(",'hooks':{'createContainer':[{'path':'x'}]}"), "/hooks/createContainer/0/path",
	 "absolute"},
	{TOP(",'hooks':{'startContainer':[{'path':''}]}"), "/hooks/startContainer/0/path", "absolute"},
	{TOP(",'hooks':{'poststop':[{'path':'/a'},{'path':'b'}]}"), "/hooks/poststop/1/path",
	 "absolute"},
	{HOOK(",'timeout':0"), "/hooks/poststart/0/timeout", "0 is out of range (1 to"},
	{HOOK(",'timeout':-5"), "/hooks/poststart/0/timeout", "-5 is out of range"},
	{HOOK(",'timeout':1000000001"), "/hooks/poststart/0/timeout", "out of range"},
	{HOOK(",'env':['X']"), "/hooks/poststart/0/env/0", "NAME=value"},
	{HOOK(",'args':'x'"), "/hooks/poststart/0/args", "must be an array"},
};

/* spec: CF-104 CL-005 CL-014 CL-019..CL-022 CL-138 CL-139 */
static const struct refused linux_[] = {
	{LINUX("'namespaces':[{'type':'pid'},{'type':'uts'},{'type':'pid'}]"),
	 "/linux/namespaces/2/type", "`pid` is there twice"},
	{LINUX("'namespaces':[{'type':'net'}]"), "/linux/namespaces/0/type", "not known"},
	{LINUX("'namespaces':[{'type':'networks'}]"), "/linux/namespaces/0/type",
	 "did you mean `network`?"},
	{LINUX("'namespaces':[{'path':'/a'}]"), "/linux/namespaces/0/type", "is required"},
	{LINUX("'namespaces':[{'type':'pid','path':'a'}]"), "/linux/namespaces/0/path", "absolute"},
	{LINUX("'namespaces':[{'type':'user'}]"), "/linux/uidMappings", "needs uidMappings"},
	{LINUX("'namespaces':[{'type':'user'}],'uidMappings':[{'containerID':0,'hostID':0,'size':1}]"),
	 "/linux/gidMappings", "needs uidMappings and gidMappings"},
	{LINUX("'uidMappings':[{'containerID':0,'hostID':0,'size':1}]"), "/linux/uidMappings",
	 "need a `user` namespace"},
	{LINUX("'gidMappings':[{'containerID':0,'hostID':0,'size':1}]"), "/linux/gidMappings",
	 "need a `user` namespace"},
	{LINUX("'namespaces':[{'type':'user'}],'uidMappings':[{'hostID':0,'size':1}]"),
	 "/linux/uidMappings/0/containerID", "required"},
	{LINUX("'uidMappings':[{'containerID':0,'size':1}]"), "/linux/uidMappings/0/hostID", "required"},
	{LINUX("'uidMappings':[{'containerID':0,'hostID':1}]"), "/linux/uidMappings/0/size", "required"},
	{LINUX("'namespaces':[{'type':'user'}],'uidMappings':[{'containerID':0,'hostID':0,'size':0}],"
	 "'gidMappings':[{'containerID':0,'hostID':0,'size':1}]"), "/linux/uidMappings/0/size", "no ids"},
	{LINUX("'namespaces':[{'type':'user'}],'gidMappings':[{'containerID':0,'hostID':1,"
	 "'size':4294967295}],'uidMappings':[{'containerID':0,'hostID':0,'size':1}]"),
	 "/linux/gidMappings/0/size", "past the last id"},
	{LINUX("'namespaces':[{'type':'user'}],'gidMappings':[{'containerID':0,'hostID':0,'size':9},"
	 "{'containerID':8,'hostID':20,'size':9}],'uidMappings':[{'containerID':0,'hostID':0,'size':1}]"),
	 "/linux/gidMappings/1/containerID", "mapped twice"},
	{LINUX("'namespaces':[{'type':'user'}],'gidMappings':[{'containerID':0,'hostID':20,'size':9},"
	 "{'containerID':20,'hostID':15,'size':9}],'uidMappings':[{'containerID':0,'hostID':0,'size':1}]"),
	 "/linux/gidMappings/1/hostID", "mapped twice"},
	{TOP(",'process':{'cwd':'/','args':['x'],'user':{'uid':100,'gid':0}},'linux':{" USERNS("") "}"),
	 "/process/user/uid", "the id 100 is not in /linux/uidMappings"},
	{TOP(",'process':{'cwd':'/','args':['x'],'user':{'uid':99,'gid':50}},'linux':{" USERNS("") "}"),
	 "/process/user/gid", "the id 50 is not in /linux/gidMappings"},
	{TOP(",'process':{'cwd':'/','args':['x'],'user':{'uid':0,'gid':0,'additionalGids':[49,50]}},"
	 "'linux':{" USERNS("") "}"), "/process/user/additionalGids/1", "the id 50"},
	{LINUX(USERNS(",'devices':[{'path':'/d','type':'p','uid':100}]")), "/linux/devices/0/uid",
	 "the id 100"},
	{LINUX(USERNS(",'devices':[{'path':'/d','type':'p','gid':50}]")), "/linux/devices/0/gid",
	 "the id 50"},
	{LINUX("'maskedPaths':['/a','b']"), "/linux/maskedPaths/1", "absolute"},
	{LINUX("'readonlyPaths':['']"), "/linux/readonlyPaths/0", "absolute"},
	{LINUX("'rootfsPropagation':'sharde'"), "/linux/rootfsPropagation",
	 "`sharde` is not known (did you mean `shared`?)"},
	{LINUX("'rootfsPropagation':1"), "/linux/rootfsPropagation", "must be a string"},
	{LINUX("'mountLabel':1"), "/linux/mountLabel", "must be a string"},
	{LINUX("'cgroupsPath':{}"), "/linux/cgroupsPath", "must be a string"},
	{LINUX("'timeOffsets':[]"), "/linux/timeOffsets", "must be an object"},
};

/* spec: CF-104 CL-025 CL-026 CL-028 CL-029 */
static const struct refused devices[] = {
	{LINUX("'devices':[{'type':'c','major':1,'minor':1}]"), "/linux/devices/0/path", "required"},
	{LINUX("'devices':[{'path':'/d','major':1,'minor':1}]"), "/linux/devices/0/type", "required"},
	{LINUX("'devices':[{'path':'d','type':'p'}]"), "/linux/devices/0/path", "absolute"},
	{LINUX("'devices':[{'path':'/d','type':'a','major':1,'minor':1}]"), "/linux/devices/0/type",
	 "`a` is not a device type"},
	{LINUX("'devices':[{'path':'/d','type':'c','minor':1}]"), "/linux/devices/0/major", "required"},
	{LINUX("'devices':[{'path':'/d','type':'b','major':1}]"), "/linux/devices/0/minor", "required"},
	{LINUX("'devices':[{'path':'/d','type':'u','major':-1,'minor':0}]"), "/linux/devices/0/major",
	 "out of range"},
	{LINUX("'devices':[{'path':'/d','type':'u','major':4096,'minor':0}]"), "/linux/devices/0/major",
	 "out of range"},
	{LINUX("'devices':[{'path':'/d','type':'u','major':1,'minor':1048576}]"),
	 "/linux/devices/0/minor", "out of range"},
	{DEVICE(",'fileMode':1048576"), "/linux/devices/0/fileMode", "not a file mode"},
	{DEVICE(",'uid':4294967295"), "/linux/devices/0/uid", "not an id"},
	{DEVICE(",'gid':4294967295"), "/linux/devices/0/gid", "not an id"},
};

/* spec: CF-104 CL-062 CL-064..CL-074 CL-076..CL-080 CL-082 */
static const struct refused resources[] = {
	{RESOURCES("'devices':[{'access':'rwm'}]"), "/linux/resources/devices/0/allow", "required"},
	{RESOURCES("'devices':[{'allow':true},{'allow':true,'type':'u'}]"),
	 "/linux/resources/devices/1/type", "`u` is not a type"},
	{RESOURCES("'devices':[{'allow':true,'access':'rwx'}]"), "/linux/resources/devices/0/access",
	 "`rwx` has letters"},
	{RESOURCES("'devices':[{'allow':true,'type':'c','major':-2}]"),
	 "/linux/resources/devices/0/major", "-2 is out of range"},
	{RESOURCES("'devices':[{'allow':true,'type':'c','minor':1.0}]"),
	 "/linux/resources/devices/0/minor", "out of range"},
	{RESOURCES("'devices':[{'allow':true,'type':'a','major':-2}]"),
	 "/linux/resources/devices/0/major", "out of range"},
	{RESOURCES("'devices':{}"), "/linux/resources/devices", "must be an array"},
	{RESOURCES("'memory':{'limit':-2}"), "/linux/resources/memory/limit", "out of range (-1 to"},
	{RESOURCES("'memory':{'limit':'5'}"), "/linux/resources/memory/limit", "must be a number"},
	{RESOURCES("'memory':{'swap':1e3}"), "/linux/resources/memory/swap", "whole number"},
	{RESOURCES("'memory':{'swappiness':101}"), "/linux/resources/memory/swappiness", "(0 to 100)"},
	{RESOURCES("'memory':{'disableOOMKiller':0}"), "/linux/resources/memory/disableOOMKiller",
	 "must be a boolean"},
	{RESOURCES("'memory':7"), "/linux/resources/memory", "must be an object"},
	{RESOURCES("'cpu':{'period':999}"), "/linux/resources/cpu/period", "out of range"},
	{RESOURCES("'cpu':{'period':1000001}"), "/linux/resources/cpu/period", "out of range"},
	{RESOURCES("'cpu':{'quota':999}"), "/linux/resources/cpu/quota", "out of range"},
	{RESOURCES("'cpu':{'quota':5000,'burst':5001}"), "/linux/resources/cpu/burst", "above the quota"},
	{RESOURCES("'cpu':{'idle':2}"), "/linux/resources/cpu/idle", "(0 to 1)"},
	{RESOURCES("'cpu':{'shares':-1}"), "/linux/resources/cpu/shares", "out of range"},
	{RESOURCES("'cpu':{'cpus':'0-3;7'}"), "/linux/resources/cpu/cpus", "not a list of numbers"},
	{RESOURCES("'cpu':{'mems':'all'}"), "/linux/resources/cpu/mems", "not a list of numbers"},
	{RESOURCES("'cpu':{'mems':'0\\n1'}"), "/linux/resources/cpu/mems", "not a list of numbers"},
	{RESOURCES("'blockIO':{'weight':9}"), "/linux/resources/blockIO/weight", "(10 to 1000)"},
	{RESOURCES("'blockIO':{'weight':1001}"), "/linux/resources/blockIO/weight", "out of range"},
	{RESOURCES("'blockIO':{'leafWeight':1}"), "/linux/resources/blockIO/leafWeight", "out of range"},
	{RESOURCES("'blockIO':{'weightDevice':[{'major':8,'minor':0}]}"),
	 "/linux/resources/blockIO/weightDevice/0", "needs `weight` or `leafWeight`"},
	{RESOURCES("'blockIO':{'weightDevice':[{'major':8,'weight':10}]}"),
	 "/linux/resources/blockIO/weightDevice/0/minor", "required"},
	{RESOURCES("'blockIO':{'weightDevice':[{'minor':0,'weight':10}]}"),
	 "/linux/resources/blockIO/weightDevice/0/major", "required"},
	{RESOURCES("'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':5}]}"),
	 "/linux/resources/blockIO/weightDevice/0/weight", "(10 to 1000)"},
	{RESOURCES("'blockIO':{'weightDevice':[{'major':8,'minor':0,'leafWeight':5}]}"),
	 "/linux/resources/blockIO/weightDevice/0/leafWeight", "(10 to 1000)"},
	{RESOURCES("'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0}]}"),
	 "/linux/resources/blockIO/throttleReadBpsDevice/0/rate", "required"},
	{RESOURCES("'blockIO':{'throttleWriteBpsDevice':[{'minor':0,'rate':1}]}"),
	 "/linux/resources/blockIO/throttleWriteBpsDevice/0/major", "required"},
	{RESOURCES("'blockIO':{'throttleReadBpsDevice':[{'major':8,'rate':1}]}"),
	 "/linux/resources/blockIO/throttleReadBpsDevice/0/minor", "required"},
	{RESOURCES("'blockIO':{'throttleWriteIOPSDevice':[{'minor':0,'rate':1}]}"),
	 "/linux/resources/blockIO/throttleWriteIOPSDevice/0/major", "required"},
	{RESOURCES("'blockIO':{'throttleReadIOPSDevice':[{'major':8,'rate':1}]}"),
	 "/linux/resources/blockIO/throttleReadIOPSDevice/0/minor", "required"},
	{RESOURCES("'blockIO':{'throttleReadIOPSDevice':[{'major':8,'minor':0}]}"),
	 "/linux/resources/blockIO/throttleReadIOPSDevice/0/rate", "required"},
	{RESOURCES("'hugepageLimits':[{'pageSize':'64kB','limit':1}]"),
	 "/linux/resources/hugepageLimits/0/pageSize", "`64kB` is not a page size"},
	{RESOURCES("'hugepageLimits':[{'pageSize':'02MB','limit':1}]"),
	 "/linux/resources/hugepageLimits/0/pageSize", "not a page size"},
	{RESOURCES("'hugepageLimits':[{'pageSize':'2M','limit':1}]"),
	 "/linux/resources/hugepageLimits/0/pageSize", "not a page size"},
	{RESOURCES("'hugepageLimits':[{'pageSize':'2MB/..','limit':1}]"),
	 "/linux/resources/hugepageLimits/0/pageSize", "not a page size"},
	{RESOURCES("'hugepageLimits':[{'pageSize':'2'}]"), "/linux/resources/hugepageLimits/0/limit",
	 "required"},
	{RESOURCES("'hugepageLimits':[{'pageSize':'2MB','pagesize':'2MB','limit':1}]"),
	 "/linux/resources/hugepageLimits/0/pagesize", "`pageSize` is there twice"},
	{RESOURCES("'hugepageLimits':[{'pagesize':'2M','limit':1}]"),
	 "/linux/resources/hugepageLimits/0/pageSize", "not a page size"},
	{RESOURCES("'hugepageLimits':[{'limit':2}]"), "/linux/resources/hugepageLimits/0/pageSize",
	 "required"},
	{RESOURCES("'network':{'classID':4294967296}"), "/linux/resources/network/classID",
	 "out of range"},
	{RESOURCES("'network':{'priorities':[{'name':'eth0'}]}"),
	 "/linux/resources/network/priorities/0/priority", "required"},
	{RESOURCES("'network':{'priorities':[{'priority':1}]}"),
	 "/linux/resources/network/priorities/0/name", "required"},
	{RESOURCES("'network':{'priorities':[{'name':'','priority':1}]}"),
	 "/linux/resources/network/priorities/0/name", "must not be empty"},
	{RESOURCES("'pids':{'limit':'max'}"), "/linux/resources/pids/limit", "must be a number"},
	{RESOURCES("'rdma':{'mlx5_1':{}}"), "/linux/resources/rdma/mlx5_1", "needs `hcaHandles`"},
	{RESOURCES("'rdma':{'mlx5_1':{'hcaHandles':'3'}}"), "/linux/resources/rdma/mlx5_1/hcaHandles",
	 "must be a number"},
	{RESOURCES("'rdma':{'a b':{'hcaObjects':1}}"), "/linux/resources/rdma/a b", "not a device name"},
	{RESOURCES("'rdma':{'':{'hcaObjects':1}}"), "/linux/resources/rdma/", "not a device name"},
	{RESOURCES("'unified':{'memory.max':5}"), "/linux/resources/unified/memory.max",
	 "must be a string"},
	{RESOURCES("'unified':{'':'5'}"), "/linux/resources/unified/", "must not be empty"},
	{RESOURCES("'unified':{'../memory.max':'5'}"), "/linux/resources/unified",
	 "`../memory.max` is not the name of a cgroup file"},
	{RESOURCES("'unified':{'..':'5'}"), "/linux/resources/unified", "not the name"},
};

#define SYSCTL(ns, key, value) \
	LINUX("'namespaces':[" ns "],'sysctl':{'" key "':'" value "'}")
#define IPC "{'type':'ipc'}"
#define NET "{'type':'network','path':'/run/netns/a'}"
#define UTS "{'type':'uts'}"

static const struct refused sysctls[] = {
	{SYSCTL("", "kernel.msgmax", "1"), "/linux/sysctl/kernel.msgmax", "needs a `ipc` namespace"},
	{SYSCTL(NET, "kernel/shm_rmid_forced", "1"), "/linux/sysctl/kernel~1shm_rmid_forced", "`ipc`"},
	{SYSCTL(NET, "fs.mqueue.msg_max", "1"), "/linux/sysctl/fs.mqueue.msg_max", "`ipc`"},
	{SYSCTL(IPC, "net.ipv4.ip_forward", "1"), "/linux/sysctl/net.ipv4.ip_forward", "`network`"},
	{SYSCTL(IPC, "kernel.domainname", "1"), "/linux/sysctl/kernel.domainname", "`uts`"},
	{SYSCTL(UTS, "kernel.hostname", "1"), "/linux/sysctl/kernel.hostname", "`hostname`"},
	{"{'ociVersion':'1.0.2','root':{'path':'rootfs'},'domainname':'a','linux':{'namespaces':[" UTS
	 "],'sysctl':{'kernel.domainname':'b'}}}", "/linux/sysctl/kernel.domainname", "`domainname` is there too"},
	{"{'ociVersion':'1.0.2','root':{'path':'rootfs'},'hostname':'a','linux':{'namespaces':[" UTS
	 "],'sysctl':{'kernel.hostname':'a'}}}", "/linux/sysctl/kernel.hostname", "`hostname` is there too"},
	{SYSCTL(UTS, "kernel/hostname", "1"), "/linux/sysctl/kernel~1hostname", "`hostname`"},
	{SYSCTL(IPC, "user.max_user_namespaces", "1"), "/linux/sysctl/user.max_user_namespaces", "`user`"},
	{SYSCTL(IPC "," NET "," UTS, "kernel.core_pattern", "x"), "/linux/sysctl/kernel.core_pattern",
	 "belongs to no namespace"},
	{SYSCTL(IPC, "kernel.shmmaxx", "1"), "/linux/sysctl/kernel.shmmaxx", "no namespace"},
	{SYSCTL(IPC, "kernel.sem.x", "1"), "/linux/sysctl/kernel.sem.x", "no namespace"},
	{SYSCTL(NET, "netx.a", "1"), "/linux/sysctl/netx.a", "no namespace"},
	{SYSCTL(NET, "net", "1"), "/linux/sysctl/net", "no namespace"},
	{SYSCTL(NET, "vm.overcommit_memory", "1"), "/linux/sysctl/vm.overcommit_memory", "no namespace"},
	{SYSCTL(NET, "net/../kernel/core_pattern", "x"),
	 "/linux/sysctl/net~1..~1kernel~1core_pattern", "not the name of a sysctl"},
	{SYSCTL(NET, "net.ipv4.../../kernel/core_pattern", "x"),
	 "/linux/sysctl/net.ipv4...~1..~1kernel~1core_pattern", "not the name of a sysctl"},
	{SYSCTL(NET, "net.//.kernel", "x"), "/linux/sysctl/net.~1~1.kernel", "not the name"},
	{SYSCTL(NET, "net./.kernel", "x"), "/linux/sysctl/net.~1.kernel", "not the name"},
	{SYSCTL(NET, "net//a", "x"), "/linux/sysctl/net~1~1a", "not the name"},
	{SYSCTL(NET, "net/./a", "x"), "/linux/sysctl/net~1.~1a", "not the name"},
	{SYSCTL(NET, "net.", "x"), "/linux/sysctl/net.", "not the name"},
	{SYSCTL(NET, "/net/a", "x"), "/linux/sysctl/~1net~1a", "not the name"},
	{SYSCTL(NET, "/", "x"), "/linux/sysctl/~1", "not the name"},
	{SYSCTL(IPC, "kernel.shm_rmid_forced/../core_pattern", "x"),
	 "/linux/sysctl/kernel.shm_rmid_forced~1..~1core_pattern", "not the name"},
	{SYSCTL(NET, "", "x"), "/linux/sysctl/", "must not be empty"},
	{SYSCTL(NET, "net.a", "1\\n2"), "/linux/sysctl/net.a", "line break"},
	{LINUX("'namespaces':[" NET "],'sysctl':{'net.a':1}"), "/linux/sysctl/net.a", "must be a string"},
};

/* spec: CF-104 CL-115 CL-116 CL-125..CL-131 */
static const struct refused seccomp[] = {
	{LINUX("'seccomp':{}"), "/linux/seccomp/defaultAction", "required"},
	{LINUX("'seccomp':{'defaultAction':'ALLOW'}"), "/linux/seccomp/defaultAction", "not known"},
	{LINUX("'seccomp':{'defaultAction':'SCMP_ACT_ALOW'}"), "/linux/seccomp/defaultAction",
	 "did you mean `SCMP_ACT_ALLOW`?"},
	{SECCOMP(",'defaultErrnoRet':1"), "/linux/seccomp/defaultErrnoRet",
	 "only goes with SCMP_ACT_ERRNO and SCMP_ACT_TRACE"},
	{LINUX("'seccomp':{'defaultErrnoRet':4096,'defaultAction':'SCMP_ACT_ERRNO'}"),
	 "/linux/seccomp/defaultErrnoRet", "4096 is out of range (0 to 4095)"},
	{SECCOMP(",'architectures':['SCMP_ARCH_X86','x86']"), "/linux/seccomp/architectures/1",
	 "not known"},
	{SECCOMP(",'flags':['SECCOMP_FILTER_FLAG_LOGS']"), "/linux/seccomp/flags/0", "did you mean"},
	{SECCOMP(",'flags':'x'"), "/linux/seccomp/flags", "must be an array"},
	{SECCOMP(",'listenerPath':1"), "/linux/seccomp/listenerPath", "must be a string"},
	{SECCOMP(",'listenerMetadata':['x']"), "/linux/seccomp/listenerMetadata", "must be a string"},
	{SECCOMP(",'listenerMetadata':'x'"), "/linux/seccomp/listenerMetadata", "needs `listenerPath`"},
	{SECCOMP(",'listenerMetadata':'x','listenerPath':''"), "/linux/seccomp/listenerMetadata",
	 "needs `listenerPath`"},
	{LINUX("'seccomp':{'defaultAction':'SCMP_ACT_NOTIFY','listenerPath':'/x'}"),
	 "/linux/seccomp/defaultAction", "cannot be the default"},
	{SECCOMP(",'syscalls':[{'names':['chmod'],'action':'SCMP_ACT_NOTIFY'}]"),
	 "/linux/seccomp/listenerPath", "is required"},
	{SECCOMP(",'listenerPath':'/x','syscalls':[{'names':['chmod','write'],"
		 "'action':'SCMP_ACT_NOTIFY'}]"), "/linux/seccomp/syscalls/0/action",
	 "the write syscall"},
	{SECCOMP(",'listenerPath':'/x','syscalls':[{'names':['chmod'],'action':'SCMP_ACT_NOTIFY',"
		 "'errnoRet':1}]"), "/linux/seccomp/syscalls/0/errnoRet", "only goes with"},
	{SECCOMP(",'syscalls':[{'action':'SCMP_ACT_LOG'}]"), "/linux/seccomp/syscalls/0/names",
	 "required"},
	{SECCOMP(",'syscalls':[{'names':[],'action':'SCMP_ACT_LOG'}]"),
	 "/linux/seccomp/syscalls/0/names", "at least one"},
	{SECCOMP(",'syscalls':[{'names':['a',''],'action':'SCMP_ACT_LOG'}]"),
	 "/linux/seccomp/syscalls/0/names/1", "must not be empty"},
	{SECCOMP(",'syscalls':[{'names':['a']}]"), "/linux/seccomp/syscalls/0/action", "required"},
	{SECCOMP(",'syscalls':[{'names':['a'],'action':'x'}]"), "/linux/seccomp/syscalls/0/action",
	 "not known"},
	{SECCOMP(",'syscalls':[{'names':['a'],'action':'SCMP_ACT_KILL','errnoRet':1}]"),
	 "/linux/seccomp/syscalls/0/errnoRet", "only goes with"},
	{RULE(",'errnoRet':4096"), "/linux/seccomp/syscalls/0/errnoRet", "(0 to 4095)"},
	{SECCOMP(",'syscalls':[{'names':['a'],'action':'SCMP_ACT_TRACE','errnoRet':65536}]"),
	 "/linux/seccomp/syscalls/0/errnoRet", "(0 to 65535)"},
	{RULE(",'errnoRet':-1"), "/linux/seccomp/syscalls/0/errnoRet", "out of range"},
	{RULE(",'args':[{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]"),
	 "/linux/seccomp/syscalls/0/args/0/index", "6 is out of range (0 to 5)"},
	{RULE(",'args':[{'value':1,'op':'SCMP_CMP_EQ'}]"), "/linux/seccomp/syscalls/0/args/0/index",
	 "required"},
	{RULE(",'args':[{'index':0,'op':'SCMP_CMP_EQ'}]"), "/linux/seccomp/syscalls/0/args/0/value",
	 "required"},
	{RULE(",'args':[{'index':0,'value':1}]"), "/linux/seccomp/syscalls/0/args/0/op", "required"},
	{RULE(",'args':[{'index':0,'value':1,'op':'EQ'}]"), "/linux/seccomp/syscalls/0/args/0/op",
	 "not known"},
	{RULE(",'args':[{'index':0,'value':18446744073709551616,'op':'SCMP_CMP_EQ'}]"),
	 "/linux/seccomp/syscalls/0/args/0/value", "out of range"},
};

static int parse(struct arena *a, const char *text, struct error *err)
{
	char *copy = requote(xstrdup(text));
	struct oci_config *c = NULL;
	int r = config_parse(a, copy, strlen(copy), &c, err);

	free(copy);
	assert_true((r == 0) == (c != NULL));
	return r;
}

/* Who looks for all errors finds the same one first, at the same place, or none where all is well. */
static void agrees(struct arena *a, const char *text, const struct error *err)
{
	char *copy = requote(xstrdup(text)), place[48];
	struct config_document document = {.text = copy, .len = strlen(copy)};
	struct findings all = {.arena = a};

	config_check(a, &document, &all);
	free(copy);
	assert_int_equal(all.errors > 0, err->code != 0);
	if (all.errors == 0)
		return;
	snprintf(place, sizeof(place), "(line %u, column %u)", all.v[0].line, all.v[0].column);
	if (strcmp(all.v[0].error.where, err->where) || !strstr(err->text, place) ||
	    !strstr(err->text, all.v[0].error.text))
		fail_msg("%s: first `%s` %s: `%s`, expected `%s`: `%s`", text, all.v[0].error.where, place,
			 all.v[0].error.text, err->where, err->text);
}

static void all_refused(const struct refused *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new();
		struct error err = {0};
		int r = parse(a, rows[i].text, &err);

		if (r != -EINVAL || err.code != EINVAL || strcmp(err.where, rows[i].where) ||
		    !strstr(err.text, rows[i].words) || !strstr(err.text, "(line "))
			fail_msg("%s: %d at `%s`, expected `%s`, `%s`: %s", rows[i].text, r,
				 err.where, rows[i].where, rows[i].words, err.text);
		agrees(a, rows[i].text, &err);
		arena_free(a);
	}
}

#define REFUSED_TEST(table) \
	static void test_##table(void **state) \
	{ \
		(void)state; \
		all_refused(table, ARRAY_SIZE(table)); \
	}

REFUSED_TEST(unsupported)
REFUSED_TEST(top)
REFUSED_TEST(mounts)
REFUSED_TEST(intelrdt)
REFUSED_TEST(net_devices)
REFUSED_TEST(process)
REFUSED_TEST(scheduling)
REFUSED_TEST(policy)
REFUSED_TEST(hooks)
REFUSED_TEST(linux_)
REFUSED_TEST(devices)
REFUSED_TEST(resources)
REFUSED_TEST(sysctls)
REFUSED_TEST(seccomp)

/* ---- the nearest neighbours ----------------------------------------------------------------- */

/* spec: CF-103 CF-010 */
static const char *const taken[] = {
	TOP(""), PROCESS(""), LINUX(""), RESOURCES(""), SECCOMP(""), RULE(""), MOUNT(""), HOOK(""),
	PROCESS(",'scheduler':null,'ioPriority':null,'execCPUAffinity':{}"),
	LINUX("'timeOffsets':{},'netDevices':{},'intelRdt':null,'memoryPolicy':null,'personality':null"),
	SCHEDULER("'policy':'SCHED_OTHER','nice':-20,'priority':0,'runtime':0,'deadline':0,'period':0,"
		  "'flags':[]"),
	SCHEDULER("'policy':'SCHED_RR','priority':99"), SCHEDULER("'policy':'SCHED_FIFO','priority':1"),
	SCHEDULER("'policy':'SCHED_IDLE','nice':5"),
	DL(",'runtime':1024,'deadline':1024"), DL(",'runtime':1024,'deadline':1025,'period':1025"),
	DL(",'runtime':1024,'deadline':9223372036854775807,'period':9223372036854775807"),
	IO("'class':'IOPRIO_CLASS_RT','priority':0"), IO("'class':'IOPRIO_CLASS_IDLE','priority':7"),
	AFFINITY("'initial':'','final':'  '"), AFFINITY("'initial':' 0 , 3-4 ,8191','final':null"),
	POLICY("'mode':'MPOL_DEFAULT'"), POLICY("'mode':'MPOL_PREFERRED','nodes':''"),
	POLICY("'mode':'MPOL_PREFERRED_MANY','nodes':'0','flags':['MPOL_F_NUMA_BALANCING']"),
	POLICY("'mode':'MPOL_BIND','nodes':'1023','flags':['MPOL_F_STATIC_NODES',"
	       "'MPOL_F_NUMA_BALANCING']"),
	LINUX("'personality':{'domain':'LINUX32','flags':[]}"),
	LINUX("'namespaces':[{'type':'time'}],'timeOffsets':{}"),
	CLOCK("'monotonic':{'secs':-4611686018,'nanosecs':999999999},'boottime':null"),
	SECCOMP(",'listenerPath':'','listenerMetadata':null"),
	SECCOMP(",'listenerPath':'/x','listenerMetadata':'y'"),
	SECCOMP(",'flags':['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']"),
	SECCOMP(",'listenerPath':'/x','syscalls':[{'names':['writev'],'action':'SCMP_ACT_NOTIFY'}]"),
	SECCOMP(",'syscalls':[{'names':['write'],'action':'SCMP_ACT_LOG'}]"),
	MOUNT(",'uidMappings':[],'gidMappings':null"),
	MAPPED(MAP("0", "4294967294", "1"), MAP("7", "0", "4294967288")),
	MAPPED(MAP("0", "5", "10") ",'options':['idmap']", MAP("0", "5", "10")),
	TOP(",'linux':{" USERNS() "},'mounts':[{'destination':'/a','source':'b','options':['rbind',"
	    "'ridmap']}]"),
	TOP(",'windows':{'layerFolders':5},'vm':[],'solaris':1,'freebsd':'x','zos':{},'other':{'a':[]}"),
	PROCESS(",'commandLine':5,'user':{'uid':0,'gid':0,'username':7},'unknown':{'x':[1.5]}"),
	PROCESS(",'consoleSize':{'height':70000}"),
	PROCESS(",'terminal':true,'consoleSize':{'height':65535,'width':0}"),
	PROCESS(",'env':['A=','B==','C=a=b']"),
	PROCESS(",'rlimits':[{'type':'RLIMIT_CPU','soft':18446744073709551615,"
		"'hard':18446744073709551615}]"),
	PROCESS(",'oomScoreAdj':-1000"), PROCESS(",'oomScoreAdj':1000"), PROCESS(",'oomScoreAdj':-0"),
	TOP(",'hostname':'','domainname':''"), TOP(",'annotations':{'a':'','b':null}"),
	TOP(",'linux':{'namespaces':[{'type':'uts','path':'/a'}]},'hostname':"
	    "'0123456789012345678901234567890123456789012345678901234567890123'"),
	TOP(",'mounts':[{'destination':'a','source':'b','options':['bind']}]"),
	TOP(",'mounts':[{'destination':'/','options':['remount','ro']}]"),
	MOUNT(",'options':['anything=1','']"), MOUNT(",'options':['tmpcopyup','size=1m','ro']"),
	HOOK(",'timeout':1"), HOOK(",'timeout':1000000000,'args':[],'env':[]"),
	LINUX("'namespaces':[{'type':'user','path':''}],"
	      "'uidMappings':[{'containerID':0,'hostID':0,'size':4294967295}],"
	      "'gidMappings':[{'containerID':5,'hostID':5,'size':1},{'containerID':4,'hostID':4,'size':1},"
	      "{'containerID':6,'hostID':6,'size':1}]"),
	LINUX("'namespaces':[{'type':'user','path':'/a'}]"),
	LINUX("'namespaces':[{'type':'mount'}],'maskedPaths':['/a'],'readonlyPaths':['/b','/b']"),
	LINUX("'maskedPaths':[],'readonlyPaths':null"),
	RDT(""), RDT("'closID':'/','enableCMT':true,'schemata':[]"),
	RDT("'closID':'','l3CacheSchema':'','memBwSchema':null,'enableMonitoring':false"),
	RDT("'closID':'a.b','l3CacheSchema':'L3CODE:0=f','memBwSchema':'MB:0=9','schemata':['L2:0=1']"),
	NETDEV("'eth0':{'name':'eth1'},'eth1':{'name':'eth0'},'a~b':{},'gone':null,'0123456789abcde':{}"),
	NETDEV("'a':{'name':'x%d'},'b':{'name':'x%d'},'c':{'name':''},'d':{'name':'%d'}"),
	TOP(",'process':{'cwd':'/','args':['x'],'user':{'uid':99,'gid':49,'additionalGids':[0,49]}},"
	    "'linux':{" USERNS(",'devices':[{'path':'/d','type':'p','uid':99,'gid':49}]") "}"),
	LINUX("'rootfsPropagation':''"), LINUX("'rootfsPropagation':'runbindable'"),
	DEVICE(",'fileMode':8630"), DEVICE(",'fileMode':0,'uid':0,'gid':4294967294"),
	LINUX("'devices':[{'path':'/d','type':'b','major':4095,'minor':1048575}]"),
	RESOURCES("'devices':[{'allow':false,'access':'rwm'},{'allow':true,'type':'c','major':-1,"
		  "'minor':-1,'access':''},{'allow':true,'type':'a','major':-1,'minor':null}]"),
	RESOURCES("'memory':{'limit':-1,'swap':0,'swappiness':100}"),
	RESOURCES("'cpu':{'quota':-1,'burst':5000,'period':0,'idle':1,'cpus':'0-3, 7','mems':''}"),
	RESOURCES("'cpu':{'quota':1000,'burst':1000,'period':1000}"),
	RESOURCES("'blockIO':{'weight':0,'leafWeight':10,'weightDevice':[{'major':1,'minor':2,'weight':0}]}"),
	RESOURCES("'hugepageLimits':[{'pageSize':'1GB','limit':18446744073709551615}]"),
	RESOURCES("'hugepageLimits':[{'pagesize':'1GB','limit':1}]"),
	RESOURCES("'network':{},'pids':{},'rdma':{},'unified':{},'memory':{},'cpu':{},'blockIO':{}"),
	RESOURCES("'pids':{'limit':-9223372036854775808}"), RESOURCES("'oomScoreAdj':'gone since 1.0'"),
	RESOURCES("'rdma':{'mlx5':{'hcaObjects':0},'gone':null}"),
	RESOURCES("'unified':{'memory.max':'a\\nb','x':''}"),
	SYSCTL(IPC, "kernel.shm_rmid_forced", "1"), SYSCTL(IPC, "kernel/sem", "1 2 3"),
	SYSCTL(IPC, "fs.mqueue.msg_max", "1"), SYSCTL(UTS, "kernel.domainname", "x"),
	SYSCTL(NET, "net/ipv4/conf/eth0.100/rp_filter", "1"),
	SYSCTL(NET, "net.ipv4.conf.eth0/100.rp_filter", "1"),
	LINUX(USERNS(",'sysctl':{'user.max_user_namespaces':''}")),
	LINUX("'seccomp':{'defaultErrnoRet':0,'defaultAction':'SCMP_ACT_ERRNO'}"),
	LINUX("'seccomp':{'defaultErrnoRet':65535,'defaultAction':'SCMP_ACT_TRACE'}"),
	RULE(",'errnoRet':4095"), RULE(",'args':[]"), RULE(",'args':null"),
	RULE(",'args':[{'index':5,'value':18446744073709551615,'valueTwo':18446744073709551615,"
	     "'op':'SCMP_CMP_MASKED_EQ'}]"),
	SECCOMP(",'syscalls':[{'names':['no_such_call'],'action':'SCMP_ACT_LOG'}],'flags':[],"
		"'architectures':[]"),
};

static void test_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		struct arena *a = arena_new();
		struct error err = {0};

		if (parse(a, taken[i], &err) < 0)
			fail_msg("%s: at `%s`: %s", taken[i], err.where, err.text);
		arena_free(a);
	}
}

/* ---- versions ------------------------------------------------------------------------------- */

/* spec: CF-002 */
static void test_versions(void **state)
{
	static const char *const good[] = {
		"1.0.0", "1.3.0", "1.0.2-dev", "1.1.0+dev", "1.2.0-rc.1+a.b-c", "1.99.0", "1.0.0--",
		"1.0.0-0a.1", "1.0.0+001", "0.5.0-dev", "0.9.9",
	};
	static const char *const bad[] = {
		"", "1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.00.0", "1.0.0-", "1.0.0+", "1.0.0-a..b",
		"1.0.0-01", "1.0.0 ", " 1.0.0", "1.0.x", "invalid", "2.0.0", "0.5", "00.5.0",
		"1.0.0-ä", "1.99999999999999999999.0", "-1.0.0", "1.0.0+a+b",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good) + ARRAY_SIZE(bad); i++) {
		bool want = i < ARRAY_SIZE(good);
		const char *word = want ? good[i] : bad[i - ARRAY_SIZE(good)];
		char *text = xasprintf("{'ociVersion':'%s','root':{'path':'r'}}", word);
		struct arena *a = arena_new();
		struct error err = {0};
		int r = parse(a, text, &err);

		if ((r == 0) != want || (r < 0 && strcmp(err.where, "/ociVersion")))
			fail_msg("version `%s`: %d %s", word, r, err.text);
		free(text);
		arena_free(a);
	}
}

/* ---- numbers -------------------------------------------------------------------------------- */

static const struct {
	const char *format, *where;
	__int128 min, max;
} numbers[] = {
#define I64_MIN (-((__int128)1 << 63))
#define I64_MAX (((__int128)1 << 63) - 1)
#define U64_MAX (((__int128)1 << 64) - 1)
#define U32_MAX ((__int128)4294967295)
	{PROCESS(",'user':{'uid':%s,'gid':0}"), "/process/user/uid", 0, U32_MAX - 1},
	{PROCESS(",'user':{'uid':0,'gid':%s}"), "/process/user/gid", 0, U32_MAX - 1},
	{PROCESS(",'user':{'uid':0,'gid':0,'umask':%s}"), "/process/user/umask", 0, 511},
	{PROCESS(",'user':{'uid':0,'gid':0,'additionalGids':[%s]}"), "/process/user/additionalGids/0", 0,
	 U32_MAX - 1},
	{PROCESS(",'oomScoreAdj':%s"), "/process/oomScoreAdj", -1000, 1000},
	{PROCESS(",'terminal':true,'consoleSize':{'width':%s,'height':1}"), "/process/consoleSize/width",
	 0, 65535},
	{PROCESS(",'rlimits':[{'type':'RLIMIT_CPU','soft':0,'hard':%s}]"), "/process/rlimits/0/hard", 0,
	 U64_MAX},
	{HOOK(",'timeout':%s"), "/hooks/poststart/0/timeout", 1, 1000000000},
	{LINUX("'namespaces':[{'type':'user'}],'uidMappings':[{'containerID':%s,'hostID':0,'size':1}],"
	       "'gidMappings':[{'containerID':0,'hostID':0,'size':1}]"), "/linux/uidMappings/0/containerID",
	 0, U32_MAX - 1},
	{DEVICE(",'uid':%s"), "/linux/devices/0/uid", 0, U32_MAX - 1},
	{LINUX("'devices':[{'path':'/d','type':'c','major':%s,'minor':0}]"), "/linux/devices/0/major", 0,
	 4095},
	{LINUX("'devices':[{'path':'/d','type':'c','major':0,'minor':%s}]"), "/linux/devices/0/minor", 0,
	 1048575},
	{RESOURCES("'devices':[{'allow':true,'type':'c','major':%s}]"),
	 "/linux/resources/devices/0/major", -1, U32_MAX},
	{RESOURCES("'memory':{'limit':%s}"), "/linux/resources/memory/limit", -1, I64_MAX},
	{RESOURCES("'memory':{'swap':%s}"), "/linux/resources/memory/swap", -1, I64_MAX},
	{RESOURCES("'memory':{'reservation':%s}"), "/linux/resources/memory/reservation", -1, I64_MAX},
	{RESOURCES("'memory':{'kernel':%s}"), "/linux/resources/memory/kernel", -1, I64_MAX},
	{RESOURCES("'memory':{'kernelTCP':%s}"), "/linux/resources/memory/kernelTCP", -1, I64_MAX},
	{RESOURCES("'memory':{'swappiness':%s}"), "/linux/resources/memory/swappiness", 0, 100},
	{RESOURCES("'cpu':{'shares':%s}"), "/linux/resources/cpu/shares", 0, U64_MAX},
	{RESOURCES("'cpu':{'burst':%s}"), "/linux/resources/cpu/burst", 0, U64_MAX},
	{RESOURCES("'cpu':{'quota':%s}"), "/linux/resources/cpu/quota", I64_MIN, I64_MAX},
	{RESOURCES("'cpu':{'realtimeRuntime':%s}"), "/linux/resources/cpu/realtimeRuntime", I64_MIN,
	 I64_MAX},
	{RESOURCES("'cpu':{'realtimePeriod':%s}"), "/linux/resources/cpu/realtimePeriod", 0, U64_MAX},
	{RESOURCES("'cpu':{'idle':%s}"), "/linux/resources/cpu/idle", 0, 1},
	{RESOURCES("'blockIO':{'weight':%s}"), "/linux/resources/blockIO/weight", 0, 1000},
	{RESOURCES("'blockIO':{'throttleReadIOPSDevice':[{'major':1,'minor':0,'rate':%s}]}"),
	 "/linux/resources/blockIO/throttleReadIOPSDevice/0/rate", 0, U64_MAX},
	{RESOURCES("'hugepageLimits':[{'pageSize':'2MB','limit':%s}]"),
	 "/linux/resources/hugepageLimits/0/limit", 0, U64_MAX},
	{RESOURCES("'network':{'classID':%s}"), "/linux/resources/network/classID", 0, U32_MAX},
	{RESOURCES("'pids':{'limit':%s}"), "/linux/resources/pids/limit", I64_MIN, I64_MAX},
	{RESOURCES("'rdma':{'m':{'hcaHandles':%s}}"), "/linux/resources/rdma/m/hcaHandles", 0, U32_MAX},
	{LINUX("'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':%s}"),
	 "/linux/seccomp/defaultErrnoRet", 0, 4095},
	{RULE(",'errnoRet':%s"), "/linux/seccomp/syscalls/0/errnoRet", 0, 4095},
	{RULE(",'args':[{'index':%s,'value':0,'op':'SCMP_CMP_EQ'}]"),
	 "/linux/seccomp/syscalls/0/args/0/index", 0, 5},
	{RULE(",'args':[{'index':0,'value':%s,'op':'SCMP_CMP_EQ'}]"),
	 "/linux/seccomp/syscalls/0/args/0/value", 0, U64_MAX},
	{RULE(",'args':[{'index':0,'value':0,'valueTwo':%s,'op':'SCMP_CMP_EQ'}]"),
	 "/linux/seccomp/syscalls/0/args/0/valueTwo", 0, U64_MAX},
};

static void print_number(__int128 v, char buf[48])
{
	char digits[48];
	size_t n = 0, out = 0;
	unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;

	do
		digits[n++] = (char)('0' + (int)(u % 10));
	while (u /= 10);
	if (v < 0)
		buf[out++] = '-';
	while (n > 0)
		buf[out++] = digits[--n];
	buf[out] = '\0';
}

static void try_number(size_t i, const char *number, bool want)
{
	const char *format = numbers[i].format, *hole = strstr(format, "%s");
	char *text = xasprintf("%.*s%s%s", (int)(hole - format), format, number, hole + 2);
	struct arena *a = arena_new();
	struct error err = {0};
	int r = parse(a, text, &err);

	if ((r == 0) != want || (r < 0 && strcmp(err.where, numbers[i].where)))
		fail_msg("%s: %d at `%s`: %s", text, r, err.where, err.text);
	free(text);
	arena_free(a);
}

static void test_numbers(void **state)
{
	static const char *const never[] = {
		"1.0", "0.5", "1e3", "1E0", "'0'", "true", "[]", "{}", "1.", "18446744073709551616",
		"-9223372036854775809", "99999999999999999999999999999999999999999999999999999999999999",
		"-99999999999999999999999999999999999999999999999999999999999999",
	};
	char word[48];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(never); j++) {
			/* "1." is a syntax error, its place is the nearest the parser knows. */
			if (strcmp(never[j], "1."))
				try_number(i, never[j], false);
		}
		print_number(numbers[i].min, word);
		try_number(i, word, true);
		print_number(numbers[i].max, word);
		try_number(i, word, true);
		print_number(numbers[i].min - 1, word);
		try_number(i, word, false);
		print_number(numbers[i].max + 1, word);
		try_number(i, word, false);
	}
}

/* ---- lists that are too long ---------------------------------------------------------------- */

static void test_long_lists(void **state)
{
	struct strbuf text = {0};
	struct arena *a = arena_new();
	struct error err = {0};

	(void)state;
	strbuf_adds(&text, "{'ociVersion':'1.0.0','root':{'path':'r'},'mounts':[{}");
	for (int i = 0; i < 65536; i++)
		strbuf_adds(&text, ",{}");
	strbuf_adds(&text, "]}");
	assert_int_equal(parse(a, text.data, &err), -EINVAL);
	assert_string_equal(err.where, "/mounts");
	assert_non_null(strstr(err.text, "65537 elements"));
	strbuf_free(&text);

	strbuf_adds(&text, "{'ociVersion':'1.0.0','root':{'path':'r'},'linux':{'namespaces':"
		    "[{'type':'user'}],'gidMappings':[{'containerID':0,'hostID':0,'size':1}],"
		    "'uidMappings':[");
	for (int i = 0; i < 341; i++)
		strbuf_addf(&text, "%s{'containerID':%d,'hostID':%d,'size':1}", i ? "," : "", i, i);
	strbuf_adds(&text, "]}}");
	assert_int_equal(parse(a, text.data, &err), -EINVAL);
	assert_string_equal(err.where, "/linux/uidMappings");
	assert_non_null(strstr(err.text, "at most 340"));
	strbuf_free(&text);

	strbuf_adds(&text, "{'ociVersion':'1.0.0','root':{'path':'r'},'process':{'args':['x'],'cwd':'/',"
		    "'user':{'uid':0,'gid':0,'additionalGids':[0");
	for (int i = 0; i < 65536; i++)
		strbuf_adds(&text, ",1");
	strbuf_adds(&text, "]}}}");
	assert_int_equal(parse(a, text.data, &err), -EINVAL);
	assert_string_equal(err.where, "/process/user/additionalGids");
	strbuf_free(&text);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsupported), cmocka_unit_test(test_top),
		cmocka_unit_test(test_mounts), cmocka_unit_test(test_process),
		cmocka_unit_test(test_scheduling), cmocka_unit_test(test_policy),
		cmocka_unit_test(test_net_devices), cmocka_unit_test(test_intelrdt),
		cmocka_unit_test(test_hooks), cmocka_unit_test(test_linux_),
		cmocka_unit_test(test_devices), cmocka_unit_test(test_resources),
		cmocka_unit_test(test_sysctls), cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_taken), cmocka_unit_test(test_versions),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_long_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
