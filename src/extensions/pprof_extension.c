/* pprof_extension.c - the index of profiles, at the address that profilers know.
 *
 * There are no profiles yet: the index says so, and asking for one is answered with 501. Settings
 * that would need one are refused. What remains is that configurations of the public Collector
 * load, and that nobody takes silence for an empty profile.
 */
#include "extensions/debug_page.h"

typedef struct Pprof {
    Component base;
    ListenSettings listen; /* settings */
    Str save_to_file;
    int64_t block_profile_fraction, mutex_profile_fraction;
    TextList allowed_hosts;
    Listener listener; /* state */
} Pprof;

static bool check_file(Str text, Err *err)
{
    return !text.len || fail(err, ERR_UNSUPPORTED, "profiles: not supported yet; they come later");
}

static const ConfigField fields[] = {
    LISTEN_HTTP_ROWS(Pprof, listen, "localhost:1777", "0"),
    TEXT_LIST(Pprof, allowed_hosts, "",
              "Names besides localhost under which browsers may reach it."),
    INT(Pprof, block_profile_fraction, "0", NULL, NULL,
        "0: no profile of waiting; others come later."),
    INT(Pprof, mutex_profile_fraction, "0", NULL, NULL,
        "0: no profile of locks; others come later."),
    TEXT(Pprof, save_to_file, "", "Empty: no profile of the whole run; others come later.",
         .check = check_file),
    { 0 },
};

static bool pprof_check(const void *self, Err *err)
{
    const Pprof *pprof = self;
    if (pprof->block_profile_fraction > 0)
        return fail(err, ERR_UNSUPPORTED,
                    "block_profile_fraction: profiles: not supported yet; they come later");
    if (pprof->mutex_profile_fraction > 0)
        return fail(err, ERR_UNSUPPORTED,
                    "mutex_profile_fraction: profiles: not supported yet; they come later");
    return listen_check(&pprof->listen, err);
}

static void show_index(void *owner, Request *request)
{
    (void)owner;
    Buf page = BUF(DEBUG_PAGE_MAX);
    html_begin(&page, STR("/debug/pprof/"));
    buf_add(&page, STR("<p>There are no profiles yet. Meanwhile perf(1) works on this program as "
                       "on any other.</p>\n"));
    html_end(&page);
    debug_answer_page(request, &page);
}

static void show_profile(void *owner, Request *request)
{
    (void)owner;
    debug_answer_text(request, 501, STR("profiles are not there yet; they come later\n"));
}

static void show_nothing(void *owner, Request *request)
{
    (void)owner;
    debug_answer_text(request, 404, STR("no such page; the index is /debug/pprof/\n"));
}

static bool add_routes(Pprof *pprof, Err *err)
{
    const Route routes[] = {
        { .path = STR("/debug/pprof/"), .methods = STR("GET"), .handle = show_index },
        { .path = STR("/debug/pprof"), .methods = STR("GET"), .handle = show_index },
        { .path = STR("/debug/pprof/*"), .handle = show_profile },
        { .path = STR("/*"), .handle = show_nothing },
    };
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        if (!server_route(pprof->listener.server, &routes[i], err))
            return false;
    return true;
}

static bool pprof_start(void *self, Err *err)
{
    Pprof *pprof = self;
    return debug_open(&pprof->listener, &pprof->listen, &pprof->allowed_hosts, pprof->base.host,
                      err) &&
           add_routes(pprof, err) && debug_listen(&pprof->listener, err);
}

static void pprof_stop(void *self)
{
    Pprof *pprof = self;
    listener_close(&pprof->listener);
}

const ComponentType pprof_extension = {
    .name = "pprof",
    .summary = "The index of profiles; there are none yet.",
    .kind = EXTENSION,
    .stability = ALPHA,
    .placement = SINGLE,
    .size = sizeof(Pprof),
    .fields = fields,
    .check = pprof_check,
    .start = pprof_start,
    .stop = pprof_stop,
};
