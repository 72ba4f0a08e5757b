/* plugin_host.c - a host program that does what hosts do to a library: unloads plugins that use it,
 * forks, runs another program, gets signals while it exports, and leaves without a good-bye.
 *
 *   plugin_host unload PLUGIN   rounds of dlopen, work, dlclose; then everything is sent
 *   plugin_host exec SELF       runs `SELF inherited` in its place
 *   plugin_host inherited       says which descriptors it found open
 *   plugin_host leave           exit() with telemetry that was never sent
 *   plugin_host signals         a timer's signals while thousands of spans are exported
 */
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { ROUNDS = 40, SPANS = 20000 };

static void die(const char *what)
{
    fprintf(stderr, "plugin_host: %s\n", what);
    exit(1);
}

static void start(void)
{
    CryoError error;
    if (!cryo_start_from_env(&error))
        die(error.text);
}

static void stop(void)
{
    CryoError error;
    if (!cryo_shutdown(10000, &error))
        die(error.text);
}

/* A plugin may be unloaded on another thread than it worked on. */
static void *one_round(void *path)
{
    static int n;
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void (*work)(int) = NULL;
    if (!plugin)
        die(dlerror());
    *(void **)&work = dlsym(plugin, "plugin_work");
    work(n++);
    dlclose(plugin);
    if (dlopen(path, RTLD_NOW | RTLD_NOLOAD))
        die("the plugin is still there");
    return NULL;
}

static int unload(char *path)
{
    start();
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        if (i % 2 == 0) {
            one_round(path);
        } else if (pthread_create(&thread, NULL, one_round, path) || pthread_join(thread, NULL)) {
            die("no thread");
        }
    }
    stop();
    return 0;
}

static int inherited(void)
{
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(directory));) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        if (fd > 2 && fd != dirfd(directory))
            printf("descriptor %d was inherited\n", fd);
    }
    closedir(directory);
    printf("looked\n");
    return 0;
}

/* The worker has its loop and its connection by then. */
static int run_another(char *self)
{
    start();
    cryo_span_end(cryo_span_start("before", NULL));
    (void)cryo_flush(2000, NULL);
    execl(self, self, "inherited", (char *)NULL);
    return 1;
}

static int leave(void)
{
    start();
    for (int i = 0; i < 1000; i++)
        cryo_span_end(cryo_span_start("never sent", NULL));
    exit(0);
}

static volatile sig_atomic_t ticks;

static void on_tick(int number)
{
    (void)number;
    ticks++;
}

static int under_signals(void)
{
    const struct sigaction action = { .sa_handler =
                                          on_tick }; /* no SA_RESTART: calls are broken off */
    const struct itimerval often = { { 0, 200 }, { 0, 200 } };
    start();
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < SPANS; i++) {
        CRYO_SPAN(span, "under fire");
        cryo_span_set(span, CRYO_ATTRS("n", i));
        if (i % 1000 == 0 && !cryo_flush(10000, NULL))
            die("flush");
    }
    stop();
    return ticks > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "unload") && argc > 2)
        return unload(argv[2]);
    if (!strcmp(what, "exec") && argc > 2)
        return run_another(argv[2]);
    if (!strcmp(what, "inherited"))
        return inherited();
    if (!strcmp(what, "leave"))
        return leave();
    if (!strcmp(what, "signals"))
        return under_signals();
    die("what?");
}
