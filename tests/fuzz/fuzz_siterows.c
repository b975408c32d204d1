/* Fuzz target: what a site remembers of its files (`.state`). What is read consists of paths below
 * the directory, and is read the same again once it is written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/site/siterows.h"
#include "zone/base/result.h"
#include "zone/base/splitmix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct siterows *rows)
{
    struct siterows again = { 0 };
    struct markup text = { 0 };
    siterows_write(&text, rows);
    CHECK(siterows_read(&again, text.text, text.len));
    CHECK(again.count == rows->count && again.edition == rows->edition);
    CHECK(strcmp(again.apex, rows->apex) == 0);
    for (size_t i = 0; i < rows->count; i++) {
        CHECK(strcmp(again.list[i].subject, rows->list[i].subject) == 0);
        CHECK(again.list[i].count == rows->list[i].count);
        for (size_t j = 0; j < rows->list[i].count; j++) {
            CHECK(siterows_is_path(rows->list[i].files[j]));
            CHECK(strcmp(again.list[i].files[j], rows->list[i].files[j]) == 0);
        }
    }
    siterows_done(&again);
    markup_done(&text);
}

/* The text with the sum at its end that it must have: it would keep all changed inputs out. */
static void seal(struct markup *out, const char *text)
{
    size_t len = strlen(text);
    uint64_t sum = len;
    for (size_t i = 0; i < len; i++) {
        splitmix_add(&sum, (unsigned char)text[i]);
    }
    markup_raw(out, text);
    markup_put(out, "end %016llx\n", (unsigned long long)sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct siterows rows = { 0 };
    struct markup text = { 0 };
    char *input = xmalloc(size + 1);
    memcpy(input, data, size);
    input[size] = 0;
    seal(&text, input);
    if (siterows_read(&rows, input, size) || siterows_read(&rows, text.text, text.len)) {
        check_again(&rows);
    }
    siterows_done(&rows);
    markup_done(&text);
    free(input);
    return 0;
}
