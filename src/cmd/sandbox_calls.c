/* sandbox_calls.c - the system calls that the program may make; see sandbox_calls.h.
 *
 * The list is what glibc and we use for files, sockets, memory, threads, time and signals, with the
 * neighbours that another glibc may prefer. What is not on it, and why it matters: execve (no
 * program is ever started), ptrace and process_vm_* (no other process is looked into), mount, bpf,
 * keyctl, kexec, perf_event_open, userfaultfd, setns, unshare, io_uring (nobody here needs them,
 * and faults of kernels have been in them). A call that is not on it fails with ENOSYS, as on a
 * kernel that does not have it: for that libraries have another way, for EPERM they have none.
 */
#include "cmd/sandbox_calls.h"

#include "base/str.h"

#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

/* clang-format off */
static const char *const calls[] = {
    /* files */
    "open", "openat", "openat2", "close", "close_range", "read", "write", "readv", "writev",
    "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "lseek", "_llseek", "stat",
    "stat64", "fstat", "fstat64", "lstat", "lstat64", "newfstatat", "fstatat64", "statx", "statfs",
    "statfs64", "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getcwd", "getdents", "getdents64", "mkdir", "mkdirat", "rmdir", "unlink",
    "unlinkat", "rename", "renameat", "renameat2", "truncate", "truncate64", "ftruncate",
    "ftruncate64", "fallocate", "fsync", "fdatasync", "sync_file_range", "fadvise64",
    "fadvise64_64", "arm_fadvise64_64", "flock", "fcntl", "fcntl64", "fchmod", "fchmodat", "chmod",
    "umask", "dup", "dup2", "dup3", "pipe", "pipe2", "ioctl", "utimensat", "copy_file_range",
    "sendfile", "sendfile64", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    /* sockets and waiting */
    "socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown",
    "getsockname", "getpeername", "getsockopt", "setsockopt", "send", "sendto", "sendmsg",
    "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", "poll", "ppoll", "select", "pselect6",
    "_newselect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "eventfd", "eventfd2", "signalfd4", "timerfd_create", "timerfd_settime",
    "timerfd_gettime",
    /* memory */
    "brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "mlock", "munlock", "msync",
    "membarrier", "memfd_create",
    /* threads and processes, our own */
    "clone", "clone3", "exit", "exit_group", "futex", "futex_time64", "futex_waitv",
    "get_robust_list", "set_robust_list", "set_tid_address", "rseq", "gettid", "getpid", "getppid",
    "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32", "getegid32",
    "getresuid", "getresgid", "getgroups", "getpgrp", "getpgid", "getsid", "getpriority",
    "getrlimit", "ugetrlimit", "getrusage", "times", "sysinfo", "uname", "getcpu", "sched_yield",
    "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_get_priority_max",
    "sched_get_priority_min", "arch_prctl", "prctl", "wait4", "waitid", "restart_syscall",
    "riscv_flush_icache", "cacheflush", "set_thread_area", "get_thread_area", "set_tls",
    /* time, chance, signals */
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "clock_nanosleep",
    "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "getrandom", "getitimer",
    "setitimer", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun",
    "timer_delete", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend",
    "rt_sigpending", "rt_sigtimedwait", "rt_sigtimedwait_time64", "sigaltstack", "sigreturn",
};
/* clang-format on */

/* With this process as their first argument only: signals, and limits (which say 0 for it). */
static const char *const signals[] = { "kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo" };
static const char limits[] = "prlimit64";

size_t sandbox_call_count(void)
{
    return COUNT_OF(calls) + COUNT_OF(signals) + 1;
}

static void allow_about(scmp_filter_ctx filter, const char *name, pid_t process)
{
    const struct scmp_arg_cmp about = { .arg = 0,
                                        .op = SCMP_CMP_EQ,
                                        .datum_a = (scmp_datum_t)process };
    int number = seccomp_syscall_resolve_name(name);
    if (number >= 0)
        (void)seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &about);
}

/* Names that this processor's kernel does not have are left out. */
static void allow_all(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        int number = seccomp_syscall_resolve_name(calls[i]);
        if (number >= 0)
            (void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        allow_about(filter, signals[i], getpid());
    allow_about(filter, limits, 0);
}

bool sandbox_filter_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!filter)
        return false;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a chain */
    allow_all(filter);
    bool loaded = seccomp_load(filter) == 0;
    seccomp_release(filter);
    return loaded;
}
