#include "zone/places/position.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PARTS = 10000,
    LATITUDE_MAX = 90 * PARTS,
    LONGITUDE_MAX = 180 * PARTS
};

bool position_of_parts(struct position *out, int32_t latitude, int32_t longitude)
{
    if (latitude < -LATITUDE_MAX || latitude > LATITUDE_MAX || longitude < -LONGITUDE_MAX ||
        longitude > LONGITUDE_MAX) {
        return false;
    }
    *out =
        (struct position){ (float)(latitude / (double)PARTS), (float)(longitude / (double)PARTS) };
    return true;
}

void position_parts(struct position position, int32_t *latitude, int32_t *longitude)
{
    *latitude = (int32_t)lrint((double)position.latitude * PARTS);
    *longitude = (int32_t)lrint((double)position.longitude * PARTS);
}

/* Reads `[-+]D[.D]`; strtod alone would take other forms. Returns the end, or NULL. */
static const char *read_degrees(const char *text, double *out)
{
    size_t len = strspn(text, "+-");
    len = len > 1 ? 0 : len;
    size_t whole = strspn(text + len, "0123456789");
    size_t rest = text[len + whole] == '.' ? 1 + strspn(text + len + whole + 1, "0123456789") : 0;
    if (whole == 0 || whole > 3 || rest == 1) {
        return NULL;
    }
    *out = strtod(text, NULL);
    return text + len + whole + rest;
}

enum result position_parse(struct position *out, const char *text)
{
    double latitude = 0, longitude = 0;
    const char *at = read_degrees(text, &latitude);
    if (at == NULL || *at != ',') {
        return RESULT_INVALID;
    }
    at++;
    at = read_degrees(at + (*at == ' '), &longitude);
    if (at == NULL || *at != '\0') {
        return RESULT_INVALID;
    }
    return position_of_parts(out, (int32_t)lrint(latitude * PARTS),
                             (int32_t)lrint(longitude * PARTS))
               ? RESULT_OK
               : RESULT_INVALID;
}

char *position_text(struct position position, char *out)
{
    int32_t latitude = 0, longitude = 0;
    position_parts(position, &latitude, &longitude);
    (void)snprintf(out, POSITION_TEXT_MAX, "%.4f,%.4f", latitude / (double)PARTS,
                   longitude / (double)PARTS);
    return out;
}
