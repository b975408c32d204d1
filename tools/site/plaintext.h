/* Plain text of a command as part of a page, so that both say the same. */
#ifndef TOOLS_PLAINTEXT_H
#define TOOLS_PLAINTEXT_H

#include "tools/site/markup.h"

/* Lines that begin with a number and a dot are headings, lines indented by four spaces are
 * preformatted, other lines are paragraphs, which empty lines separate. */
void plaintext_write(struct markup *m, const char *text);

#endif
