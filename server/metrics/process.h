/* The process_* metrics, of the names and meanings that all exporters share. */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include <dirent.h>

#include "zone/base/openmetrics.h"

/* Opened before the process gives up its rights: the files can't be opened later. */
struct process {
    int memory;        /* /proc/self/statm; -1: can't be read */
    DIR *descriptors;  /* /proc/self/fd; NULL: can't be read */
    double started_at; /* Unix seconds */
};

void process_open(struct process *process);
void process_close(struct process *process);
void process_write(struct openmetrics *om, const struct process *process);

#endif
