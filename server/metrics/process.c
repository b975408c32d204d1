#include "server/metrics/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "zone/base/clock.h"

void process_open(struct process *process)
{
    process->memory = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    process->descriptors = opendir("/proc/self/fd");
    process->started_at = (double)clock_now();
}

void process_close(struct process *process)
{
    if (process->memory >= 0) {
        (void)close(process->memory);
    }
    if (process->descriptors != NULL) {
        (void)closedir(process->descriptors);
    }
}

static void write_memory(struct openmetrics *om, int file)
{
    char text[128] = "", *end = text;
    if (file < 0 || pread(file, text, sizeof(text) - 1, 0) <= 0) {
        return;
    }
    double page = (double)sysconf(_SC_PAGESIZE);
    double virtual = (double)strtoull(text, &end, 10) * page;
    double resident = (double)strtoull(end, NULL, 10) * page;
    openmetrics_single(om, OPENMETRICS_GAUGE, "process_virtual_memory_bytes",
                       "Virtual memory size.", virtual);
    openmetrics_single(om, OPENMETRICS_GAUGE, "process_resident_memory_bytes",
                       "Resident memory size.", resident);
}

static void write_descriptors(struct openmetrics *om, DIR *directory)
{
    struct rlimit limit;
    size_t count = 0;
    if (directory == NULL) {
        return;
    }
    rewinddir(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    openmetrics_single(om, OPENMETRICS_GAUGE, "process_open_fds", "Open file descriptors.",
                       (double)count);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        openmetrics_single(om, OPENMETRICS_GAUGE, "process_max_fds",
                           "File descriptors that may be open.", (double)limit.rlim_cur);
    }
}

void process_write(struct openmetrics *om, const struct process *process)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        double seconds = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec;
        double rest = (double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec;
        openmetrics_single(om, OPENMETRICS_COUNTER, "process_cpu_seconds_total",
                           "CPU time in user and kernel mode.", seconds + rest / 1e6);
    }
    openmetrics_single(om, OPENMETRICS_GAUGE, "process_start_time_seconds",
                       "When the process started, in Unix seconds.", process->started_at);
    write_memory(om, process->memory);
    write_descriptors(om, process->descriptors);
}
