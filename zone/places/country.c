/* The table is made from Debian's tzdata (public domain): for each country of zone.tab the mean of
 * its places' unit vectors. The continent is the area of its zones, or GeoNames' where an area
 * spans several. Added by hand: BV and HM, which have no zone, and XK, a user-assigned code that
 * location files use for Kosovo. */
#include "zone/places/country.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct country countries[] = {
    { "AD", "EU", { 42.50F, 1.52F } },
    { "AE", "AS", { 25.30F, 55.30F } },
    { "AF", "AS", { 34.52F, 69.20F } },
    { "AG", "NA", { 17.05F, -61.80F } },
    { "AI", "NA", { 18.20F, -63.07F } },
    { "AL", "EU", { 41.33F, 19.83F } },
    { "AM", "AS", { 40.18F, 44.50F } },
    { "AO", "AF", { -8.80F, 13.23F } },
    { "AQ", "AN", { -82.90F, 67.05F } },
    { "AR", "SA", { -33.63F, -65.90F } },
    { "AS", "OC", { -14.27F, -170.70F } },
    { "AT", "EU", { 48.22F, 16.33F } },
    { "AU", "OC", { -33.22F, 142.78F } },
    { "AW", "NA", { 12.50F, -69.97F } },
    { "AX", "EU", { 60.10F, 19.95F } },
    { "AZ", "AS", { 40.38F, 49.85F } },
    { "BA", "EU", { 43.87F, 18.42F } },
    { "BB", "NA", { 13.10F, -59.62F } },
    { "BD", "AS", { 23.72F, 90.42F } },
    { "BE", "EU", { 50.83F, 4.33F } },
    { "BF", "AF", { 12.37F, -1.52F } },
    { "BG", "EU", { 42.68F, 23.32F } },
    { "BH", "AS", { 26.38F, 50.58F } },
    { "BI", "AF", { -3.38F, 29.37F } },
    { "BJ", "AF", { 6.48F, 2.62F } },
    { "BL", "NA", { 17.88F, -62.85F } },
    { "BM", "NA", { 32.28F, -64.77F } },
    { "BN", "AS", { 4.93F, 114.92F } },
    { "BO", "SA", { -16.50F, -68.15F } },
    { "BQ", "NA", { 12.15F, -68.28F } },
    { "BR", "SA", { -8.58F, -50.71F } },
    { "BS", "NA", { 25.08F, -77.35F } },
    { "BT", "AS", { 27.47F, 89.65F } },
    { "BV", "AN", { -54.43F, 3.40F } },
    { "BW", "AF", { -24.65F, 25.92F } },
    { "BY", "EU", { 53.90F, 27.57F } },
    { "BZ", "NA", { 17.50F, -88.20F } },
    { "CA", "NA", { 57.90F, -93.31F } },
    { "CC", "AS", { -12.17F, 96.92F } },
    { "CD", "AF", { -8.03F, 21.33F } },
    { "CF", "AF", { 4.37F, 18.58F } },
    { "CG", "AF", { -4.27F, 15.28F } },
    { "CH", "EU", { 47.38F, 8.53F } },
    { "CI", "AF", { 5.32F, -4.03F } },
    { "CK", "OC", { -21.23F, -159.77F } },
    { "CL", "SA", { -41.15F, -82.20F } },
    { "CM", "AF", { 4.05F, 9.70F } },
    { "CN", "AS", { 38.74F, 106.00F } },
    { "CO", "SA", { 4.60F, -74.08F } },
    { "CR", "NA", { 9.93F, -84.08F } },
    { "CU", "NA", { 23.13F, -82.37F } },
    { "CV", "AF", { 14.92F, -23.52F } },
    { "CW", "NA", { 12.18F, -69.00F } },
    { "CX", "OC", { -10.42F, 105.72F } },
    { "CY", "EU", { 35.14F, 33.66F } },
    { "CZ", "EU", { 50.08F, 14.43F } },
    { "DE", "EU", { 50.12F, 10.91F } },
    { "DJ", "AF", { 11.60F, 43.15F } },
    { "DK", "EU", { 55.67F, 12.58F } },
    { "DM", "NA", { 15.30F, -61.40F } },
    { "DO", "NA", { 18.47F, -69.90F } },
    { "DZ", "AF", { 36.78F, 3.05F } },
    { "EC", "SA", { -1.54F, -84.72F } },
    { "EE", "EU", { 59.42F, 24.75F } },
    { "EG", "AF", { 30.05F, 31.25F } },
    { "EH", "AF", { 27.15F, -13.20F } },
    { "ER", "AF", { 15.33F, 38.88F } },
    { "ES", "EU", { 34.91F, -8.43F } },
    { "ET", "AF", { 9.03F, 38.70F } },
    { "FI", "EU", { 60.17F, 24.97F } },
    { "FJ", "OC", { -18.13F, 178.42F } },
    { "FK", "SA", { -51.70F, -57.85F } },
    { "FM", "OC", { 6.59F, 157.67F } },
    { "FO", "EU", { 62.02F, -6.77F } },
    { "FR", "EU", { 48.87F, 2.33F } },
    { "GA", "AF", { 0.38F, 9.45F } },
    { "GB", "EU", { 51.51F, -0.13F } },
    { "GD", "NA", { 12.05F, -61.75F } },
    { "GE", "AS", { 41.72F, 44.82F } },
    { "GF", "SA", { 4.93F, -52.33F } },
    { "GG", "EU", { 49.45F, -2.54F } },
    { "GH", "AF", { 5.55F, -0.22F } },
    { "GI", "EU", { 36.13F, -5.35F } },
    { "GL", "NA", { 72.96F, -40.68F } },
    { "GM", "AF", { 13.47F, -16.65F } },
    { "GN", "AF", { 9.52F, -13.72F } },
    { "GP", "NA", { 16.23F, -61.53F } },
    { "GQ", "AF", { 3.75F, 8.78F } },
    { "GR", "EU", { 37.97F, 23.72F } },
    { "GS", "AN", { -54.27F, -36.53F } },
    { "GT", "NA", { 14.63F, -90.52F } },
    { "GU", "OC", { 13.47F, 144.75F } },
    { "GW", "AF", { 11.85F, -15.58F } },
    { "GY", "SA", { 6.80F, -58.17F } },
    { "HK", "AS", { 22.28F, 114.15F } },
    { "HM", "AN", { -53.10F, 73.51F } },
    { "HN", "NA", { 14.10F, -87.22F } },
    { "HR", "EU", { 45.80F, 15.97F } },
    { "HT", "NA", { 18.53F, -72.33F } },
    { "HU", "EU", { 47.50F, 19.08F } },
    { "ID", "AS", { -3.56F, 118.98F } },
    { "IE", "EU", { 53.33F, -6.25F } },
    { "IL", "AS", { 31.78F, 35.22F } },
    { "IM", "EU", { 54.15F, -4.47F } },
    { "IN", "AS", { 22.53F, 88.37F } },
    { "IO", "AS", { -7.33F, 72.42F } },
    { "IQ", "AS", { 33.35F, 44.42F } },
    { "IR", "AS", { 35.67F, 51.43F } },
    { "IS", "EU", { 64.15F, -21.85F } },
    { "IT", "EU", { 41.90F, 12.48F } },
    { "JE", "EU", { 49.18F, -2.11F } },
    { "JM", "NA", { 17.97F, -76.79F } },
    { "JO", "AS", { 31.95F, 35.93F } },
    { "JP", "AS", { 35.65F, 139.74F } },
    { "KE", "AF", { -1.28F, 36.82F } },
    { "KG", "AS", { 42.90F, 74.60F } },
    { "KH", "AS", { 11.55F, 104.92F } },
    { "KI", "OC", { 0.17F, -172.01F } },
    { "KM", "AF", { -11.68F, 43.27F } },
    { "KN", "NA", { 17.30F, -62.72F } },
    { "KP", "AS", { 39.02F, 125.75F } },
    { "KR", "AS", { 37.55F, 126.97F } },
    { "KW", "AS", { 29.33F, 47.98F } },
    { "KY", "NA", { 19.30F, -81.38F } },
    { "KZ", "AS", { 48.14F, 59.70F } },
    { "LA", "AS", { 17.97F, 102.60F } },
    { "LB", "AS", { 33.88F, 35.50F } },
    { "LC", "NA", { 14.02F, -61.00F } },
    { "LI", "EU", { 47.15F, 9.52F } },
    { "LK", "AS", { 6.93F, 79.85F } },
    { "LR", "AF", { 6.30F, -10.78F } },
    { "LS", "AF", { -29.47F, 27.50F } },
    { "LT", "EU", { 54.68F, 25.32F } },
    { "LU", "EU", { 49.60F, 6.15F } },
    { "LV", "EU", { 56.95F, 24.10F } },
    { "LY", "AF", { 32.90F, 13.18F } },
    { "MA", "AF", { 33.65F, -7.58F } },
    { "MC", "EU", { 43.70F, 7.38F } },
    { "MD", "EU", { 47.00F, 28.83F } },
    { "ME", "EU", { 42.43F, 19.27F } },
    { "MF", "NA", { 18.07F, -63.08F } },
    { "MG", "AF", { -18.92F, 47.52F } },
    { "MH", "OC", { 8.12F, 169.27F } },
    { "MK", "EU", { 41.98F, 21.43F } },
    { "ML", "AF", { 12.65F, -8.00F } },
    { "MM", "AS", { 16.78F, 96.17F } },
    { "MN", "AS", { 48.22F, 99.27F } },
    { "MO", "AS", { 22.20F, 113.54F } },
    { "MP", "OC", { 15.20F, 145.75F } },
    { "MQ", "NA", { 14.60F, -61.08F } },
    { "MR", "AF", { 18.10F, -15.95F } },
    { "MS", "NA", { 16.72F, -62.22F } },
    { "MT", "EU", { 35.90F, 14.52F } },
    { "MU", "AF", { -20.17F, 57.50F } },
    { "MV", "AS", { 4.17F, 73.50F } },
    { "MW", "AF", { -15.78F, 35.00F } },
    { "MX", "NA", { 25.93F, -102.29F } },
    { "MY", "AS", { 2.37F, 106.02F } },
    { "MZ", "AF", { -25.97F, 32.58F } },
    { "NA", "AF", { -22.57F, 17.10F } },
    { "NC", "OC", { -22.27F, 166.45F } },
    { "NE", "AF", { 13.52F, 2.12F } },
    { "NF", "OC", { -29.05F, 167.97F } },
    { "NG", "AF", { 6.45F, 3.40F } },
    { "NI", "NA", { 12.15F, -86.28F } },
    { "NL", "EU", { 52.37F, 4.90F } },
    { "NO", "EU", { 59.92F, 10.75F } },
    { "NP", "AS", { 27.72F, 85.32F } },
    { "NR", "OC", { -0.52F, 166.92F } },
    { "NU", "OC", { -19.02F, -169.92F } },
    { "NZ", "OC", { -40.49F, 178.88F } },
    { "OM", "AS", { 23.60F, 58.58F } },
    { "PA", "NA", { 8.97F, -79.53F } },
    { "PE", "SA", { -12.05F, -77.05F } },
    { "PF", "OC", { -16.65F, -141.39F } },
    { "PG", "OC", { -7.88F, 151.38F } },
    { "PH", "AS", { 14.59F, 120.97F } },
    { "PK", "AS", { 24.87F, 67.05F } },
    { "PL", "EU", { 52.25F, 21.00F } },
    { "PM", "NA", { 47.05F, -56.33F } },
    { "PN", "OC", { -25.07F, -130.08F } },
    { "PR", "NA", { 18.47F, -66.11F } },
    { "PS", "AS", { 31.52F, 34.78F } },
    { "PT", "EU", { 36.55F, -17.26F } },
    { "PW", "OC", { 7.33F, 134.48F } },
    { "PY", "SA", { -25.27F, -57.67F } },
    { "QA", "AS", { 25.28F, 51.53F } },
    { "RE", "AF", { -20.87F, 55.47F } },
    { "RO", "EU", { 44.43F, 26.10F } },
    { "RS", "EU", { 44.83F, 20.50F } },
    { "RU", "EU", { 62.97F, 90.49F } },
    { "RW", "AF", { -1.95F, 30.07F } },
    { "SA", "AS", { 24.63F, 46.72F } },
    { "SB", "OC", { -9.53F, 160.20F } },
    { "SC", "AF", { -4.67F, 55.47F } },
    { "SD", "AF", { 15.60F, 32.53F } },
    { "SE", "EU", { 59.33F, 18.05F } },
    { "SG", "AS", { 1.28F, 103.85F } },
    { "SH", "AF", { -15.92F, -5.70F } },
    { "SI", "EU", { 46.05F, 14.52F } },
    { "SJ", "EU", { 78.00F, 16.00F } },
    { "SK", "EU", { 48.15F, 17.12F } },
    { "SL", "AF", { 8.50F, -13.25F } },
    { "SM", "EU", { 43.92F, 12.47F } },
    { "SN", "AF", { 14.67F, -17.43F } },
    { "SO", "AF", { 2.07F, 45.37F } },
    { "SR", "SA", { 5.83F, -55.17F } },
    { "SS", "AF", { 4.85F, 31.62F } },
    { "ST", "AF", { 0.33F, 6.73F } },
    { "SV", "NA", { 13.70F, -89.20F } },
    { "SX", "NA", { 18.05F, -63.05F } },
    { "SY", "AS", { 33.50F, 36.30F } },
    { "SZ", "AF", { -26.30F, 31.10F } },
    { "TC", "NA", { 21.47F, -71.13F } },
    { "TD", "AF", { 12.12F, 15.05F } },
    { "TF", "AN", { -49.35F, 70.22F } },
    { "TG", "AF", { 6.13F, 1.22F } },
    { "TH", "AS", { 13.75F, 100.52F } },
    { "TJ", "AS", { 38.58F, 68.80F } },
    { "TK", "OC", { -9.37F, -171.23F } },
    { "TL", "OC", { -8.55F, 125.58F } },
    { "TM", "AS", { 37.95F, 58.38F } },
    { "TN", "AF", { 36.80F, 10.18F } },
    { "TO", "OC", { -21.13F, -175.20F } },
    { "TR", "AS", { 41.02F, 28.97F } },
    { "TT", "NA", { 10.65F, -61.52F } },
    { "TV", "OC", { -8.52F, 179.22F } },
    { "TW", "AS", { 25.05F, 121.50F } },
    { "TZ", "AF", { -6.80F, 39.28F } },
    { "UA", "EU", { 47.71F, 32.40F } },
    { "UG", "AF", { 0.32F, 32.42F } },
    { "UM", "OC", { 23.96F, 174.35F } },
    { "US", "NA", { 47.28F, -104.48F } },
    { "UY", "SA", { -34.91F, -56.21F } },
    { "UZ", "AS", { 40.51F, 68.03F } },
    { "VA", "EU", { 41.90F, 12.45F } },
    { "VC", "NA", { 13.15F, -61.23F } },
    { "VE", "SA", { 10.50F, -66.93F } },
    { "VG", "NA", { 18.45F, -64.62F } },
    { "VI", "NA", { 18.35F, -64.93F } },
    { "VN", "AS", { 10.75F, 106.67F } },
    { "VU", "OC", { -17.67F, 168.42F } },
    { "WF", "OC", { -13.30F, -176.17F } },
    { "WS", "OC", { -13.83F, -171.73F } },
    { "XK", "EU", { 42.67F, 21.17F } },
    { "YE", "AS", { 12.75F, 45.20F } },
    { "YT", "AF", { -12.78F, 45.23F } },
    { "ZA", "AF", { -26.25F, 28.00F } },
    { "ZM", "AF", { -15.42F, 28.28F } },
    { "ZW", "AF", { -17.83F, 31.05F } },
};
/* clang-format on */

/* Codes have two letters. strcmp would be called a million times in a large pool. */
static int compare(const void *key, const void *row)
{
    const char *code = key, *other = ((const struct country *)row)->code;
    int order = code[0] - other[0];
    order = order != 0 ? order : code[1] - other[1];
    return order != 0 ? order : code[2];
}

const struct country *country_find(const char *code)
{
    return bsearch(code, countries, sizeof(countries) / sizeof(countries[0]), sizeof(countries[0]),
                   compare);
}

const struct country *country_all(size_t *count)
{
    *count = sizeof(countries) / sizeof(countries[0]);
    return countries;
}

/* Codes that people type for a country with another code, or for no country. */
static const char *hint_of(const char code[3])
{
    static const struct {
        const char *code, *hint;
    } hints[] = {
        { "UK", ": the United Kingdom is GB" },
        { "EL", ": Greece is GR" },
        { "EU", ": the European Union is none; take the country where the server is" },
        { "AP", ": a region is none; take the country where the server is" },
    };
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strcmp(hints[i].code, code) == 0) {
            return hints[i].hint;
        }
    }
    return "";
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool country_code(char out[3], const char *text)
{
    if (strlen(text) != 2 || !is_letter(text[0]) || !is_letter(text[1])) {
        return false;
    }
    out[0] = (char)(text[0] & ~0x20);
    out[1] = (char)(text[1] & ~0x20);
    out[2] = '\0';
    return true;
}

enum result country_parse(char out[3], const char *text, struct diag *diag)
{
    char code[3];
    if (!country_code(code, text)) {
        return diag_fail(diag, RESULT_INVALID,
                         "a country takes the two letters of ISO 3166, not \"%.80s\"", text);
    }
    if (country_find(code) == NULL) {
        return diag_fail(diag, RESULT_INVALID, "%s is no country of ISO 3166%s", code,
                         hint_of(code));
    }
    memcpy(out, code, sizeof(code));
    return RESULT_OK;
}
