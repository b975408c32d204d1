#include "tools/site/sitetable.h"

#include <stdbool.h>

void sitetable_begin(struct markup *m, const char *caption, const char *const *heads, size_t count)
{
    markup_put(
        m, "<div class=\"scroll\" tabindex=\"0\">\n<table>\n<caption>%s</caption>\n<thead>\n<tr>",
        caption);
    for (size_t i = 0; i < count; i++) {
        bool number = heads[i][0] == '#';
        markup_raw(m, number ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">");
        markup_put(m, "%s</th>", heads[i] + number);
    }
    markup_raw(m, "</tr>\n</thead>\n<tbody>\n");
}

void sitetable_end(struct markup *m)
{
    markup_raw(m, "</tbody>\n</table>\n</div>\n");
}
