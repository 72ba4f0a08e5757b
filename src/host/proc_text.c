/* proc_text.c - see proc_text.h for the files; their lines:
 *
 *     stat        cpu0 user nice system idle iowait irq softirq steal guest guest_nice
 *                 btime 1700000000
 *                 processes 4000                   and procs_running, procs_blocked
 *     cpuinfo     processor : 0                    lines of one processor, then an empty one
 *     uptime      350735.47 234388.90
 *     loadavg     0.20 0.18 0.12 1/80 11206
 *     meminfo     MemTotal:  16384 kB
 *     swaps       /dev/sda2 partition 16384 0 -2
 *     vmstat      pgfault 1234
 *     diskstats   8 0 sda reads merged sectors ms writes merged sectors ms pending ms weighted ...
 *     net/dev     eth0: bytes packets errs drop fifo frame compressed multicast bytes packets ...
 *     net/tcp     0: 0100007F:1F90 00000000:0000 0A ...
 *     mounts      /dev/sda1 /mnt\040x ext4 rw,relatime 0 0
 *     filesystems nodev<tab>sysfs | <tab>ext4
 *     <pid>/stat  7 (a name) S 1 7 7 0 -1 ...
 *     <pid>/status Uid:<tab>0<tab>0<tab>0<tab>0
 *     <pid>/io    read_bytes: 4096
 *     /etc/passwd root:x:0:0:root:/root:/bin/sh
 */
#include "host/proc_text.h"

#include <string.h>

static bool next_line(Str *rest, Str *line)
{
    return rest->len && str_split(rest, '\n', line);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts a word off the front; false: there is none. */
static bool next_word(Str *rest, Str *word)
{
    size_t from = 0, to;
    while (from < rest->len && is_blank(rest->ptr[from]))
        from++;
    for (to = from; to < rest->len && !is_blank(rest->ptr[to]);)
        to++;
    *word = str_first(str_skip(*rest, from), to - from);
    *rest = str_skip(*rest, to);
    return word->len > 0;
}

/* Up to `count` numbers; how many there were before something else. */
static size_t next_numbers(Str *rest, uint64_t *out, size_t count)
{
    Str word;
    size_t got = 0;
    while (got < count && next_word(rest, &word) && str_to_u64(word, &out[got]))
        got++;
    for (size_t i = got; i < count; i++)
        out[i] = 0;
    return got;
}

/* --- stat ------------------------------------------------------------------------------------ */

bool proc_cpu_next(Str *rest, CpuTimes *out)
{
    enum { OLDEST = 4 }; /* fields that every kernel has */
    Str line;
    while (next_line(rest, &line))
        if (next_word(&line, &out->name) && str_starts(out->name, STR("cpu")) &&
            out->name.len > 3 && next_numbers(&line, out->ticks, CPU_STATES) >= OLDEST)
            return true;
    return false;
}

bool proc_boot_time(Str text, uint64_t *unix_seconds)
{
    Str line, word;
    while (next_line(&text, &line))
        if (next_word(&line, &word) && str_eq(word, STR("btime")))
            return next_numbers(&line, unix_seconds, 1) == 1;
    return false;
}

bool proc_number(Str text, uint64_t *out)
{
    Str rest = text;
    return next_numbers(&rest, out, 1) == 1;
}

/* A row of what stands behind a name somewhere in a text. */
typedef struct Named {
    Str name;
    uint64_t *into;
} Named;

/* "name number ..." and "name: number ..." in any order; how many of the rows there were. */
static size_t read_named(Str text, const Named *rows, size_t count)
{
    Str line, name;
    uint64_t number;
    size_t found = 0;
    while (next_line(&text, &line)) {
        if (!next_word(&line, &name) || next_numbers(&line, &number, 1) != 1)
            continue;
        for (size_t i = 0; i < count; i++) {
            if (!str_eq(name, rows[i].name))
                continue;
            *rows[i].into = number;
            found++;
        }
    }
    return found;
}

bool proc_process_counts(Str text, ProcessCounts *out)
{
    *out = (ProcessCounts){ 0 };
    const Named rows[] = {
        { STR("processes"), &out->created },
        { STR("procs_running"), &out->running },
        { STR("procs_blocked"), &out->blocked },
    };
    return read_named(text, rows, COUNT_OF(rows)) == COUNT_OF(rows);
}

/* --- cpuinfo, topology ----------------------------------------------------------------------- */

static void read_cpu_line(Str line, CpuInfo *out, bool *numbered)
{
    Str name;
    if (!str_split(&line, ':', &name))
        return;
    name = str_trim(name);
    line = str_trim(line);
    uint64_t number = 0;
    double real = 0;
    bool is_number = str_to_u64(line, &number);
    if (str_eq(name, STR("processor")) && is_number) {
        out->number = number;
        *numbered = true;
    } else if (str_eq(name, STR("physical id")) && is_number) {
        out->package = number;
    } else if (str_eq(name, STR("cpu cores")) && is_number) {
        out->cores = number;
    } else if (str_eq(name, STR("cpu MHz")) && str_to_double(line, &real) && real > 0) {
        out->mhz = real;
    }
}

bool proc_cpu_info_next(Str *rest, CpuInfo *out)
{
    Str line;
    bool numbered = false;
    *out = (CpuInfo){ 0 };
    while (next_line(rest, &line)) {
        read_cpu_line(line, out, &numbered);
        if (str_trim(line).len)
            continue;
        if (numbered)
            return true;
        *out = (CpuInfo){ 0 };
    }
    return numbered;
}

bool proc_first_of_list(Str text, uint64_t *out)
{
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    return str_to_u64(str_first(text, digits), out);
}

/* --- loadavg --------------------------------------------------------------------------------- */

static bool next_double(Str *rest, double *out)
{
    Str word;
    return next_word(rest, &word) && str_to_double(word, out);
}

bool proc_uptime(Str text, double *seconds)
{
    return next_double(&text, seconds) && *seconds >= 0;
}

bool proc_load(Str text, LoadAverages *out)
{
    return next_double(&text, &out->one) && next_double(&text, &out->five) &&
           next_double(&text, &out->fifteen);
}

/* --- meminfo --------------------------------------------------------------------------------- */

static void read_memory_line(Str line, MemoryInfo *out)
{
    const struct {
        Str name;
        uint64_t *into;
    } rows[] = {
        { STR("MemTotal:"), &out->total },
        { STR("MemFree:"), &out->free },
        { STR("MemAvailable:"), &out->available },
        { STR("Dirty:"), &out->dirty },
        { STR("Buffers:"), &out->buffers },
        { STR("Cached:"), &out->cached },
        { STR("SReclaimable:"), &out->slab_reclaimable },
        { STR("SUnreclaim:"), &out->slab_unreclaimable },
    };
    Str name;
    uint64_t kib;
    if (!next_word(&line, &name) || next_numbers(&line, &kib, 1) != 1 || kib > UINT64_MAX >> 10)
        return;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_eq(name, rows[i].name))
            *rows[i].into = kib << 10;
}

bool proc_memory(Str text, MemoryInfo *out)
{
    Str line;
    *out = (MemoryInfo){ 0 };
    while (next_line(&text, &line))
        read_memory_line(line, out);
    return out->total > 0;
}

/* --- swaps, vmstat --------------------------------------------------------------------------- */

bool proc_swap_next(Str *rest, SwapLine *out)
{
    Str line, type;
    uint64_t kib[2];
    while (next_line(rest, &line)) {
        if (!next_word(&line, &out->device) || !next_word(&line, &type) ||
            next_numbers(&line, kib, 2) != 2 || (kib[0] | kib[1]) > UINT64_MAX >> 10)
            continue;
        out->total = kib[0] << 10;
        out->used = kib[1] << 10;
        return true;
    }
    return false;
}

bool proc_paging(Str text, PagingCounts *out)
{
    *out = (PagingCounts){ 0 };
    uint64_t faults = UINT64_MAX;
    const Named rows[] = {
        { STR("pgfault"), &faults },         { STR("pgmajfault"), &out->major_faults },
        { STR("pgpgin"), &out->blocks_in },  { STR("pgpgout"), &out->blocks_out },
        { STR("pswpin"), &out->swapped_in }, { STR("pswpout"), &out->swapped_out },
    };
    size_t found = read_named(text, rows, COUNT_OF(rows));
    bool known = found && faults != UINT64_MAX;
    out->faults = known ? faults : 0;
    return known;
}

/* --- diskstats ------------------------------------------------------------------------------- */

bool proc_disk_next(Str *rest, DiskStats *out)
{
    enum { NUMBERS = 11 };
    uint64_t device[2], n[NUMBERS];
    Str line;
    while (next_line(rest, &line)) {
        if (next_numbers(&line, device, 2) != 2 || !next_word(&line, &out->device) ||
            next_numbers(&line, n, NUMBERS) != NUMBERS) /* partitions of 2.6 have four */
            continue;
        *out = (DiskStats){ out->device, n[0], n[1], n[2], n[3], n[4],
                            n[5],        n[6], n[7], n[8], n[9], n[10] };
        return true;
    }
    return false;
}

/* --- net/dev --------------------------------------------------------------------------------- */

/* Behind the last colon: names of aliases have one of their own. */
static bool split_device(Str *line, Str *device)
{
    for (size_t i = line->len; i-- > 0;) {
        if (line->ptr[i] != ':')
            continue;
        *device = str_trim(str_first(*line, i));
        *line = str_skip(*line, i + 1);
        return device->len > 0;
    }
    return false;
}

bool proc_network_next(Str *rest, NetworkStats *out)
{
    enum { NUMBERS = 16, SENT = 8 };
    uint64_t n[NUMBERS];
    Str line;
    while (next_line(rest, &line)) {
        if (!split_device(&line, &out->device) || next_numbers(&line, n, NUMBERS) != NUMBERS)
            continue;
        out->received = (NetworkCounts){ n[0], n[1], n[2], n[3] };
        out->sent = (NetworkCounts){ n[SENT], n[SENT + 1], n[SENT + 2], n[SENT + 3] };
        return true;
    }
    return false;
}

/* --- net/tcp --------------------------------------------------------------------------------- */

static const Str tcp_states[TCP_STATES] = { /* in the kernel's order, from 01 */
                                            STR_ROW("ESTABLISHED"), STR_ROW("SYN_SENT"),
                                            STR_ROW("SYN_RECV"),    STR_ROW("FIN_WAIT_1"),
                                            STR_ROW("FIN_WAIT_2"),  STR_ROW("TIME_WAIT"),
                                            STR_ROW("CLOSE"),       STR_ROW("CLOSE_WAIT"),
                                            STR_ROW("LAST_ACK"),    STR_ROW("LISTEN"),
                                            STR_ROW("CLOSING")
};

Str proc_tcp_state_name(size_t state)
{
    return state < TCP_STATES ? tcp_states[state] : STR("UNKNOWN");
}

void proc_tcp_count(Str text, uint64_t counts[TCP_STATES])
{
    Str line, number, here, there, state;
    uint8_t code;
    while (next_line(&text, &line)) {
        if (!next_word(&line, &number) || !str_ends(number, STR(":")) || !next_word(&line, &here) ||
            !next_word(&line, &there) || !next_word(&line, &state) || !str_unhex(state, &code, 1))
            continue;
        if (code >= 1 && code <= TCP_STATES)
            counts[code - 1]++;
    }
}

/* --- mounts ---------------------------------------------------------------------------------- */

bool proc_mount_next(Str *rest, MountLine *out)
{
    Str line;
    while (next_line(rest, &line))
        if (next_word(&line, &out->device) && next_word(&line, &out->directory) &&
            next_word(&line, &out->type) && next_word(&line, &out->options))
            return true;
    return false;
}

Str proc_mount_mode(Str options)
{
    Str option;
    while (str_split(&options, ',', &option))
        if (str_eq(option, STR("rw")) || str_eq(option, STR("ro")))
            return option;
    return STR("unknown");
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

void proc_unescape(Str text, Buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr + i;
        bool escape = *at == '\\' && text.len - i >= 4 && at[1] <= '3' && is_octal(at[1]) &&
                      is_octal(at[2]) && is_octal(at[3]);
        if (!escape) {
            buf_add_byte(out, *at);
            continue;
        }
        buf_add_byte(out, (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0')));
        i += 3;
    }
}

bool proc_is_virtual(Str filesystems, Str type)
{
    Str line, first, second;
    if (str_eq(type, STR("zfs")))
        return false;
    while (next_line(&filesystems, &line)) {
        if (next_word(&line, &first) && !next_word(&line, &second) && str_eq(first, type))
            return false;
    }
    return true;
}

/* --- processes ------------------------------------------------------------------------------- */

/* What stands behind a number and a name: the name is in parentheses and may have any in it. */
static bool split_stat(Str *text, Str *name)
{
    size_t from = 0, to = text->len;
    while (from < text->len && text->ptr[from] != '(')
        from++;
    while (to > from && text->ptr[to - 1] != ')')
        to--;
    if (to < from + 2)
        return false;
    *name = (Str){ text->ptr + from + 1, to - from - 2 };
    *text = str_skip(*text, to);
    return true;
}

/* Fields by proc(5)'s numbers, from the third on, which stands right behind the name. Some that are
 * not read may be negative. */
bool proc_process_stat(Str text, ProcessStat *out)
{
    enum { FIRST = 3, NEEDED = 24, LAST = 42 };
    *out = (ProcessStat){ 0 };
    uint64_t *const into[LAST + 1] = {
        [4] = &out->parent,       [10] = &out->minor_faults,  [12] = &out->major_faults,
        [14] = &out->user_ticks,  [15] = &out->system_ticks,  [20] = &out->threads,
        [22] = &out->start_ticks, [23] = &out->virtual_bytes, [24] = &out->resident_pages,
        [42] = &out->wait_ticks,
    };
    Str word;
    int at = FIRST;
    if (!split_stat(&text, &out->name))
        return false;
    text = str_trim(text);
    for (; at <= LAST && next_word(&text, &word); at++) {
        if (at == FIRST)
            out->state = word.ptr[0];
        if (into[at] && !str_to_u64(word, into[at]))
            return false;
    }
    return at > NEEDED;
}

bool proc_process_ticks(Str text, uint64_t *ticks)
{
    enum { BEFORE = 11 };
    uint64_t times[2];
    Str word, name;
    if (!split_stat(&text, &name))
        return false;
    for (size_t i = 0; i < BEFORE; i++)
        if (!next_word(&text, &word))
            return false;
    bool found = next_numbers(&text, times, COUNT_OF(times)) == COUNT_OF(times);
    *ticks = times[0] <= UINT64_MAX - times[1] ? times[0] + times[1] : UINT64_MAX;
    return found;
}

static uint64_t hexadecimal(Str word)
{
    uint64_t value = 0;
    uint8_t bytes[sizeof value];
    if (!str_unhex(word, bytes, sizeof bytes))
        return 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        value = value << 8 | bytes[i];
    return value;
}

bool proc_process_status(Str text, ProcessStatus *out)
{
    *out = (ProcessStatus){ 0 };
    uint64_t user = UINT64_MAX;
    const Named rows[] = {
        { STR("Uid:"), &user },
        { STR("voluntary_ctxt_switches:"), &out->switches },
        { STR("nonvoluntary_ctxt_switches:"), &out->forced_switches },
    };
    size_t found = read_named(text, rows, COUNT_OF(rows));
    Str line, name, mask;
    while (next_line(&text, &line))
        if (next_word(&line, &name) && str_eq(name, STR("ShdPnd:")) && next_word(&line, &mask))
            out->pending = hexadecimal(mask);
    out->user = user;
    return found && user != UINT64_MAX;
}

bool proc_process_io(Str text, ProcessIo *out)
{
    *out = (ProcessIo){ 0 };
    const Named rows[] = {
        { STR("syscr:"), &out->reads },
        { STR("syscw:"), &out->writes },
        { STR("read_bytes:"), &out->read_bytes },
        { STR("write_bytes:"), &out->written_bytes },
    };
    return read_named(text, rows, COUNT_OF(rows)) == COUNT_OF(rows);
}

bool proc_user_name(Str passwd, uint64_t user, Str *name)
{
    Str line, password, number;
    uint64_t one;
    while (next_line(&passwd, &line))
        if (str_split(&line, ':', name) && str_split(&line, ':', &password) &&
            str_split(&line, ':', &number) && str_to_u64(number, &one) && one == user && name->len)
            return true;
    return false;
}
