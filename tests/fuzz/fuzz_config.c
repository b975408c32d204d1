/* Any octets as a configuration file: it is accepted, or refused with a reason. */
#include "tests/fuzz/input_file.h"
#include "zone/registry/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t length_of_all(char *const *list, unsigned count)
{
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) {
        len += strlen(list[i]);
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct diag diag = { "" };
    if (config_load(&config, input_file(data, size), &diag) != RESULT_OK) {
        ASSERT(config == NULL && diag.text[0] != '\0');
        return 0;
    }
    size_t len = length_of_all(config->listen, config->listen_count) +
                 length_of_all(config->locations, config->locations_count) +
                 length_of_all(config->reference, config->reference_count);
    ASSERT(len <= 4 * size + 4096); /* a short escape can stand for four octets of UTF-8 */
    config_free(config);
    return 0;
}
