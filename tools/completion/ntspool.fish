# fish completion for ntspool and its daemons: the program itself says what may follow.

function __ntspool_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] __complete $words[2..] $current 2>/dev/null
    if test $status -eq 3
        __fish_complete_path $current
    end
end

complete -c (string replace -r '\.fish$' '' (status basename)) -f -a '(__ntspool_complete)'
