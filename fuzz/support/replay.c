/* replay.c - feeds the files of a corpus to a fuzz target, without libFuzzer.
 *
 * Every test run does this under every compiler and sanitizer, so that an input which once hurt a
 * decoder never hurts it again. Each input is copied to the end of a heap block of its exact size:
 * one byte read past it is seen by the address sanitizer. A corpus without files is an error.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* the target's */

#define INPUT_MAX (1U << 20) /* libFuzzer's own inputs are far smaller */

static int replay_file(const char *path)
{
    static uint8_t scratch[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 0;
    }
    size_t size = fread(scratch, 1, sizeof scratch, file);
    int whole = feof(file);
    fclose(file);
    uint8_t *exact = malloc(size ? size : 1);
    if (!whole || !exact) {
        fprintf(stderr, "%s: larger than %u bytes, or no memory\n", path, INPUT_MAX);
        free(exact);
        return 0;
    }
    memcpy(exact, scratch, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    DIR *folder = opendir(argv[1]);
    if (!folder) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    unsigned count = 0;
    int sound = 1;
    for (struct dirent *entry; sound && (entry = readdir(folder)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        int len = snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        sound = len > 0 && (size_t)len < sizeof path && replay_file(path);
        count += (unsigned)sound;
    }
    closedir(folder);
    const char *name = strrchr(argv[1], '/');
    printf("counts: fuzz %s: %u inputs replayed\n", name ? name + 1 : argv[1], count);
    return sound && count > 0 ? 0 : 1;
}
