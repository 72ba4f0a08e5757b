/* proc_text.c - see proc_text.h for the files; their lines:
 *
 *     stat        cpu0 user nice system idle iowait irq softirq steal guest guest_nice
 *                 btime 1700000000
 *     loadavg     0.20 0.18 0.12 1/80 11206
 *     meminfo     MemTotal:  16384 kB
 *     diskstats   8 0 sda reads merged sectors ms writes merged sectors ms pending ms weighted ...
 *     net/dev     eth0: bytes packets errs drop fifo frame compressed multicast bytes packets ...
 *     net/tcp     0: 0100007F:1F90 00000000:0000 0A ...
 *     mounts      /dev/sda1 /mnt\040x ext4 rw,relatime 0 0
 *     filesystems nodev<tab>sysfs | <tab>ext4
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

/* Behind the name, which stands in parentheses and may have any in it, comes a letter, then ten
 * numbers (one may be negative), then the times. */
bool proc_process_ticks(Str text, uint64_t *ticks)
{
    enum { BEFORE = 11 };
    uint64_t times[2];
    Str word;
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != ')')
        at--;
    if (!at)
        return false;
    text = str_skip(text, at);
    for (size_t i = 0; i < BEFORE; i++)
        if (!next_word(&text, &word))
            return false;
    bool found = next_numbers(&text, times, COUNT_OF(times)) == COUNT_OF(times);
    *ticks = times[0] <= UINT64_MAX - times[1] ? times[0] + times[1] : UINT64_MAX;
    return found;
}

/* --- loadavg --------------------------------------------------------------------------------- */

static bool next_double(Str *rest, double *out)
{
    Str word;
    return next_word(rest, &word) && str_to_double(word, out);
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
