/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What we are and what we were linked with. */
#include "cli/version.h"

#include <seccomp.h>

#include "oci/config.h"
#include "util/cleanup.h"

const char version_orlop[] = PACKAGE_VERSION;

const char *version_libseccomp(struct strbuf *buf)
{
	const struct scmp_version *v = seccomp_version();

	strbuf_addf(buf, "%u.%u.%u", v->major, v->minor, v->micro);
	return buf->data;
}

void version_text(struct strbuf *out)
{
	_cleanup_(strbuf_free) struct strbuf seccomp = { 0 };

	strbuf_addf(out, "orlop version %s\ncommit: %s\nspec: %s\nlibseccomp: %s\n%s", version_orlop,
		    version_commit, OCI_VERSION, version_libseccomp(&seccomp), version_libraries);
}
