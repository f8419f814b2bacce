# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion for orlop(8) in bash. Commands, options and the kinds of their values come from the
# program itself: `orlop help --list-options`.

# The containers with which the command can do something.
_orlop_ids() # command
{
	local id status wanted=''
	case $1 in
	create | run | restore) return ;;
	start) wanted=created ;;
	resume) wanted=paused ;;
	pause | exec | checkpoint) wanted=running ;;
	esac
	while read -r id _ status _; do
		[[ ! $wanted || $status == "$wanted" ]] && echo "$id"
	done < <("$program" "${root[@]}" list 2>/dev/null | tail -n +2)
}

_orlop_values() # argument-name current-word
{
	case $1 in
	DIR) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
	ID) mapfile -t COMPREPLY < <(compgen -W "$(_orlop_ids "$command")" -- "$2") ;;
	FILE | PATH) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
	*\|*) mapfile -t COMPREPLY < <(compgen -W "${1//|/ }" -- "$2") ;;
	esac
}

_orlop()
{
	local program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]}
	local command='' expected='' ended='' list word argument who long short value i
	local arguments=() root=() names=() place=0
	local -A takes=()

	COMPREPLY=()
	list=$("$program" help --list-options 2>/dev/null) || return
	# A tab counts as a blank for `read` and would hide empty fields.
	list=${list//$'\t'/$'\037'}

	for ((i = 1; i <= COMP_CWORD; i++)); do
		if [[ $i -eq 1 || $word == "$command" ]]; then
			takes=() names=()
			while IFS=$'\037' read -r who _ long short value _; do
				[[ $who == "$command" && $long ]] || continue
				names+=("$long")
				takes[$long]=$value
				[[ $short ]] && takes[$short]=$value
			done <<<"$list"
		fi
		((i < COMP_CWORD)) || break
		word=${COMP_WORDS[i]}
		if [[ $word == '=' ]]; then
			continue
		elif [[ $expected ]]; then
			[[ $expected == root ]] && root=(--root "$word")
			expected=''
		elif [[ $word == -- && ! $ended ]]; then
			ended=yes
		elif [[ $word == -* && ! $ended ]]; then
			expected=${takes[$word]-}
			[[ $word == --root ]] && expected=root
		elif [[ ! $command ]]; then
			command=$word
			while IFS=$'\037' read -r who long _ _ argument _; do
				[[ $who == "$command" && $long == command ]] && read -ra arguments <<<"$argument"
			done <<<"$list"
		else
			((++place))
			# What follows is for the program in the container, or for ps(1).
			[[ ${arguments[*]} == *...* && ${arguments[*]} != *ID...* ]] && ended=yes
		fi
	done

	[[ $cur == '=' ]] && cur=''
	if [[ $expected ]]; then
		_orlop_values "${expected/root/DIR}" "$cur"
	elif [[ $cur == -* && ! $ended ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${names[*]}" -- "$cur")
	elif [[ ! $command || ${arguments[place]-} == '[COMMAND]' ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(while IFS=$'\037' read -r who long _; do
			[[ $long == command ]] && echo "$who"
		done <<<"$list")" -- "$cur")
	else
		[[ $ended && ${#arguments[@]} -ge 2 && $place -ge ${#arguments[@]} ]] && place=$((${#arguments[@]} - 1))
		[[ ${arguments[*]} == *ID...* ]] && place=0
		case ${arguments[place]-} in
		ID | ID... | '[ID...]') _orlop_values ID "$cur" ;;
		*\|*) _orlop_values "${arguments[place]}" "$cur" ;;
		explain) [[ explain == "$cur"* ]] && COMPREPLY=(explain) ;;
		FILE | '[FILE]') _orlop_values FILE "$cur" ;;
		'[BUNDLE]') _orlop_values DIR "$cur" ;;
		'[SIGNAL]') mapfile -t COMPREPLY < <(compgen -A signal -- "$cur") ;;
		'[COMMAND' | '[ARGUMENT...]]') mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		esac
	fi
}

complete -F _orlop orlop
