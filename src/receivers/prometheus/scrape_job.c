/* scrape_job.c - see scrape_job.h. */
#include "receivers/prometheus/scrape_job.h"

#include "base/map.h"
#include "base/mem.h"

#include <string.h>

enum { SCRATCH_MAX = 16 << 20, ACCEPT_MAX = 4096 };

struct ScrapeJob {
    JobSettings settings;
    LoopShared shared;
    AskerHome home;
    Relabel *relabel, *metric_relabel;
    Arena *scratch; /* of one sample's new labels */
    Buf joined, made, accept;
    TargetGroups *sources; /* [0]: static_configs; then files, http, dns, as they are written */
    size_t source_count;
    FileDiscovery **files;
    HttpDiscovery **https;
    DnsDiscovery **dns;
    Map loops; /* key -> ScrapeLoop */
    bool closed;
};

/* ---- metric_relabel_configs ---- */

static ScrapeVerdict edit(void *context, Label *labels, size_t *count, size_t cap, Err *err)
{
    ScrapeJob *job = context;
    LabelSet set = { .items = labels,
                     .count = *count,
                     .cap = cap,
                     .arena = job->scratch,
                     .joined = job->joined,
                     .made = job->made };
    arena_reset(job->scratch);
    RelabelResult result = relabel_apply(job->metric_relabel, &set, err);
    job->joined = set.joined;
    job->made = set.made;
    *count = set.count;
    if (result == RELABEL_FAILED)
        return blame(err, "metric_relabel_configs"), SCRAPE_FAIL;
    return result == RELABEL_KEPT ? SCRAPE_KEEP : SCRAPE_DROP;
}

/* ---- targets ---- */

typedef struct Sync {
    ScrapeJob *job;
    PlanJob plan;
    Map now; /* key -> ScrapeLoop: those that are to be there */
    Label *labels;
    size_t label_cap, failed;
} Sync;

static bool add_loop(Sync *sync, TargetPlan *plan, Err *err)
{
    ScrapeJob *job = sync->job;
    if (map_get(&sync->now, plan->key))
        return true;
    ScrapeLoop *loop = map_get(&job->loops, plan->key);
    if (loop)
        return map_put(&sync->now, scrape_loop_key(loop), loop, err);
    loop = scrape_loop_new(&job->shared, plan, err);
    if (!loop)
        return false;
    if (!map_put(&sync->now, scrape_loop_key(loop), loop, err)) {
        scrape_loop_free(loop);
        return false;
    }
    scrape_loop_begin(loop);
    return true;
}

static bool is_short(const Err *err)
{
    return err->kind == ERR_MEMORY || err->kind == ERR_BUSY;
}

static bool add_target(Sync *sync, const TargetGroup *group, Str target, Err *err)
{
    TargetPlan plan;
    ScrapeJob *job = sync->job;
    sync->labels[0] = (Label){ STR("__address__"), target };
    if (group->label_count)
        memcpy(sync->labels + 1, group->labels, group->label_count * sizeof *sync->labels);
    const Labels found = { sync->labels, group->label_count + 1 };
    bool ok = false;
    switch (target_plan_make(&plan, &sync->plan, found, err)) {
    case PLAN_DROPPED: return true;
    case PLAN_MADE: ok = add_loop(sync, &plan, err); break;
    case PLAN_FAILED: break;
    }
    target_plan_done(&plan);
    if (ok || is_short(err))
        return ok;
    if (!sync->failed++)
        host_log(job->settings.host, LOG_WARN, "job %.*s: target %.*s is left out: %s",
                 STR_ARG(job->settings.job->job_name), STR_ARG(target), err->text);
    return true;
}

static bool add_group(Sync *sync, const TargetGroup *group, Err *err)
{
    if (group->label_count + 1 > sync->label_cap) {
        mem_free(sync->labels);
        sync->label_cap = group->label_count + 16;
        sync->labels = MEM_MAKE(Label, sync->label_cap, err);
        if (!sync->labels)
            return sync->label_cap = 0, false;
    }
    for (size_t i = 0; i < group->target_count; i++)
        if (!add_target(sync, group, group->targets[i], err))
            return false;
    return true;
}

static void drop_gone(Sync *sync, bool complete)
{
    ScrapeJob *job = sync->job;
    size_t cursor = 0;
    Err err;
    for (const MapEntry *entry; map_next(&job->loops, &cursor, &entry);) {
        ScrapeLoop *loop = entry->value;
        if (map_get(&sync->now, entry->key))
            continue;
        if (!complete && map_put(&sync->now, scrape_loop_key(loop), loop, &err))
            continue; /* perhaps only not reached */
        scrape_loop_end(loop);
        scrape_loop_free(loop);
    }
    map_free(&job->loops);
    job->loops = sync->now;
}

static void judge_limit(ScrapeJob *job)
{
    uint64_t limit = job->shared.limits.target_limit;
    bool over = limit && job->loops.count > limit;
    if (over && job->shared.refusal.kind == ERR_NONE)
        host_log(job->settings.host, LOG_WARN, "job %.*s: more targets than target_limit",
                 STR_ARG(job->settings.job->job_name));
    job->shared.refusal = (Err){ 0 };
    if (over)
        (void)fail(&job->shared.refusal, ERR_LIMIT,
                   "target_limit exceeded (number of targets: %zu, limit: %llu)", job->loops.count,
                   (unsigned long long)limit);
}

static bool sync_targets(ScrapeJob *job, Err *err)
{
    Purse *purse = budget_purse(host_budget(job->settings.host), BUDGET_CACHES);
    Sync sync = { .job = job,
                  .plan = { job->settings.config, job->settings.job, job->relabel, purse },
                  .now = MAP(TARGETS_MAX) };
    bool ok = true;
    for (size_t s = 0; ok && s < job->source_count; s++)
        for (size_t g = 0; ok && g < job->sources[s].count; g++)
            ok = add_group(&sync, &job->sources[s].items[g], err);
    drop_gone(&sync, ok);
    judge_limit(job);
    mem_free(sync.labels);
    return ok;
}

/* What source number `at` says now; the groups move in. False: ERR_MEMORY or ERR_BUSY, and some
 * targets may be missing until it says something again. */
CHECKED static bool set_source(ScrapeJob *job, size_t at, TargetGroups *groups, Err *err)
{
    TargetGroups old = job->sources[at];
    job->sources[at] = *groups;
    *groups = (TargetGroups){ 0 };
    bool ok = job->closed || sync_targets(job, err);
    target_groups_done(&old);
    return ok;
}

/* ---- sources ---- */

/* static_configs, as one source. */
static bool set_static(ScrapeJob *job, Err *err)
{
    const StaticConfigList *list = &job->settings.job->static_configs;
    TargetGroups groups = { .arena = arena_new(GROUPS_BYTES_MAX, err) };
    if (groups.arena)
        groups.items = ARENA_MAKE(groups.arena, TargetGroup, list->count + 1, err);
    bool ok = groups.items != NULL;
    for (size_t i = 0; ok && i < list->count; i++) {
        const StaticConfig *from = &list->items[i];
        TargetGroup *group = &groups.items[groups.count++];
        group->targets = from->targets.items;
        group->target_count = from->targets.count;
        group->labels = ARENA_MAKE(groups.arena, Label, from->labels.count + 1, err);
        ok = group->labels != NULL;
        for (size_t l = 0; ok && l < from->labels.count; l++)
            group->labels[group->label_count++] =
                (Label){ from->labels.items[l].key, from->labels.items[l].value };
    }
    ok = ok && set_source(job, 0, &groups, err);
    target_groups_done(&groups);
    return ok;
}

static bool found(void *owner, size_t at, TargetGroups *groups, Err *err)
{
    return set_source(owner, at, groups, err);
}

static bool open_discovery(ScrapeJob *job, Err *err)
{
    const ScrapeConfig *config = job->settings.job;
    DiscoverySettings settings = {
        .host = job->settings.host, .job = config->job_name, .found = found, .owner = job, .at = 1
    };
    job->files = MEM_MAKE(FileDiscovery *, config->file_sd_configs.count + 1, err);
    job->https = MEM_MAKE(HttpDiscovery *, config->http_sd_configs.count + 1, err);
    job->dns = MEM_MAKE(DnsDiscovery *, config->dns_sd_configs.count + 1, err);
    bool ok = job->files && job->https && job->dns;
    for (size_t i = 0; ok && i < config->file_sd_configs.count; i++, settings.at++) {
        job->files[i] = file_discovery_new(&settings, &config->file_sd_configs.items[i], err);
        ok = job->files[i] != NULL;
    }
    for (size_t i = 0; ok && i < config->http_sd_configs.count; i++, settings.at++) {
        job->https[i] = http_discovery_new(&settings, &config->http_sd_configs.items[i], err);
        ok = job->https[i] != NULL;
    }
    for (size_t i = 0; ok && i < config->dns_sd_configs.count; i++, settings.at++) {
        job->dns[i] = dns_discovery_new(&settings, &config->dns_sd_configs.items[i], err);
        ok = job->dns[i] != NULL;
    }
    return ok;
}

static void close_discovery(ScrapeJob *job)
{
    const ScrapeConfig *config = job->settings.job;
    for (size_t i = 0; job->files && i < config->file_sd_configs.count; i++)
        file_discovery_free(job->files[i]);
    for (size_t i = 0; job->https && i < config->http_sd_configs.count; i++)
        http_discovery_free(job->https[i]);
    for (size_t i = 0; job->dns && i < config->dns_sd_configs.count; i++)
        dns_discovery_free(job->dns[i]);
    mem_free(job->files);
    mem_free(job->https);
    mem_free(job->dns);
}

/* ---- from beginning to end ---- */

static void share(ScrapeJob *job)
{
    const JobSettings *settings = &job->settings;
    job->shared =
        (LoopShared){ .host = settings->host,
                      .job = settings->job,
                      .limits = scrape_limits_of(settings->config, settings->job),
                      .home = &job->home,
                      .external = settings->external,
                      .start = settings->start,
                      .accept = buf_str(&job->accept),
                      .native = scrape_wants_native(settings->config, settings->job),
                      .also_classic = scrape_wants_classic(settings->config, settings->job),
                      .trim_suffixes = settings->trim_suffixes,
                      .extra_facts = settings->extra_facts ||
                                     scrape_wants_extra(settings->config, settings->job) };
    if (settings->job->metric_relabel_configs.count)
        job->shared.edit = (ScrapeEdit){ edit, job };
}

static bool open_job(ScrapeJob *job, Err *err)
{
    const ScrapeConfig *config = job->settings.job;
    job->accept = BUF(ACCEPT_MAX);
    scrape_accept(job->settings.config, config, &job->accept);
    if (!buf_ok(&job->accept, err))
        return false;
    share(job);
    job->loops = MAP(TARGETS_MAX);
    job->source_count = 1 + config->file_sd_configs.count + config->http_sd_configs.count +
                        config->dns_sd_configs.count;
    job->sources = MEM_MAKE(TargetGroups, job->source_count, err);
    job->scratch = arena_new(SCRATCH_MAX, err);
    if (!job->sources || !job->scratch)
        return false;
    job->relabel = relabel_from_config(&config->relabel_configs, err);
    job->metric_relabel =
        job->relabel ? relabel_from_config(&config->metric_relabel_configs, err) : NULL;
    return job->metric_relabel &&
           asker_home_open(&job->home, &config->http, job->settings.host, config->job_name.ptr,
                           err) &&
           set_static(job, err) && open_discovery(job, err);
}

ScrapeJob *scrape_job_new(const JobSettings *settings, Err *err)
{
    ScrapeJob *job = MEM_MAKE(ScrapeJob, 1, err);
    if (!job)
        return NULL;
    job->settings = *settings;
    if (open_job(job, err))
        return job;
    scrape_job_free(job);
    return NULL;
}

void scrape_job_close(ScrapeJob *job)
{
    size_t cursor = 0;
    job->closed = true;
    for (const MapEntry *entry; map_next(&job->loops, &cursor, &entry);)
        scrape_loop_close(entry->value);
}

void scrape_job_free(ScrapeJob *job)
{
    size_t cursor = 0;
    if (!job)
        return;
    job->closed = true;
    close_discovery(job);
    for (const MapEntry *entry; map_next(&job->loops, &cursor, &entry);)
        scrape_loop_free(entry->value);
    map_free(&job->loops);
    for (size_t i = 0; job->sources && i < job->source_count; i++)
        target_groups_done(&job->sources[i]);
    mem_free(job->sources);
    asker_home_close(&job->home);
    relabel_free(job->relabel);
    relabel_free(job->metric_relabel);
    arena_free(job->scratch);
    buf_free(&job->joined);
    buf_free(&job->made);
    buf_free(&job->accept);
    mem_free(job);
}
