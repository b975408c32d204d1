/* Any octets as a token of a fleet. What is read is written in the same way and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fleet/membership.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct membership first, second;
    static struct membership_papers papers, again;
    static char token[MEMBERSHIP_TOKEN_MAX], other[MEMBERSHIP_TOKEN_MAX];
    char *text = xmalloc(size + 1); /* a copy of its own, so that reading beyond it is seen */
    memcpy(text, data, size);
    text[size] = '\0';
    if (membership_token_read(&first, &papers, text, size, NULL) == RESULT_OK) {
        size_t len = membership_token(&first, &papers, token);
        CHECK(membership_token_read(&second, &again, token, len, NULL) == RESULT_OK);
        CHECK(membership_token(&second, &again, other) == len && memcmp(token, other, len) == 0);
    }
    free(text);
    return 0;
}
