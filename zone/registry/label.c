#include "zone/registry/label.h"

#include <string.h>

#include "zone/places/region.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum result label_check(char *out, const char *text, struct diag *diag)
{
    char label[LABEL_ROOM];
    size_t len = strlen(text);
    bool digits = true;
    if (len == 0 || len > LABEL_MAX) {
        return diag_fail(diag, RESULT_INVALID, "the name \"%.80s\" has %zu characters: use 1 to 63",
                         text, len);
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!is_letter(c) && !is_digit(c) && c != '-') {
            return diag_fail(diag, RESULT_INVALID,
                             "the name has a character other than letters, digits and hyphens at "
                             "place %zu: give one label, without the pool's name",
                             i + 1);
        }
        digits = digits && is_digit(c);
        label[i] = (char)(is_letter(c) ? c | 0x20 : c);
    }
    label[len] = '\0';
    if (label[0] == '-' || label[len - 1] == '-' ||
        (len >= 4 && label[2] == '-' && label[3] == '-')) {
        return diag_fail(
            diag, RESULT_INVALID,
            "the name \"%s\" has a hyphen at its start, its end, or at places 3 and 4: "
            "choose another",
            label);
    }
    if (digits) {
        return diag_fail(diag, RESULT_INVALID, "the name \"%s\" is all digits: choose another",
                         label);
    }
    if (region_of_label(label, len) != REGION_NONE) {
        return diag_fail(diag, RESULT_INVALID,
                         "the name \"%s\" is reserved for a region of the pool: choose another",
                         label);
    }
    memcpy(out, label, len + 1);
    return RESULT_OK;
}
