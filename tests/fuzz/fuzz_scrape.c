/* Any octets as a text of metrics: each sample has texts of its own and ends within the text. */
#include <stdint.h>
#include <string.h>

#include "tools/scrape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scrape scrape = { .text = NULL };
    struct diag diag = { "" };
    char *text = xmalloc(size + 1);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (scrape_parse(&scrape, text, &diag) != RESULT_OK) {
        ASSERT(diag.text[0] != '\0' && scrape.text == NULL && scrape.count == 0);
        return 0;
    }
    ASSERT(scrape.count <= SCRAPE_SAMPLES);
    for (size_t i = 0; i < scrape.count; i++) {
        const struct scrape_sample *sample = &scrape.samples[i];
        ASSERT(strlen(sample->name) > 0 && sample->label_count <= SCRAPE_LABELS);
        for (size_t j = 0; j < sample->label_count; j++) {
            const struct scrape_label *label = &sample->labels[j];
            ASSERT(strlen(label->name) > 0);
            ASSERT(label->value >= text && label->value + strlen(label->value) <= text + size);
        }
    }
    scrape_free(&scrape);
    return 0;
}
