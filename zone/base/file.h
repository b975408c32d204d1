/* Files by their descriptors. */
#ifndef ZONE_FILE_H
#define ZONE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all octets; waits where a non-blocking descriptor takes no more for now. False with
 * errno, after part of them. */
bool file_write_all(int fd, const void *data, size_t len);

#endif
