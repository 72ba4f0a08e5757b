/* program.h - a program that is measured from outside: started, watched through /proc, ended. */
#ifndef BENCH_SUPPORT_PROGRAM_H
#define BENCH_SUPPORT_PROGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Program {
    pid_t pid;
    double start_ms; /* until its port took a connection */
} Program;

typedef struct ProgramStart {
    const char *path;
    const char *config;    /* its --config; NULL: none */
    const char *directory; /* where it runs, and where its output goes: program.log */
    int port;              /* that it will listen on, on 127.0.0.1 */
    unsigned processors;   /* that it may use; 0: all */
} ProgramStart;

/* Ends this program when that is not to be had. */
Program program_start(const ProgramStart *start);
int64_t program_cpu_ns(const Program *program);  /* user and system, all threads, so far */
double program_resident(const Program *program); /* MiB now */
double program_peak(const Program *program);     /* MiB at most so far */
void program_stop(const Program *program);

int free_port(void); /* that nobody listens on now */

#endif
