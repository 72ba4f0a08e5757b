/* zpages_extension.c - what runs inside, as plain pages for people.
 *
 *     /debug/servicez     the program, and the account of everything that came in
 *     /debug/pipelinez    a row for each component: what it received, sent, refused, dropped,
 * holds; ?zpipelinename= ?zcomponentname= ?zcomponentkind= leave out the others /debug/extensionz
 * extensions, and where they listen
 *
 * The public Collector's further pages are answered with 404 and a sentence. Everything is read
 * from host_status() when it is asked for.
 */
#include "api/api_answer.h"
#include "extensions/debug_page.h"

#include <cryostorm/version.h>
#include <inttypes.h>

enum { STATUS_MEMORY_MAX = 1 << 20 };

typedef struct Expvar {
    bool enabled;
} Expvar;

typedef struct Zpages {
    Component base;
    ListenSettings listen; /* settings */
    Expvar expvar;
    TextList allowed_hosts;
    Listener listener; /* state */
    int64_t start_ns;
} Zpages;

static const ConfigField expvar_fields[] = {
    BOOL(Expvar, enabled, "false", "The page of variables; true comes later."),
    { 0 },
};

static const ConfigField fields[] = {
    LISTEN_HTTP_ROWS(Zpages, listen, "localhost:55679", "0"),
    TEXT_LIST(Zpages, allowed_hosts, "",
              "Names besides localhost under which browsers may reach it."),
    SECTION(Zpages, expvar, Expvar, expvar_fields, "/debug/expvarz."),
    { 0 },
};

static bool zpages_check(const void *self, Err *err)
{
    const Zpages *zpages = self;
    if (zpages->expvar.enabled)
        return fail(err, ERR_UNSUPPORTED, "expvar.enabled: not supported yet; it comes later");
    return listen_check(&zpages->listen, err);
}

/* --- pieces of pages ------------------------------------------------------------------------- */

static void add_heads(Buf *out, const char *const *names)
{
    buf_add(out, STR("<table border=\"1\">\n<tr>"));
    for (; *names; names++)
        buf_addf(out, "<th>%s</th>", *names);
    buf_add(out, STR("</tr>\n"));
}

static void add_cell(Buf *out, Str text)
{
    buf_add(out, STR("<td>"));
    html_text(out, text);
    buf_add(out, STR("</td>"));
}

static void add_number(Buf *out, uint64_t number)
{
    buf_addf(out, "<td align=\"right\">%" PRIu64 "</td>", number);
}

static void add_fact(Buf *out, Str name, Str text)
{
    buf_add(out, STR("<tr>"));
    add_cell(out, name);
    add_cell(out, text);
    buf_add(out, STR("</tr>\n"));
}

static void add_count(Buf *out, Str name, uint64_t number)
{
    buf_add(out, STR("<tr>"));
    add_cell(out, name);
    add_number(out, number);
    buf_add(out, STR("</tr>\n"));
}

static void add_endpoints(Buf *out, const ComponentStatus *c)
{
    buf_add(out, STR("<td>"));
    for (size_t i = 0; i < c->endpoint_count; i++) {
        html_text(out, str_from(c->endpoints[i].protocol));
        buf_add_byte(out, ' ');
        html_text(out, str_from(c->endpoints[i].address));
        buf_add(out, STR("<br>"));
    }
    buf_add(out, STR("</td>"));
}

static void add_drops(Buf *out, const ComponentStatus *c)
{
    buf_addf(out, "<td>%" PRIu64, c->dropped);
    for (size_t i = 0; i < c->drop_count; i++) {
        buf_addf(out, "<br>%" PRIu64 ": ", c->drops[i].items);
        html_text(out, str_from(c->drops[i].reason));
    }
    buf_add(out, STR("</td>"));
}

static void add_signals(Buf *out, unsigned signals)
{
    static const Signal all[] = { TRACES, METRICS, LOGS };
    buf_add(out, STR("<td>"));
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (signals & all[i])
            buf_addf(out, "%.*s ", STR_ARG(signal_name(all[i])));
    buf_add(out, STR("</td>"));
}

/* --- pages ----------------------------------------------------------------------------------- */

typedef struct Ask {
    Zpages *zpages;
    const GraphStatus *status;
    Str query;
} Ask;

static void write_index(const Ask *ask, Buf *out)
{
    (void)ask;
    buf_add(out, STR("<ul>\n<li><a href=\"/debug/servicez\">servicez</a>: the program\n"
                     "<li><a href=\"/debug/pipelinez\">pipelinez</a>: components of the pipelines\n"
                     "<li><a href=\"/debug/extensionz\">extensionz</a>: extensions\n</ul>\n"));
}

static void write_memory(const BudgetUse *memory, Buf *out)
{
    if (!memory->limit)
        return;
    add_count(out, STR("memory: limit in bytes"), memory->limit);
    add_count(out, STR("memory: held"), memory->used);
    add_count(out, STR("memory: most ever held"), memory->peak);
    add_count(out, STR("memory: times that more was refused"), memory->refused);
    for (size_t i = 0; i < BUDGET_OWNERS; i++) {
        Buf name = BUF(64);
        buf_addf(&name, "memory: by %s", budget_owner_name((BudgetOwner)i));
        add_count(out, buf_str(&name), memory->by_owner[i]);
        buf_free(&name);
    }
}

static void write_service(const Ask *ask, Buf *out)
{
    static const char *const heads[] = { "what", "value", NULL };
    const LedgerCounts *acks = &ask->status->acks;
    Host *host = ask->zpages->base.host;
    int64_t up_ns = clock_wall_ns(host_clock(host)) - ask->zpages->start_ns;
    char since[TIME_TEXT_SIZE];
    add_heads(out, heads);
    add_fact(out, STR("version"), STR("cryostorm " CRYO_VERSION));
    add_fact(out, STR("started"), str_from(time_text(ask->zpages->start_ns, since)));
    add_count(out, STR("seconds since then"), (uint64_t)(up_ns / NANOS_PER_SECOND));
    add_fact(out, STR("pipelines"), host_ready(host) ? STR("running") : STR("not running"));
    add_count(out, STR("items accepted"), acks->items);
    add_count(out, STR("items delivered"), acks->delivered_items);
    add_count(out, STR("items refused for good"), acks->refused_items);
    add_count(out, STR("items given back to be sent again"), acks->returned_items);
    add_count(out, STR("items lost after they were accepted"), acks->lost_items);
    add_count(out, STR("items on their way"), acks->open_items);
    write_memory(&ask->status->memory, out);
    buf_add(out, STR("</table>\n"));
}

/* Has the query no such parameter, or is it this? */
static bool is_asked(Str query, Str parameter, Str text)
{
    Err ignored;
    Buf want = BUF(PARAM_TEXT_MAX);
    ParamResult result = param_text(query, parameter, 0, &want, &ignored);
    bool asked = result == PARAM_NONE || (result == PARAM_FOUND && str_eq(buf_str(&want), text));
    buf_free(&want);
    return asked;
}

static void write_component(const ComponentStatus *c, Buf *out)
{
    buf_add(out, STR("<tr>"));
    add_cell(out, str_from(component_kind_name(c->kind)));
    add_cell(out, c->id);
    add_cell(out, c->pipeline);
    add_signals(out, c->signals);
    add_number(out, c->received);
    add_number(out, c->sent);
    add_number(out, c->refused);
    add_drops(out, c);
    add_number(out, component_held(c));
    add_number(out, c->queued);
    add_endpoints(out, c);
    buf_add(out, STR("</tr>\n"));
}

static void write_pipelines(const Ask *ask, Buf *out)
{
    static const char *const heads[] = { "kind",     "component", "pipeline",   "signals",
                                         "received", "sent",      "refused",    "dropped",
                                         "held",     "queued",    "listens on", NULL };
    add_heads(out, heads);
    for (size_t i = ask->status->count; i-- > 0;) { /* as data flows: receivers first */
        const ComponentStatus *c = &ask->status->components[i];
        Str kind = str_from(component_kind_name(c->kind));
        if (c->kind != EXTENSION && is_asked(ask->query, STR("zpipelinename"), c->pipeline) &&
            is_asked(ask->query, STR("zcomponentname"), c->id) &&
            is_asked(ask->query, STR("zcomponentkind"), kind))
            write_component(c, out);
    }
    buf_add(out, STR("</table>\n"));
}

static void write_extensions(const Ask *ask, Buf *out)
{
    static const char *const heads[] = { "extension", "listens on", NULL };
    add_heads(out, heads);
    for (size_t i = 0; i < ask->status->count; i++) {
        const ComponentStatus *c = &ask->status->components[i];
        if (c->kind != EXTENSION)
            continue;
        buf_add(out, STR("<tr>"));
        add_cell(out, c->id);
        add_endpoints(out, c);
        buf_add(out, STR("</tr>\n"));
    }
    buf_add(out, STR("</table>\n"));
}

static const struct Page {
    Str path;
    void (*write)(const Ask *ask, Buf *out);
} pages[] = {
    { STR_ROW("/debug/servicez"), write_service },
    { STR_ROW("/debug/pipelinez"), write_pipelines },
    { STR_ROW("/debug/extensionz"), write_extensions },
    { STR_ROW("/debug/"), write_index },
    { STR_ROW("/"), write_index },
};

static void show_page(void *owner, Request *request)
{
    Err err;
    Arena *arena = arena_new(STATUS_MEMORY_MAX, &err);
    Ask ask = { .zpages = owner, .query = request_query(request) };
    ask.status = arena ? host_status(ask.zpages->base.host, arena, &err) : NULL;
    Buf page = BUF(DEBUG_PAGE_MAX);
    html_begin(&page, request_path(request));
    for (size_t i = 0; i < COUNT_OF(pages) && ask.status; i++)
        if (str_eq(pages[i].path, request_path(request)))
            pages[i].write(&ask, &page);
    html_end(&page);
    arena_free(arena);
    if (ask.status) {
        debug_answer_page(request, &page);
        return;
    }
    buf_free(&page);
    request_answer_err(request, &err);
}

static void show_nothing(void *owner, Request *request)
{
    static const Str later[] = { STR_ROW("/debug/featurez"), STR_ROW("/debug/tracez"),
                                 STR_ROW("/debug/expvarz") };
    (void)owner;
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        if (str_eq(later[i], request_path(request))) {
            debug_answer_text(request, 404, STR("this page is not there yet; it comes later\n"));
            return;
        }
    }
    debug_answer_text(request, 404, STR("no such page; the index is /debug/\n"));
}

/* --- hooks ----------------------------------------------------------------------------------- */

static bool add_routes(Zpages *zpages, Err *err)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        const Route route = {
            .path = pages[i].path, .methods = STR("GET"), .handle = show_page, .owner = zpages
        };
        if (!server_route(zpages->listener.server, &route, err))
            return false;
    }
    const Route rest = { .path = STR("/*"), .handle = show_nothing };
    return server_route(zpages->listener.server, &rest, err);
}

static bool zpages_start(void *self, Err *err)
{
    Zpages *zpages = self;
    Host *host = zpages->base.host;
    zpages->start_ns = clock_wall_ns(host_clock(host));
    return debug_open(&zpages->listener, &zpages->listen, &zpages->allowed_hosts, host, err) &&
           add_routes(zpages, err) && debug_listen(&zpages->listener, err);
}

static void zpages_stop(void *self)
{
    Zpages *zpages = self;
    listener_close(&zpages->listener);
}

const ComponentType zpages_extension = {
    .name = "zpages",
    .summary = "Plain pages that show what runs inside.",
    .kind = EXTENSION,
    .stability = ALPHA,
    .placement = SINGLE,
    .size = sizeof(Zpages),
    .fields = fields,
    .check = zpages_check,
    .start = zpages_start,
    .stop = zpages_stop,
};
