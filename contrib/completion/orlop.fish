# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for orlop(8) in fish. Commands and options come from the program itself:
# `orlop help --list-options`.

complete -c orlop -f

# The containers in this state, or all.
function __orlop_ids
    orlop list 2>/dev/null | awk -v wanted="$argv[1]" 'NR > 1 && (wanted == "" || $3 == wanted) { print $1 }'
end

function __orlop_ids_for
    switch $argv[1]
        case create run restore
        case start
            __orlop_ids created
        case resume
            __orlop_ids paused
        case pause exec checkpoint
            __orlop_ids running
        case '*'
            __orlop_ids
    end
end

for line in (orlop help --list-options 2>/dev/null)
    set -l field (string split \t -- $line)
    set -l who $field[1]
    if test "$field[2]" = command
        complete -c orlop -n __fish_use_subcommand -a $who -d $field[6]
        complete -c orlop -n '__fish_seen_subcommand_from help' -a $who
        if string match -q -r '^\\[?ID' -- $field[5]
            complete -c orlop -n "__fish_seen_subcommand_from $who" -a "(__orlop_ids_for $who)"
            if string match -q '*SIGNAL*' -- $field[5]
                complete -c orlop -n "__fish_seen_subcommand_from $who" -a '(command kill -l | string split -n " ")'
            end
        else if test $who = seccomp
            complete -c orlop -n "__fish_seen_subcommand_from $who" -F -a explain
        else if test "$field[5]" = FILE
            complete -c orlop -n "__fish_seen_subcommand_from $who" -F
        else if test "$field[5]" = '[BUNDLE]'
            complete -c orlop -n "__fish_seen_subcommand_from $who" -a '(__fish_complete_directories)'
        else if string match -q -r '\\| *[^ ]* ID' -- $field[5]
            complete -c orlop -n "__fish_seen_subcommand_from $who" -F -a (string replace -r ' .*' '' -- $field[5] | string replace -a '|' ' ')
            complete -c orlop -n "__fish_seen_subcommand_from $who" -a "(__orlop_ids_for $who)"
        end
        continue
    end
    set -l rule -c orlop -l (string sub -s 3 -- $field[3]) -d $field[6]
    if test -n "$who"
        set -a rule -n "__fish_seen_subcommand_from $who"
    else
        set -a rule -n __fish_use_subcommand
    end
    test -n "$field[4]"; and set -a rule -s (string sub -s 2 -- $field[4])
    switch $field[5]
        case ''
        case DIR
            set -a rule -x -a '(__fish_complete_directories)'
        case ID
            set -a rule -x -a "(__orlop_ids_for $who)"
        case FILE PATH
            set -a rule -r -F
        case '*|*'
            set -a rule -x -a (string replace -a '|' ' ' -- $field[5])
        case '*'
            set -a rule -x
    end
    complete $rule
end
