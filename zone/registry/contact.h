/* The mail address of a member's operator.
 *
 * It goes into headers of mails and into command lines that people paste. So it takes fewer
 * characters than RFC 5321 allows: none that a shell or a mail program reads as more than itself.
 */
#ifndef ZONE_CONTACT_H
#define ZONE_CONTACT_H

#include <stdbool.h>

enum {
    CONTACT_MAX = 254,
    CONTACT_ROOM
};

/* True if the text is one address: 1 to 64 letters, digits or `._+=-`, the first of them a letter
 * or digit, no two dots in a row, then @ and a host name with a dot. */
bool contact_fits(const char *text);

#endif
