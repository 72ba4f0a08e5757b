/* tell_network.c - what interfaces carried, and which connections there are. */
#include "receivers/hostmetrics/host_scrape_internal.h"

static uint64_t count_of(HostMetricId id, const NetworkCounts *counts)
{
    switch ((int)id) {
    case NETWORK_PACKETS: return counts->packets;
    case NETWORK_DROPPED: return counts->dropped;
    case NETWORK_ERRORS: return counts->errors;
    default: return counts->bytes;
    }
}

bool tell_interfaces(Scrape *s, Err *err)
{
    NetworkStats stats;
    Str rest;
    if (!look_file(s, FILE_NET_DEV, &rest, err))
        return false;
    while (proc_network_next(&rest, &stats)) {
        const Label device = { STR("device"), stats.device };
        if (!look_wants(&s->settings->include, &s->settings->exclude, stats.device))
            continue;
        look_add_int(s, count_of(s->metric, &stats.received),
                     (Label[LABELS_MAX]){ device, { STR("direction"), STR("receive") } });
        look_add_int(s, count_of(s->metric, &stats.sent),
                     (Label[LABELS_MAX]){ device, { STR("direction"), STR("transmit") } });
    }
    return true;
}

bool tell_connections(Scrape *s, Err *err)
{
    uint64_t counts[TCP_STATES] = { 0 };
    Str old, new;
    if (!look_file(s, FILE_NET_TCP, &old, err) || !look_file(s, FILE_NET_TCP6, &new, err))
        return false;
    proc_tcp_count(old, counts);
    proc_tcp_count(new, counts);
    for (size_t i = 0; i < TCP_STATES; i++)
        look_add_int(s, counts[i],
                     (Label[LABELS_MAX]){ { STR("protocol"), STR("tcp") },
                                          { STR("state"), proc_tcp_state_name(i) } });
    return true;
}

/* Only a machine whose firewall follows connections has the files. */
bool tell_conntrack(Scrape *s, Err *err)
{
    bool is_count = s->metric == CONNTRACK_COUNT;
    uint64_t number;
    Str text;
    if (!look_file(s, is_count ? FILE_CONNTRACK_COUNT : FILE_CONNTRACK_MAX, &text, err))
        return false;
    if (!proc_number(str_trim(text), &number))
        return fail(err, ERR_INPUT, "/proc/sys/net/netfilter/nf_conntrack_%s has no number",
                    is_count ? "count" : "max");
    look_add_int(s, number, (Label[LABELS_MAX]){ 0 });
    return true;
}
