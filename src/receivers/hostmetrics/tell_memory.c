/* tell_memory.c - what memory and swap space are used for, and what goes between them. */
#include "receivers/hostmetrics/host_scrape_internal.h"

#include <unistd.h>

static bool read_memory(Scrape *s, MemoryInfo *out, Err *err)
{
    Str text;
    return look_file(s, FILE_MEMINFO, &text, err) &&
           (proc_memory(text, out) || fail(err, ERR_INPUT, "/proc/meminfo has no MemTotal"));
}

/* What the kernel can take back at once (slab) counts as cached, so that used is what is left. */
bool tell_memory_use(Scrape *s, Err *err)
{
    MemoryInfo info;
    if (!read_memory(s, &info, err))
        return false;
    uint64_t cached = info.cached + info.slab_reclaimable;
    uint64_t used = look_less(look_less(look_less(info.total, info.free), info.buffers), cached);
    const struct {
        Str state;
        uint64_t bytes;
    } rows[] = {
        { STR("used"), used },
        { STR("free"), info.free },
        { STR("buffered"), info.buffers },
        { STR("cached"), cached },
        { STR("slab_reclaimable"), info.slab_reclaimable },
        { STR("slab_unreclaimable"), info.slab_unreclaimable },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const Label labels[LABELS_MAX] = { { STR("state"), rows[i].state } };
        if (s->metric == MEMORY_USAGE)
            look_add_int(s, rows[i].bytes, labels);
        else
            look_add_real(s, (double)rows[i].bytes / (double)info.total, labels);
    }
    return true;
}

bool tell_memory_size(Scrape *s, Err *err)
{
    MemoryInfo info = { 0 };
    uint64_t bytes = 0;
    if (s->metric != MEMORY_PAGE_SIZE && !read_memory(s, &info, err))
        return false;
    switch ((int)s->metric) {
    case MEMORY_PAGE_SIZE: bytes = (uint64_t)sysconf(_SC_PAGESIZE); break;
    case MEMORY_LIMIT: bytes = info.total; break;
    case MEMORY_AVAILABLE: bytes = info.available; break;
    default: bytes = info.dirty; break;
    }
    look_add_int(s, bytes, (Label[LABELS_MAX]){ 0 });
    return true;
}

/* --- paging ---------------------------------------------------------------------------------- */

static void add_swap(Scrape *s, Str device, const SwapLine *swap)
{
    const struct {
        Str state;
        uint64_t bytes;
    } rows[] = {
        { STR("used"), swap->used },
        { STR("free"), look_less(swap->total, swap->used) },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const Label labels[LABELS_MAX] = { { STR("device"), device },
                                           { STR("state"), rows[i].state } };
        if (s->metric == PAGING_USAGE)
            look_add_int(s, rows[i].bytes, labels);
        else if (swap->total)
            look_add_real(s, (double)rows[i].bytes / (double)swap->total, labels);
    }
}

/* A machine without swap space has no points. */
bool tell_swap(Scrape *s, Err *err)
{
    SwapLine swap;
    Str rest;
    if (!look_file(s, FILE_SWAPS, &rest, err))
        return false;
    Buf device = BUF(PATH_SIZE);
    while (proc_swap_next(&rest, &swap)) {
        buf_clear(&device);
        proc_unescape(swap.device, &device);
        if (utf8_valid(buf_str(&device)))
            add_swap(s, buf_str(&device), &swap);
    }
    bool good = buf_ok(&device, err);
    buf_free(&device);
    return good;
}

bool tell_paging(Scrape *s, Err *err)
{
    PagingCounts counts;
    Str text;
    const Label major = { STR("type"), STR("major") }, minor = { STR("type"), STR("minor") };
    const Label in = { STR("direction"), STR("page_in") };
    const Label out = { STR("direction"), STR("page_out") };
    if (!look_file(s, FILE_VMSTAT, &text, err))
        return false;
    if (!proc_paging(text, &counts))
        return fail(err, ERR_INPUT, "/proc/vmstat has no pgfault");
    if (s->metric == PAGING_OPERATIONS) {
        look_add_int(s, counts.swapped_in, (Label[LABELS_MAX]){ in, major });
        look_add_int(s, counts.swapped_out, (Label[LABELS_MAX]){ out, major });
        look_add_int(s, counts.blocks_in, (Label[LABELS_MAX]){ in, minor });
        look_add_int(s, counts.blocks_out, (Label[LABELS_MAX]){ out, minor });
    } else {
        uint64_t rest = look_less(counts.faults, counts.major_faults);
        look_add_int(s, counts.major_faults, (Label[LABELS_MAX]){ major });
        look_add_int(s, rest, (Label[LABELS_MAX]){ minor });
    }
    return true;
}
