/* program.c - see program.h. */
#include "support/program.h"

#include "base/attributes.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_MAX_MS = 30000, STOP_MAX_MS = 10000, LOOK_NS = 500000 };

_Noreturn static void die(const char *what)
{
    perror(what);
    exit(1);
}

static struct sockaddr_in local(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static bool takes_connections(int port)
{
    struct sockaddr_in to = local(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool taken = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return taken;
}

int free_port(void)
{
    struct sockaddr_in at = local(0);
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("a free port");
    close(fd);
    return ntohs(at.sin_port);
}

static void bind_to(unsigned processors)
{
    cpu_set_t may, set;
    CPU_ZERO(&set);
    if (!processors || sched_getaffinity(0, sizeof may, &may) != 0)
        return;
    for (size_t cpu = 0; cpu < CPU_SETSIZE && processors; cpu++) {
        if (!CPU_ISSET(cpu, &may))
            continue;
        CPU_SET(cpu, &set);
        processors--;
    }
    (void)sched_setaffinity(0, sizeof set, &set);
}

_Noreturn static void become(const ProgramStart *start)
{
    char *argv[] = { strdup(start->path), NULL, NULL, NULL };
    if (start->config) {
        argv[1] = strdup("--config");
        argv[2] = strdup(start->config);
    }
    bind_to(start->processors);
    if (chdir(start->directory) != 0)
        die(start->directory);
    int log = open("program.log", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        die("program.log");
    execv(argv[0], argv);
    die(start->path);
}

Program program_start(const ProgramStart *start)
{
    int64_t began = clock_mono_ns(clock_system());
    Program program = { .pid = fork() };
    if (program.pid < 0)
        die("fork");
    if (program.pid == 0)
        become(start);
    while (!takes_connections(start->port)) {
        program.start_ms = (double)(clock_mono_ns(clock_system()) - began) / 1e6;
        if (program.start_ms > START_MAX_MS || waitpid(program.pid, NULL, WNOHANG) != 0) {
            fprintf(stderr, "%s did not start; see %s/program.log\n", start->path,
                    start->directory);
            exit(1);
        }
        clock_sleep_ns(LOOK_NS);
    }
    program.start_ms = (double)(clock_mono_ns(clock_system()) - began) / 1e6;
    return program;
}

int64_t program_cpu_ns(const Program *program)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(program->pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        die("its processor time");
    return used.tv_sec * NANOS_PER_SECOND + used.tv_nsec;
}

static double status_mib(const Program *program, const char *key)
{
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)program->pid);
    FILE *file = fopen(path, "r");
    if (!file)
        die(path);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtod(line + strlen(key), NULL);
    }
    fclose(file);
    return kib / 1024;
}

double program_resident(const Program *program)
{
    return status_mib(program, "VmRSS:");
}

double program_peak(const Program *program)
{
    return status_mib(program, "VmHWM:");
}

void program_stop(const Program *program)
{
    int64_t waited_ns = 0;
    kill(program->pid, SIGTERM);
    while (waitpid(program->pid, NULL, WNOHANG) == 0) {
        clock_sleep_ns(NANOS_PER_MILLI);
        waited_ns += NANOS_PER_MILLI;
        if (waited_ns == STOP_MAX_MS * NANOS_PER_MILLI)
            kill(program->pid, SIGKILL);
    }
}
