/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user must be able to open /dev/stdout, which leads to the inode: give it the caller's pipes and
 * sockets.  Never a file or device of the host (T39).  Runs in the child, and in the parent where the user
 * namespace of the child has no power over what belongs to the host's users.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "process/process.h"
#include "sys/mutate.h"

void process_give_stdio(uid_t uid)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0 || st.st_uid == uid)
			continue;
		if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !(MUTATE(T39) && S_ISREG(st.st_mode)))
			continue;
		if (fchown(fd, uid, (gid_t)-1) < 0)
			continue;	/* not ours to give: the caller arranged it so */
	}
}
