# cmake -D FROM=style.css -D TO=stylesheet.c -P embed.cmake: makes the stylesheet a C string.
file(READ ${FROM} octets HEX)
string(REGEX REPLACE "(..)" "0x\\1," octets ${octets})
file(WRITE ${TO} "#include \"tools/site/stylesheet.h\"\n\nconst char style_css[] = { ${octets}0 };\n")
