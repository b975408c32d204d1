#include "zone/base/journald.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "zone/base/printable.h"

enum {
    FACILITY = LOG_DAEMON >> 3
};

int journald_connect(void)
{
    static const struct sockaddr_un journal = { .sun_family = AF_UNIX,
                                                .sun_path = "/run/systemd/journal/socket" };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&journal, sizeof(journal)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

size_t journald_form(char *out, size_t room, const char *program, int priority,
                     const struct log_fields *fields, const char *text)
{
    const struct {
        const char *name, *value;
    } rows[] = { { "NTSPOOL_VANTAGE", fields->vantage },
                 { "NTSPOOL_MEMBER", fields->member },
                 { "NTSPOOL_ADDRESS", fields->address },
                 { "NTSPOOL_FAILURE", fields->failure },
                 { "NTSPOOL_WARNING", fields->warning } };
    size_t used = (size_t)snprintf(out, room,
                                   "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\n"
                                   "SYSLOG_IDENTIFIER=%.64s\n",
                                   text, priority, FACILITY, program);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char value[JOURNALD_VALUE_MAX];
        if (rows[i].value != NULL) {
            used += (size_t)snprintf(out + used, room - used, "%s=%s\n", rows[i].name,
                                     printable_escape(value, sizeof(value), rows[i].value));
        }
    }
    return used;
}
