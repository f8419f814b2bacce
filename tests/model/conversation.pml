/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The conversation of src/init/protocol.h, for spin(1).  What may be said when is the program's own table (table.c);
 * here is what each side does with it (LOG, which may come at any time, changes nothing and is left out).  Either side may die or be stopped for ever at any moment.
 *
 * Shown: nobody is left waiting for somebody who will not come; who fails takes the other along; and the program of
 * the container never runs before the parent has confirmed it.
 *
 * BREAK_...: one thing left out, for which the check must fail.
 */
#include "table.pml"

bool from_child[ROWS], deadline[ROWS], hooks_may_last[ROWS];
byte msg[ROWS], next[ROWS];
short only_if[ROWS];			/* 9 flags */

/* Sockets hold all that is ever said. */
chan to_child = [8] of { byte };
chan to_parent = [8] of { byte };

short flags;				/* what the plan makes of it */
bool wait_exec;				/* run and exec wait for execve, create does not */
bool p_dead, p_stopped, c_dead, c_stopped;
bool p_over, p_failed, c_over;		/* ended by itself */
bool confirmed, ran;
bool p_waits, p_has_deadline;		/* for the child */
bool p_lasts;				/* it runs hooks there */

/* SIGKILL, also to who is stopped. */
inline kill_child()
{
#ifndef BREAK_KILL
	c_dead = true;
#endif
	skip
}

inline skip_rows(s)
{
	do
	:: s < DONE && only_if[s] != 0 && (only_if[s] & flags) == 0 -> s = next[s]
	:: else -> break
	od
}

inline advance(s)
{
	s = next[s];
	skip_rows(s)
}

#define NEEDS_FILTER(s) (flags & WITH_FILTER && (msg[s] == READY || msg[s] == LISTENER || msg[s] == LISTENER_FD))
#define CHILD_GONE (c_dead || c_over)
#define PARENT_GONE (p_dead || p_over)
#ifdef BREAK_DEADLINE
#define BROKEN(s) ((s) == BREAK_DEADLINE)
#else
#define BROKEN(s) false
#endif
#define HAS_DEADLINE(s) (!BROKEN(s) && (deadline[s] || (hooks_may_last[s] && !(flags & WITH_HOOKS))))

inline done_waiting()
{
	p_waits = false;
	p_has_deadline = false;
	p_lasts = false
}

proctype Parent() provided (!p_dead && !p_stopped)
{
	byte s, m;
	bool filter_sent;

	atomic { s = 0; skip_rows(s) }
	do
	:: s == DONE -> break
	:: flags & WITH_FILTER && !filter_sent && s < DONE ->
		if
		:: CHILD_GONE -> goto failed
		:: else -> to_child!FILTER; filter_sent = true
		fi
	:: s < DONE && !from_child[s] && (msg[s] != PROCEED || !(flags & WITH_FILTER) || filter_sent) ->
		if
		:: goto failed			/* a hook, the agent, what the kernel says of it */
		:: msg[s] == PROCEED -> confirmed = true
		:: msg[s] != PROCEED -> skip
		fi;
		if
		:: CHILD_GONE -> goto failed
		:: else -> atomic { to_child!msg[s]; advance(s) }
		fi
	:: s < DONE && from_child[s] && (!NEEDS_FILTER(s) || filter_sent) ->
		atomic {
			p_lasts = hooks_may_last[s] && flags & WITH_HOOKS;
			p_has_deadline = HAS_DEADLINE(s);
			p_waits = true
		}
		if
		:: atomic { to_parent?m -> done_waiting() }
		:: atomic { CHILD_GONE && empty(to_parent) -> done_waiting(); goto failed }
		:: atomic { timeout && p_has_deadline -> done_waiting(); goto failed }
		fi;
		if
		:: atomic { m == msg[s] -> m = 0; advance(s) }
		:: else -> goto failed
		fi
	od;
	if
	:: !wait_exec -> goto over
	:: atomic { wait_exec -> p_has_deadline = END_HAS_DEADLINE; p_waits = true }
	fi;
	if
	:: atomic { to_parent?m -> done_waiting(); goto failed }
	:: atomic { (ran || CHILD_GONE) && empty(to_parent) -> done_waiting() }
	:: atomic { timeout && p_has_deadline -> done_waiting(); goto failed }
	fi;
	goto over;
failed:
	atomic { kill_child(); p_failed = true; p_over = true }
	goto end;
over:
	p_over = true;
end:
	skip
}

/* Say it, unless nobody listens any more (SIGPIPE). */
inline say(what)
{
	if
	:: atomic { PARENT_GONE -> goto gone }
	:: atomic { !PARENT_GONE -> to_parent!what }
	fi
}

proctype Child() provided (!c_dead && !c_stopped)
{
	byte s, m;
	bool filter_got;

	atomic { s = 0; skip_rows(s) }
	do
	:: s == DONE -> break
	:: s < DONE -> say(ERROR); goto gone		/* whatever it is doing there */
	:: s < DONE && from_child[s] && (!NEEDS_FILTER(s) || filter_got) ->
		say(msg[s]);
		atomic { advance(s) }
#ifdef BREAK_PROCEED
		if
		:: s < DONE && msg[s] == PROCEED -> s = DONE
		:: else -> skip
		fi
#endif
	:: s < DONE && (!from_child[s] || (NEEDS_FILTER(s) && !filter_got)) ->
		if
		:: to_child?m -> skip
#ifndef BREAK_END
		:: PARENT_GONE && empty(to_child) -> goto gone
#endif
		fi;
		if
		:: atomic { m == FILTER && flags & WITH_FILTER && !filter_got -> filter_got = true; m = 0 }
		:: atomic { m != FILTER && !from_child[s] && m == msg[s] -> m = 0; advance(s) }
		:: else -> say(ERROR); goto gone
		fi
	od;
	assert(confirmed);
	ran = true;
#ifdef NEVER_RUNS
	assert(false);
#endif
	goto end;
gone:
	c_over = true;
end:
	skip
}

/* Once, at any moment. */
proctype Fate()
{
	if
	:: p_dead = true
	:: p_stopped = true
	:: c_dead = true
	:: c_stopped = true
	:: skip
	fi
}

/* When nothing moves any more but a deadline. */
proctype Judge()
{
	timeout && !(p_waits && p_has_deadline && !p_dead && !p_stopped);
	/* The parent has ended, unless it cannot: of hooks only their own time limits are one. */
	assert(p_over || p_dead || p_stopped || (p_waits && p_lasts && c_stopped));
	/* Whoever it leaves behind was let go, or cannot move. */
	assert(!p_over || !p_failed || c_dead || c_over);
	assert(!(p_dead || p_over) || CHILD_GONE || c_stopped || ran);
	assert(!ran || confirmed)
}

init {
	fill_table();
	/* any combination that there is: a listener needs a filter, and goes one way */
	select (flags : 0 .. 511);
	if
	:: flags & WITH_LISTENER && flags & WITH_LISTENER_FD -> goto none
	:: flags & (WITH_LISTENER | WITH_LISTENER_FD) && !(flags & WITH_FILTER) -> goto none
	:: else -> skip
	fi;
	if
	:: wait_exec = true
	:: wait_exec = false
	fi;
	atomic { run Parent(); run Child(); run Fate(); run Judge() }
none:
	skip
}
