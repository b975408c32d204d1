# bash completion for ntspool and its daemons: the program itself says what may follow. -*- shell-script -*-

_ntspool()
{
    local cur words cword
    _get_comp_words_by_ref -n =: cur words cword || return
    local i line value
    local -a lines
    # Takes the quotes off the words before, unless bash would do more than that.
    for ((i = 1; i < cword; i++)); do
        if [[ ${words[i]} != *[\$\`\<\>\(\)\;\|\&]* ]]; then
            eval "words[i]=${words[i]}" 2>/dev/null
        fi
    done
    mapfile -t lines < <("$1" __complete "${words[@]:1:cword}" 2>/dev/null; echo $?)
    if [[ ${lines[-1]} == 3 ]]; then # names of files
        compopt -o default
    fi
    unset 'lines[-1]'
    COMPREPLY=()
    for line in "${lines[@]}"; do
        value=${line%%$'\t'*}
        case $cur in
        \'*) value=${value//\'/"'\\''"} ;;
        \"*)
            value=${value//\\/\\\\} value=${value//\"/\\\"} value=${value//\$/\\\$} value=${value//\`/\\\`}
            ;;
        *) printf -v value %q "$value" ;;
        esac
        if [[ $value == "${cur#[\'\"]}"* ]]; then
            COMPREPLY+=("$value")
        fi
    done
    # bash replaces only what follows the last = or colon.
    if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${cur%%=*}="}")
    fi
    __ltrim_colon_completions "$cur"
} &&
    complete -F _ntspool ntspool ntspoold ntspool-probed ntspool-feedd
