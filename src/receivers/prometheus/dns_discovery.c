/* dns_discovery.c - dns_sd_configs: targets from DNS records; see discovery.h.
 *
 * The questions block, so a thread of their own asks them, one name after the other, and posts what
 * it heard. A thread cannot be interrupted: who lets go of one that still asks leaves its task to
 * it. A name whose question failed keeps its targets.
 */
#include "receivers/prometheus/discovery.h"

#include "base/mem.h"
#include "base/thread.h"
#include "receivers/prometheus/dns_records.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 1000, ADDRESS_TEXT = DNS_NAME_SIZE + 16 };

static const char *const type_names[] = { "A", "AAAA", "MX", "NS", "SRV", NULL };

const ConfigField dns_discovery_fields[] = {
    TEXT_LIST(DnsDiscoveryConfig, names, "", "The names to look up."),
    CHOICE(DnsDiscoveryConfig, type, "SRV", type_names, "The kind of records."),
    COUNT(DnsDiscoveryConfig, port, "0", "0", "65535",
          "The targets' port, where records say none (all but SRV)."),
    DURATION(DnsDiscoveryConfig, refresh_interval, "30s", "1s", "8760h",
             "How often names are looked up."),
    { 0 },
};

bool dns_discovery_check(const DnsDiscoveryConfig *config, Err *err)
{
    if (!config->names.count)
        return fail(err, ERR_INPUT, "names: is needed");
    if (config->names.count > NAMES_MAX)
        return fail(err, ERR_LIMIT, "names: more than %d", NAMES_MAX);
    for (size_t i = 0; i < config->names.count; i++)
        if (!config->names.items[i].len || config->names.items[i].len >= DNS_NAME_SIZE - 1)
            return fail(err, ERR_INPUT, "names: \"%.*s\" is no name",
                        STR_ARG(str_first(config->names.items[i], 60)));
    return config->type == DNS_SRV || config->port ||
           fail(err, ERR_INPUT, "port: is needed for records that are not SRV");
}

typedef struct Heard {
    char name[DNS_NAME_SIZE];
    bool ok;
    Err err;
    DnsRecord *records;
    size_t count;
} Heard;

typedef struct Task { /* of the thread until it is posted */
    Loop *loop;
    DnsDiscovery *discovery;
    DnsType type;
    Heard *heard;
    size_t count;
    Post post;
    Mutex mutex; /* guards the rest */
    bool posted, abandoned;
} Task;

struct DnsDiscovery {
    DiscoverySettings settings;
    const DnsDiscoveryConfig *config;
    TargetGroups *parts; /* one per name */
    Task *task;          /* NULL: nothing is asked now */
    Timer timer;
    bool told;
};

static void task_free(Task *task)
{
    if (!task)
        return;
    for (size_t i = 0; task->heard && i < task->count; i++)
        mem_free(task->heard[i].records);
    mem_free(task->heard);
    mutex_done(&task->mutex);
    mem_free(task);
}

/* ---- on the thread ---- */

static void ask_name(Heard *heard, DnsType type, DnsRecord *scratch)
{
    DnsRecords records = { .items = scratch };
    heard->ok = dns_records_ask(&records, heard->name, type, &heard->err);
    if (!heard->ok || !records.count)
        return;
    heard->records = MEM_MAKE(DnsRecord, records.count, &heard->err);
    heard->ok = heard->records != NULL;
    if (heard->ok) {
        memcpy(heard->records, scratch, records.count * sizeof *scratch);
        heard->count = records.count;
    }
}

static void ask_all(Task *task)
{
    Err err = { 0 };
    DnsRecord *scratch = MEM_MAKE(DnsRecord, DNS_RECORDS_MAX, &err);
    for (size_t i = 0; i < task->count; i++) {
        task->heard[i].err = err;
        if (scratch)
            ask_name(&task->heard[i], task->type, scratch);
    }
    mem_free(scratch);
}

static void run(void *argument)
{
    Task *task = argument;
    ask_all(task);
    mutex_lock(&task->mutex);
    bool abandoned = task->abandoned;
    task->posted = true;
    if (!abandoned)
        loop_post(task->loop, &task->post);
    mutex_unlock(&task->mutex);
    if (abandoned)
        task_free(task);
}

/* ---- what was heard ---- */

typedef struct Kind {
    const char *target_label; /* NULL: none */
} Kind;

static const Kind kinds[] = {
    [DNS_A] = { NULL },
    [DNS_AAAA] = { NULL },
    [DNS_MX] = { "__meta_dns_mx_record_target" },
    [DNS_NS] = { "__meta_dns_ns_record_target" },
    [DNS_SRV] = { "__meta_dns_srv_record_target" },
};

static bool put(TargetGroups *groups, TargetGroup *group, const char *name, Str value, Err *err)
{
    Label *label = &group->labels[group->label_count++];
    label->name = str_from(name);
    return arena_copy(groups->arena, value, &label->value, err);
}

/* An address in brackets where it has colons, a name without its last dot. */
static Str address_of(const DnsDiscovery *discovery, const DnsRecord *record, char *out)
{
    Str name = str_from(record->name);
    bool six = str_contains(name, STR(":"));
    unsigned port =
        discovery->config->type == DNS_SRV ? record->port : (unsigned)discovery->config->port;
    if (str_ends(name, STR(".")))
        name.len--;
    snprintf(out, ADDRESS_TEXT, "%s%.*s%s:%u", six ? "[" : "", STR_ARG(name), six ? "]" : "", port);
    return str_from(out);
}

enum { DNS_LABELS = 3 };

static bool add_record(const DnsDiscovery *discovery, TargetGroups *groups, const Heard *heard,
                       const DnsRecord *record, Err *err)
{
    char text[ADDRESS_TEXT];
    TargetGroup *group = &groups->items[groups->count++];
    const char *label = kinds[discovery->config->type].target_label;
    group->targets = ARENA_MAKE(groups->arena, Str, 1, err);
    group->labels = ARENA_MAKE(groups->arena, Label, DNS_LABELS, err);
    if (!group->targets || !group->labels)
        return false;
    group->target_count = 1;
    if (!arena_copy(groups->arena, address_of(discovery, record, text), &group->targets[0], err) ||
        !put(groups, group, "__meta_dns_name", str_from(heard->name), err) ||
        (label && !put(groups, group, label, str_from(record->name), err)))
        return false;
    if (discovery->config->type != DNS_SRV)
        return true;
    snprintf(text, sizeof text, "%u", record->port);
    return put(groups, group, "__meta_dns_srv_record_port", str_from(text), err);
}

static bool make_part(const DnsDiscovery *discovery, const Heard *heard, TargetGroups *out,
                      Err *err)
{
    Purse *purse = budget_purse(host_budget(discovery->settings.host), BUDGET_CACHES);
    *out = (TargetGroups){ 0 };
    bool ok = target_groups_begin(out, purse, err);
    if (ok)
        out->items = ARENA_MAKE(out->arena, TargetGroup, heard->count + 1, err);
    ok = ok && out->items;
    for (size_t i = 0; ok && i < heard->count; i++)
        ok = add_record(discovery, out, heard, &heard->records[i], err);
    if (!ok)
        target_groups_done(out);
    return ok;
}

static bool publish(DnsDiscovery *discovery, Err *err)
{
    const DiscoverySettings *settings = &discovery->settings;
    Purse *purse = budget_purse(host_budget(settings->host), BUDGET_CACHES);
    TargetGroups all = { 0 };
    bool ok = target_groups_begin(&all, purse, err);
    for (size_t i = 0; ok && i < discovery->config->names.count; i++)
        ok = target_groups_add(&all, &discovery->parts[i], err);
    ok = ok && settings->found(settings->owner, settings->at, &all, err);
    target_groups_done(&all);
    return ok;
}

static void tell(DnsDiscovery *discovery, const Err *err)
{
    const DiscoverySettings *settings = &discovery->settings;
    if (err && !discovery->told)
        host_log(settings->host, LOG_WARN,
                 "job %.*s: dns_sd_configs: %s (its targets stay as they were)",
                 STR_ARG(settings->job), err->text);
    if (!err && discovery->told)
        host_log(settings->host, LOG_INFO, "job %.*s: dns_sd_configs: names are found again",
                 STR_ARG(settings->job));
    discovery->told = err != NULL;
}

static void take(DnsDiscovery *discovery, const Task *task)
{
    Err err = { 0 };
    bool ok = true;
    for (size_t i = 0; i < task->count; i++) {
        TargetGroups part;
        const Heard *heard = &task->heard[i];
        Err why = heard->err;
        if (heard->ok && make_part(discovery, heard, &part, &why)) {
            target_groups_done(&discovery->parts[i]);
            discovery->parts[i] = part;
        } else {
            ok = false;
            err = why;
        }
    }
    Err why;
    if (!publish(discovery, &why)) {
        ok = false;
        err = why;
    }
    tell(discovery, ok ? NULL : &err);
}

static void deliver(void *owner)
{
    Task *task = owner;
    mutex_lock(&task->mutex); /* its thread may still be inside of loop_post() */
    mutex_unlock(&task->mutex);
    task->discovery->task = NULL;
    take(task->discovery, task);
    task_free(task);
}

/* ---- asking ---- */

static Task *task_new(DnsDiscovery *discovery, Err *err)
{
    const TextList *names = &discovery->config->names;
    Task *task = MEM_MAKE(Task, 1, err);
    if (!task)
        return NULL;
    mutex_init(&task->mutex);
    task->loop = host_loop(discovery->settings.host);
    task->discovery = discovery;
    task->type = (DnsType)discovery->config->type;
    task->post = (Post){ .run = deliver, .owner = task };
    task->heard = MEM_MAKE(Heard, names->count, err);
    if (!task->heard) {
        task_free(task);
        return NULL;
    }
    task->count = names->count;
    for (size_t i = 0; i < names->count; i++)
        snprintf(task->heard[i].name, DNS_NAME_SIZE, "%.*s", STR_ARG(names->items[i]));
    return task;
}

static bool ask(DnsDiscovery *discovery, Err *err)
{
    Thread thread = { 0 };
    Task *task = task_new(discovery, err);
    if (!task)
        return false;
    discovery->task = task;
    if (host_is_stepped(discovery->settings.host)) {
        run(task);
        return true;
    }
    if (!thread_start(&thread, "cryo-dns", run, task, err)) {
        discovery->task = NULL;
        task_free(task);
        return false;
    }
    thread_detach(&thread);
    return true;
}

static void fire(void *owner)
{
    DnsDiscovery *discovery = owner;
    Loop *loop = host_loop(discovery->settings.host);
    Err err;
    timer_set(loop, &discovery->timer, loop_now(loop) + discovery->config->refresh_interval);
    if (!discovery->task && !ask(discovery, &err))
        tell(discovery, &err);
}

DnsDiscovery *dns_discovery_new(const DiscoverySettings *settings, const DnsDiscoveryConfig *config,
                                Err *err)
{
    DnsDiscovery *discovery = MEM_MAKE(DnsDiscovery, 1, err);
    if (!discovery)
        return NULL;
    discovery->settings = *settings;
    discovery->config = config;
    discovery->timer = (Timer){ .fire = fire, .owner = discovery };
    discovery->parts = MEM_MAKE(TargetGroups, config->names.count, err);
    if (!discovery->parts) {
        mem_free(discovery);
        return NULL;
    }
    fire(discovery);
    return discovery;
}

static void let_go(Task *task)
{
    mutex_lock(&task->mutex);
    bool posted = task->posted;
    task->abandoned = true;
    mutex_unlock(&task->mutex);
    if (!posted)
        return;
    loop_unpost(task->loop, &task->post);
    task_free(task);
}

void dns_discovery_free(DnsDiscovery *discovery)
{
    if (!discovery)
        return;
    timer_cancel(host_loop(discovery->settings.host), &discovery->timer);
    if (discovery->task)
        let_go(discovery->task);
    for (size_t i = 0; i < discovery->config->names.count; i++)
        target_groups_done(&discovery->parts[i]);
    mem_free(discovery->parts);
    mem_free(discovery);
}
