/* Any text as the site's file of shares: what is read of it reads back the same once written. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/site/sharecountries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sharecountries shares = { 0 }, again = { 0 };
    struct markup m = { 0 };
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    sharecountries_read(&shares, text);
    sharecountries_write(&m, &shares);
    for (size_t i = 0; i < shares.count; i++) {
        const struct sharecountries_row *row = &shares.rows[i];
        ASSERT(i == 0 || strcmp(shares.rows[i - 1].label, row->label) < 0);
        ASSERT(row->count <= MEMBERSHARE_COUNTRIES && row->expected >= 0 && row->expected <= 1);
        ASSERT(sharecountries_find(&shares, row->label) == row);
    }
    sharecountries_read(&again, m.text);
    ASSERT(again.count <= shares.count);
    sharecountries_done(&shares);
    sharecountries_done(&again);
    markup_done(&m);
    free(text);
    return 0;
}
