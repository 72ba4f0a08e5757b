/* system_facts.c - see system_facts.h. */
#include "host/system_facts.h"

#include "host/proc_text.h"

#include <stdio.h>
#include <sys/utsname.h>

enum { FILE_MAX = 4 << 20 }; /* /proc/cpuinfo of a large machine */

static Str trim_quotes(Str text)
{
    text = str_trim(text);
    if (text.len > 1 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = (Str){ text.ptr + 1, text.len - 2 };
    return text;
}

/* What stands behind "key" and the separator in the first such line. */
static Str value_of_key(Str text, Str key, char separator)
{
    Str line;
    while (str_split(&text, '\n', &line)) {
        Str value = line, name;
        if (str_split(&value, separator, &name) && str_eq(str_trim(name), key))
            return trim_quotes(value);
    }
    return (Str){ 0 };
}

/* Of a small file: its first line. */
static bool add_line(Disk *disk, const char *path, Buf *out, Err *err)
{
    Buf text = BUF(FILE_MAX);
    Str rest, line = { 0 };
    bool good = disk_read_all(disk, path, &text, err);
    rest = buf_str(&text);
    if (good && str_split(&rest, '\n', &line))
        buf_add(out, str_trim(line));
    buf_free(&text);
    return good && (line.len || fail(err, ERR_IO, "%s is empty", path)) && buf_ok(out, err);
}

static bool add_key(Disk *disk, const char *path, Str key, char separator, Buf *out, Err *err)
{
    Buf text = BUF(FILE_MAX);
    bool good = disk_read_all(disk, path, &text, err);
    if (good) {
        Str value = value_of_key(buf_str(&text), key, separator);
        buf_add(out, value);
        good = value.len || fail(err, ERR_IO, "%s has no \"%.*s\"", path, STR_ARG(key));
    }
    buf_free(&text);
    return good && buf_ok(out, err);
}

static bool add_cpu(Disk *disk, Str key, Buf *out, Err *err)
{
    return add_key(disk, "/proc/cpuinfo", key, ':', out, err);
}

static bool add_release(Disk *disk, Str key, Buf *out, Err *err)
{
    return add_key(disk, "/etc/os-release", key, '=', out, err);
}

/* "36608 KB" */
static bool add_cache(Disk *disk, Buf *out, Err *err)
{
    char room[64];
    Buf text = BUF(sizeof room);
    bool good = add_cpu(disk, STR("cache size"), &text, err);
    Str rest = buf_str(&text), number = { 0 };
    uint64_t kib;
    if (good && str_split(&rest, ' ', &number) && str_to_u64(number, &kib))
        buf_add(out, number);
    else if (good)
        good = fail(err, ERR_IO, "/proc/cpuinfo has a cache size that is no number");
    buf_free(&text);
    return good && buf_ok(out, err);
}

static bool add_arch(Buf *out, Err *err)
{
    static const struct {
        Str machine, name;
    } names[] = {
        { STR_ROW("x86_64"), STR_ROW("amd64") },  { STR_ROW("aarch64"), STR_ROW("arm64") },
        { STR_ROW("i386"), STR_ROW("x86") },      { STR_ROW("i686"), STR_ROW("x86") },
        { STR_ROW("armv7l"), STR_ROW("arm32") },  { STR_ROW("armv6l"), STR_ROW("arm32") },
        { STR_ROW("ppc64le"), STR_ROW("ppc64") },
    };
    struct utsname system;
    if (uname(&system) != 0)
        return fail(err, ERR_IO, "the kernel does not say what machine it is");
    Str name = str_from(system.machine);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(name, names[i].machine))
            name = names[i].name;
    buf_add(out, name);
    return buf_ok(out, err);
}

/* "Debian GNU/Linux 12 (bookworm) (Linux name 6.1.0-17-amd64 #1 SMP ...)" */
static bool add_description(Disk *disk, Buf *out, Err *err)
{
    if (!add_release(disk, STR("PRETTY_NAME"), out, err))
        return false;
    buf_add(out, STR(" (Linux "));
    if (!add_line(disk, "/proc/sys/kernel/hostname", out, err))
        return false;
    buf_add_byte(out, ' ');
    if (!add_line(disk, "/proc/sys/kernel/osrelease", out, err))
        return false;
    buf_add_byte(out, ' ');
    if (!add_line(disk, "/proc/sys/kernel/version", out, err))
        return false;
    buf_add_byte(out, ')');
    return buf_ok(out, err);
}

/* --- names ----------------------------------------------------------------------------------- */

/* The first word with a dot of a line that names the machine, past the address. */
static Str full_name(Str line, Str host)
{
    Str word, found = { 0 }, text = line;
    bool here = false, address = true;
    str_split(&text, '#', &line);
    for (size_t i = 0; i < line.len;) {
        size_t begin = i;
        while (i < line.len && line.ptr[i] != ' ' && line.ptr[i] != '\t')
            i++;
        word = (Str){ line.ptr + begin, i - begin };
        i++;
        if (!word.len)
            continue;
        here = here || (!address && str_eq_nocase(word, host));
        if (!address && !found.len && str_contains(word, STR(".")))
            found = word;
        address = false;
    }
    bool own = found.len > host.len && found.ptr[host.len] == '.' &&
               str_eq_nocase(str_first(found, host.len), host);
    return here || own ? found : (Str){ 0 };
}

static bool add_full_name(Disk *disk, Buf *out, Err *err)
{
    Buf text = BUF(FILE_MAX), host = BUF(FACT_BYTES_MAX);
    Str line, found = { 0 };
    bool good = add_line(disk, "/proc/sys/kernel/hostname", &host, err) &&
                disk_read_all(disk, "/etc/hosts", &text, err);
    Str rest = buf_str(&text);
    if (good && str_contains(buf_str(&host), STR(".")))
        found = buf_str(&host);
    while (good && !found.len && str_split(&rest, '\n', &line))
        found = full_name(line, buf_str(&host));
    buf_add(out, found);
    good = good && (found.len || fail(err, ERR_IO, "/etc/hosts has no domain of \"%.*s\"",
                                      STR_ARG(buf_str(&host))));
    buf_free(&text);
    buf_free(&host);
    return good && buf_ok(out, err);
}

/* --- addresses ------------------------------------------------------------------------------- */

static bool has_line(Str text, Str wanted)
{
    Str line;
    while (str_split(&text, '\n', &line))
        if (str_eq(line, wanted))
            return true;
    return false;
}

static void add_to_list(Buf *out, size_t begin, Str text)
{
    Str list = { out->ptr + begin, out->len - begin };
    if (out->len > begin && has_line(list, text))
        return;
    if (out->len > begin)
        buf_add_byte(out, '\n');
    buf_add(out, text);
}

/* /proc/net/fib_trie: an address stands above "/32 host LOCAL". */
static void add_ipv4(Str text, Buf *out, size_t begin)
{
    Str line, address = { 0 };
    while (str_split(&text, '\n', &line)) {
        line = str_trim(line);
        if (str_starts(line, STR("|-- ")))
            address = str_skip(line, 4);
        else if (str_eq(line, STR("/32 host LOCAL")) && !str_starts(address, STR("127.")))
            add_to_list(out, begin, address);
    }
}

/* Eight groups without leading zeros, and the longest run of zero groups as "::" (RFC 5952). */
static void write_ipv6(const uint8_t bytes[16], char out[48])
{
    unsigned groups[8];
    int run = -1, run_len = 1, at = 0;
    for (int i = 0; i < 8; i++)
        groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && !groups[i + n])
            n++;
        if (n > run_len) {
            run = i;
            run_len = n;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == run) {
            at += snprintf(out + at, (size_t)(48 - at), "::");
            i += run_len - 1;
            continue;
        }
        bool first = i == 0 || (run >= 0 && i == run + run_len);
        at += snprintf(out + at, (size_t)(48 - at), "%s%x", first ? "" : ":", groups[i]);
    }
}

/* /proc/net/if_inet6: 32 digits first, the interface last. */
static void add_ipv6(Str text, Buf *out, size_t begin)
{
    Str line;
    while (str_split(&text, '\n', &line)) {
        uint8_t bytes[16];
        char address[48];
        if (!str_unhex(str_first(line, 32), bytes, sizeof bytes) ||
            str_ends(str_trim(line), STR(" lo")))
            continue;
        write_ipv6(bytes, address);
        add_to_list(out, begin, str_from(address));
    }
}

static bool add_addresses(Disk *disk, Buf *out, Err *err)
{
    Buf four = BUF(FILE_MAX), six = BUF(FILE_MAX);
    Err ignored; /* a machine may have the one, the other, or none */
    size_t begin = out->len;
    if (disk_read_all(disk, "/proc/net/fib_trie", &four, &ignored))
        add_ipv4(buf_str(&four), out, begin);
    if (disk_read_all(disk, "/proc/net/if_inet6", &six, &ignored))
        add_ipv6(buf_str(&six), out, begin);
    buf_free(&four);
    buf_free(&six);
    return buf_ok(out, err) && (out->len > begin || fail(err, ERR_IO, "/proc/net has no address"));
}

/* "02:42:ac:11:00:02" */
static void add_mac(Disk *disk, Str device, Buf *out, size_t begin)
{
    char path[128], mac[32];
    Err ignored; /* the interface went meanwhile */
    Buf text = BUF(sizeof mac);
    snprintf(path, sizeof path, "/sys/class/net/%.*s/address", STR_ARG(device));
    bool read = add_line(disk, path, &text, &ignored), zero = true;
    Str line = buf_str(&text);
    for (size_t i = 0; read && i < line.len; i++) {
        char c = line.ptr[i];
        zero = zero && (c == '0' || c == ':');
        mac[i] = (char)(c == ':' ? '-' : c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
    }
    if (read && !zero)
        add_to_list(out, begin, (Str){ mac, line.len });
    buf_free(&text);
}

static bool add_macs(Disk *disk, Buf *out, Err *err)
{
    Buf text = BUF(FILE_MAX);
    size_t begin = out->len;
    NetworkStats interface;
    bool good = disk_read_all(disk, "/proc/net/dev", &text, err);
    Str rest = buf_str(&text);
    while (good && proc_network_next(&rest, &interface))
        add_mac(disk, interface.device, out, begin);
    buf_free(&text);
    return good && buf_ok(out, err) &&
           (out->len > begin || fail(err, ERR_IO, "no interface has a hardware address"));
}

bool system_fact(Disk *disk, SystemFact fact, Buf *out, Err *err)
{
    switch (fact) {
    case FACT_HOST_NAME: return add_line(disk, "/proc/sys/kernel/hostname", out, err);
    case FACT_HOST_FULL_NAME: return add_full_name(disk, out, err);
    case FACT_HOST_ID: return add_line(disk, "/etc/machine-id", out, err);
    case FACT_HOST_ARCH: return add_arch(out, err);
    case FACT_HOST_IPS: return add_addresses(disk, out, err);
    case FACT_HOST_MACS: return add_macs(disk, out, err);
    case FACT_OS_TYPE: buf_add(out, STR("linux")); return buf_ok(out, err);
    case FACT_OS_NAME: return add_release(disk, STR("NAME"), out, err);
    case FACT_OS_VERSION: return add_release(disk, STR("VERSION_ID"), out, err);
    case FACT_OS_BUILD: return add_line(disk, "/proc/sys/kernel/osrelease", out, err);
    case FACT_OS_DESCRIPTION: return add_description(disk, out, err);
    case FACT_CPU_VENDOR: return add_cpu(disk, STR("vendor_id"), out, err);
    case FACT_CPU_FAMILY: return add_cpu(disk, STR("cpu family"), out, err);
    case FACT_CPU_MODEL: return add_cpu(disk, STR("model"), out, err);
    case FACT_CPU_MODEL_NAME: return add_cpu(disk, STR("model name"), out, err);
    case FACT_CPU_STEPPING: return add_cpu(disk, STR("stepping"), out, err);
    case FACT_CPU_CACHE: return add_cache(disk, out, err);
    }
    return fail(err, ERR_UNSUPPORTED, "nobody knows that");
}
