/* footprint.c - what the program takes before it does anything: time to start, memory when idle.
 *
 *     footprint PROGRAM CONFIG      in a directory of its own, below TMPDIR
 *
 * Once with CONFIG, which is the built-in configuration with every port replaced by a free one, and
 * once as a collector that only passes on.
 */
#include "base/attributes.h"
#include "base/clock.h"
#include "support/program.h"
#include "support/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 7, SETTLE_MS = 500, PATH_SIZE = 256, TEXT_SIZE = 16384 };

static const char collector[] =
    "receivers: { otlp: { protocols: { grpc: { endpoint: 127.0.0.1:4317 } } } }\n"
    "processors: { batch: {} }\n"
    "exporters: { otlp: { endpoint: 'http://127.0.0.1:4318', tls: { insecure: true } } }\n"
    "service:\n"
    "  telemetry: { metrics: { level: none } }\n"
    "  pipelines: { traces: { receivers: [otlp], processors: [batch], exporters: [otlp] } }\n";

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void read_file(const char *path, char text[TEXT_SIZE])
{
    FILE *file = fopen(path, "r");
    if (!file)
        die(path);
    size_t len = fread(text, 1, TEXT_SIZE - 1, file);
    text[len] = 0;
    fclose(file);
}

/* Returns the first port, which is that of the receiver. */
static int write_with_free_ports(const char *path, const char *text)
{
    static const char host[] = "127.0.0.1:";
    int first = 0;
    FILE *file = fopen(path, "w");
    if (!file)
        die(path);
    for (const char *at = strstr(text, host); at; at = strstr(text, host)) {
        int port = free_port();
        first = first ? first : port;
        at += strlen(host);
        fprintf(file, "%.*s%d", (int)(at - text), text, port);
        text = at + strspn(at, "0123456789");
    }
    fputs(text, file);
    fclose(file);
    return first;
}

static void measure(const char *name, const char *program, const char *text)
{
    char config[] = "footprint.yaml", row[64], directory[PATH_SIZE], path[PATH_SIZE + 32];
    double start_ms[ROUNDS], idle[ROUNDS];
    if (!getcwd(directory, sizeof directory))
        die("the directory");
    snprintf(path, sizeof path, "%s/%s", directory, config);
    for (size_t i = 0; i < ROUNDS; i++) {
        const ProgramStart start = { .path = program,
                                     .config = path,
                                     .directory = directory,
                                     .port = write_with_free_ports(path, text) };
        Program running = program_start(&start);
        clock_sleep_ns(SETTLE_MS * NANOS_PER_MILLI);
        start_ms[i] = running.start_ms;
        idle[i] = program_resident(&running);
        program_stop(&running);
    }
    snprintf(row, sizeof row, "%s: start", name);
    row_print(&(Row){ row, "ms", spread_of(start_ms, ROUNDS), "goal: 100" });
    snprintf(row, sizeof row, "%s: idle, resident", name);
    row_print(&(Row){ row, "MiB", spread_of(idle, ROUNDS), "goal: 15" });
}

int main(int argc, char **argv)
{
    char text[TEXT_SIZE], directory[PATH_SIZE];
    const char *under = getenv("TMPDIR");
    char *program = argc == 3 ? realpath(argv[1], NULL) : NULL;
    if (!program) {
        fprintf(stderr, "usage: footprint PROGRAM CONFIG\n");
        return 2;
    }
    read_file(argv[2], text);
    snprintf(directory, sizeof directory, "%s/footprint_XXXXXX", under ? under : "/tmp");
    if (!mkdtemp(directory) || chdir(directory) != 0)
        die(directory);
    measure("built-in configuration", program, text);
    measure("as a collector", program, collector);
    free(program);
    return 0;
}
