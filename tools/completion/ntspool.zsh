#compdef ntspool ntspoold ntspool-probed ntspool-feedd
# zsh completion: the program itself says what may follow.

local text line files
local -a values
text=$(${(Q)words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)
files=$?
for line in ${(f)text}; do
    values+=("${${${line%%$'\t'*}//\\/\\\\}//:/\\:}:${line#*$'\t'}")
done
if (( files == 3 )); then
    _files
fi
_describe -V value values
