/* hostmetrics_receiver.c - tells of the machine it runs on, every collection_interval.
 *
 *     timer -> scraper thread: files of /proc to OTLP -> loop: on to the pipelines
 *
 * Reading may wait (a file system whose server is gone), so it has a thread of its own, and a
 * machine that is slower than the interval is asked less often. What cannot be read is told once,
 * and again when all of its scraper can; the rest goes on.
 */
#include "base/thread.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "pipe/host.h"
#include "receivers/hostmetrics/host_scrape.h"

#include <stdio.h>

enum { SCRAPE_MAX = 64 << 20 }; /* bytes of one look */

typedef struct HostMetricsReceiver {
    Component base;
    int64_t collection_interval, initial_delay, timeout; /* settings */
    Str root_path;
    ScrapersSettings scrapers;
    Timer timer; /* state: the loop's */
    Post scraped;
    bool started, looking, told_slow, told_refused;
    ScrapeReport told;
    ScrapePast past; /* the thread's, which looks */
    Thread thread;
    Mutex mutex; /* guards the rest */
    Cond wake;
    bool wanted, stops;
    Batch *batch; /* what was found; NULL: nothing, or trouble says why */
    Err trouble;
    ScrapeReport report;
} HostMetricsReceiver;

static bool check_root(Str text, Err *err)
{
    return !text.len || str_starts(text, STR("/")) ||
           fail(err, ERR_INPUT, "root_path must start with /");
}

static const ConfigField fields[] = {
    DURATION(HostMetricsReceiver, collection_interval, "1m", "1ms", "24h", "How often to look."),
    DURATION(HostMetricsReceiver, initial_delay, "1s", "0s", "24h", "How soon to look at first."),
    TEXT(HostMetricsReceiver, root_path, "", "Where the machine's files are: /hostfs.",
         .check = check_root, .path = READS_DIRECTORY),
    SECTION(HostMetricsReceiver, scrapers, ScrapersSettings, scrapers_fields, "What to look at."),
    DURATION(HostMetricsReceiver, timeout, "0s", "0s", "24h",
             "What a look has not read by then is left out; 0: it takes its time."),
    IGNORED("metadata_collection_interval", "there is no metadata to collect"),
    { 0 },
};

static bool receiver_check(const void *self, Err *err)
{
    return scrapers_check(&((const HostMetricsReceiver *)self)->scrapers, err);
}

static bool receiver_looks_into_processes(const void *settings)
{
    return scrapers_look_into_processes(&((const HostMetricsReceiver *)settings)->scrapers);
}

/* --- looking --------------------------------------------------------------------------------- */

typedef struct Look { /* what one look found, before it is shared */
    Batch *batch;
    Err trouble;
    ScrapeReport report;
} Look;

static void look(HostMetricsReceiver *receiver, Look *out)
{
    Host *host = receiver->base.host;
    Str root = receiver->root_path;
    while (str_ends(root, STR("/")))
        root.len--;
    const ScrapeWish wish = {
        .scrapers = &receiver->scrapers,
        .past = &receiver->past,
        .disk = host_disk(host),
        .clock = host_clock(host),
        .root_path = root,
        .timeout_ns = receiver->timeout,
    };
    Buf bytes = BUF(SCRAPE_MAX);
    *out = (Look){ 0 };
    if (host_scrape(&wish, &bytes, &out->report, &out->trouble) && bytes.len)
        out->batch = batch_from_bytes(METRICS, &bytes, &out->trouble);
    buf_free(&bytes);
}

static void tell_trouble(Host *host, const Trouble *trouble)
{
    char others[64] = "";
    if (trouble->times > 1)
        snprintf(others, sizeof others, " (and %llu more)", (unsigned long long)trouble->times - 1);
    host_log(host, LOG_WARN, "Error scraping metrics scraper=%s error=%s%s",
             scraper_name(trouble->scraper), trouble->why.text, others);
}

static void tell_scrapers(HostMetricsReceiver *receiver, const ScrapeReport *report)
{
    Host *host = receiver->base.host;
    for (size_t i = 0; i < report->count; i++)
        if (!scrape_report_has(&receiver->told, &report->items[i]))
            tell_trouble(host, &report->items[i]);
    for (int i = 0; i < SCRAPERS; i++)
        if (scrape_report_about(&receiver->told, (ScraperId)i) &&
            !scrape_report_about(report, (ScraperId)i))
            host_log(host, LOG_INFO, "scraper %s works again", scraper_name((ScraperId)i));
    receiver->told = *report;
}

static bool send_on(HostMetricsReceiver *receiver, Batch *batch, Err *err)
{
    Host *host = receiver->base.host;
    Ack *ack = host_ack_new(host, batch_item_count(batch), &(AckWish){ 0 }, err);
    if (!ack)
        return false;
    if (host_send(host, &(Parcel){ batch, ack }, err))
        return true;
    ack_fail(ack, err);
    return false;
}

static void tell_found(HostMetricsReceiver *receiver, Look *found)
{
    tell_scrapers(receiver, &found->report);
    bool lost = found->batch ? !send_on(receiver, found->batch, &found->trouble)
                             : found->trouble.kind != ERR_NONE;
    if (lost && !receiver->told_refused)
        host_log(receiver->base.host, LOG_WARN, "what was found is lost: %s", found->trouble.text);
    receiver->told_refused = lost;
    batch_unref(found->batch);
}

/* --- between loop and thread ----------------------------------------------------------------- */

static void run_scraper_thread(void *argument)
{
    HostMetricsReceiver *receiver = argument;
    mutex_lock(&receiver->mutex);
    for (;;) {
        while (!receiver->wanted && !receiver->stops)
            cond_wait(&receiver->wake, &receiver->mutex);
        if (receiver->stops)
            break;
        receiver->wanted = false;
        mutex_unlock(&receiver->mutex);
        Look found;
        look(receiver, &found);
        mutex_lock(&receiver->mutex);
        receiver->batch = found.batch;
        receiver->trouble = found.trouble;
        receiver->report = found.report;
        loop_post(host_loop(receiver->base.host), &receiver->scraped);
    }
    mutex_unlock(&receiver->mutex);
}

static void take_found(void *owner)
{
    HostMetricsReceiver *receiver = owner;
    mutex_lock(&receiver->mutex);
    Look found = { receiver->batch, receiver->trouble, receiver->report };
    receiver->batch = NULL;
    mutex_unlock(&receiver->mutex);
    receiver->looking = false;
    tell_found(receiver, &found);
}

static void ask(HostMetricsReceiver *receiver)
{
    if (!receiver->thread.started) {
        Look found;
        look(receiver, &found);
        tell_found(receiver, &found);
        return;
    }
    receiver->looking = true;
    mutex_lock(&receiver->mutex);
    receiver->wanted = true;
    cond_signal(&receiver->wake);
    mutex_unlock(&receiver->mutex);
}

static void look_is_due(void *owner)
{
    HostMetricsReceiver *receiver = owner;
    Loop *loop = host_loop(receiver->base.host);
    timer_set(loop, &receiver->timer, loop_now(loop) + receiver->collection_interval);
    if (!receiver->looking) {
        receiver->told_slow = false;
        ask(receiver);
        return;
    }
    if (!receiver->told_slow)
        host_log(receiver->base.host, LOG_WARN, "a look takes longer than collection_interval");
    receiver->told_slow = true;
}

/* --- hooks ----------------------------------------------------------------------------------- */

static bool receiver_start(void *self, Err *err)
{
    HostMetricsReceiver *receiver = self;
    Host *host = receiver->base.host;
    Loop *loop = host_loop(host);
    receiver->timer = (Timer){ .fire = look_is_due, .owner = receiver };
    receiver->scraped = (Post){ .run = take_found, .owner = receiver };
    receiver->looking = receiver->stops = receiver->wanted = false;
    mutex_init(&receiver->mutex);
    cond_init(&receiver->wake);
    receiver->started = true;
    if (!scrapers_open(&receiver->scrapers, err) ||
        (!host_is_stepped(host) &&
         !thread_start(&receiver->thread, "hostmetrics", run_scraper_thread, receiver, err)))
        return false;
    timer_set(loop, &receiver->timer, loop_now(loop) + receiver->initial_delay);
    return true;
}

static void receiver_close(void *self)
{
    HostMetricsReceiver *receiver = self;
    timer_cancel(host_loop(receiver->base.host), &receiver->timer);
}

static void receiver_stop(void *self)
{
    HostMetricsReceiver *receiver = self;
    if (!receiver->started)
        return;
    receiver_close(self);
    mutex_lock(&receiver->mutex);
    receiver->stops = true;
    cond_signal(&receiver->wake);
    mutex_unlock(&receiver->mutex);
    thread_join(&receiver->thread);
    loop_unpost(host_loop(receiver->base.host), &receiver->scraped);
    batch_unref(receiver->batch);
    receiver->batch = NULL;
    scrapers_close(&receiver->scrapers);
    scrape_past_done(&receiver->past);
    cond_done(&receiver->wake);
    mutex_done(&receiver->mutex);
    receiver->started = false;
}

const ComponentType hostmetrics_receiver = {
    .name = "hostmetrics",
    .summary =
        "Tells of this machine: processors, memory, disks, file systems, network, processes.",
    .kind = RECEIVER,
    .stability = ALPHA,
    .placement = SINGLE,
    .signals = METRICS,
    .size = sizeof(HostMetricsReceiver),
    .fields = fields,
    .check = receiver_check,
    .start = receiver_start,
    .close = receiver_close,
    .stop = receiver_stop,
    .looks_into_processes = receiver_looks_into_processes,
};
