# SPDX-License-Identifier: MIT
# Completion of relfence, relfence-lab and relfence-board for bash. It asks the program for its commands and options
# (--help), so that it knows those of the version that is installed.

# _relfence_words COMMAND...: the options and sub-commands that the help of a command tells, one a line.
_relfence_words() {
    "$@" --help 2>/dev/null | awk '
        /^[A-Z][a-z]+:$/ { section = $1; next }
        /^[^ ]/ || /^$/ { section = "" }
        section == "Options:" && /^  -/ {
            count = split($1, names, ",")
            for (i = 1; i <= count; ++i) {
                sub(/[{].*/, "", names[i])
                print names[i]
            }
        }
        section == "Subcommands:" && /^  [a-z]/ { print $1 }'
}

# _relfence_takes_value OPTION COMMAND...: whether a value follows the option.
_relfence_takes_value() {
    local option=$1
    shift
    "$@" --help 2>/dev/null | awk -v option="$option" '
        /^  -/ {
            count = split($1, names, ",")
            for (i = 1; i <= count; ++i) if (names[i] == option) takes = $2 ~ /^(TEXT|INT|UINT|FLOAT)/
        }
        END { exit !takes }'
}

_relfence() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    # As typed, but that ~ would not be expanded in a variable.
    local -a command=("${COMP_WORDS[0]/#\~/$HOME}")
    local i word words
    words=$(_relfence_words "${command[@]}")
    for ((i = 1; i < COMP_CWORD; ++i)); do
        word=${COMP_WORDS[i]}
        # Another program's words follow, or files.
        if [ "$word" = -- ]; then
            COMPREPLY=()
            return
        fi
        if [[ $word != -* ]] && grep -qxF -- "$word" <<<"$words"; then
            command+=("$word")
            words=$(_relfence_words "${command[@]}")
        fi
    done
    COMPREPLY=()
    if [[ $previous == --device ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "${current:-/dev/video}")
    elif [[ $previous == -* ]] && _relfence_takes_value "$previous" "${command[@]}"; then
        return # a file, which -o default offers
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(grep '^-' <<<"$words")" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -W "$(grep -v '^-' <<<"$words")" -- "$current")
    fi
}
complete -o default -F _relfence relfence relfence-lab relfence-board
