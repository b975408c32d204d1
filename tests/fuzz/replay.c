/* Runs a fuzz target over the given files and folders: the corpus is a plain test in every
 * build. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    INPUT_MAX = 1 << 20
};

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *room = malloc(INPUT_MAX);
    if (file == NULL || room == NULL) {
        perror(path);
        exit(1);
    }
    size_t size = fread(room, 1, INPUT_MAX, file);
    (void)fclose(file);
    /* Allocates exactly `size` octets, so that the address sanitizer detects a read of the first
     * octet behind them. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL) {
        perror(path);
        exit(1);
    }
    for (size_t i = 0; i < size; i++) {
        data[i] = room[i];
    }
    free(room);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static int run_folder(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    if (folder == NULL) {
        perror(path);
        exit(1);
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[4096];
        struct stat status;
        int len = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (len > 0 && (size_t)len < sizeof(name) && stat(name, &status) == 0 &&
            S_ISREG(status.st_mode)) {
            count += run_file(name);
        }
    }
    (void)closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        int folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
        count += folder ? run_folder(argv[i]) : run_file(argv[i]);
    }
    (void)printf("%d inputs\n", count);
    return count > 0 ? 0 : 1; /* an empty corpus is a mistake */
}
