/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the conversation, as it is compiled into the program, in the words of tests/model/conversation.pml. */
#include <stdio.h>

#include "init/protocol.h"

int main(void)
{
	printf("#define DONE %u\n#define ROWS %zu\n", CS_DONE, conversation_table_len);
	for (unsigned i = 1; i < N_MSG_TYPES; i++)
		printf("#define %s %u\n", message_names[i], i);
	printf("#ifndef END_HAS_DEADLINE\n#define END_HAS_DEADLINE %d\n#endif\n", END_PATIENCE == UNTIL_A_DEADLINE);
	printf("#define WITH_HOOKS %u\n#define WITH_FILTER %u\n#define WITH_LISTENER %u\n#define WITH_LISTENER_FD %u\n",
	       CONV_HOOKS, CONV_FILTER, CONV_LISTENER, CONV_LISTENER_FD);
	printf("inline fill_table()\n{\n\td_step {\n");
	for (size_t i = 0; i < conversation_table_len; i++) {
		const struct conversation_row *row = &conversation_table[i];

		printf("\t\tmsg[%zu] = %u; from_child[%zu] = %d; only_if[%zu] = %u; next[%zu] = %u;\n", i, row->message,
		       i, row->from_child, i, row->only_if, i, row->next);
		printf("\t\tdeadline[%zu] = %d; hooks_may_last[%zu] = %d;\n", i, row->patience == UNTIL_A_DEADLINE, i,
		       row->patience == UNTIL_HOOKS_ARE_DONE);
	}
	printf("\t}\n}\n");
	return 0;
}
