/* machine.c - see machine.h. */
#include "sim/machine.h"

#include "config/yaml.h"
#include "pipe/host_base.h"
#include "support/starve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_MEMORY = 1 << 20, CONFIG_MEMORY = 8 << 20, CHAIN_MAX = 8 };

/* ---- the network as this machine sees it ------------------------------------------------------
 */

static Machine *owner(Sockets *sockets)
{
    return ((HostDoor *)(void *)sockets)->machine;
}

static Sockets *net_of(Sockets *sockets)
{
    return &owner(sockets)->net->sockets;
}

static int mine(Sockets *sockets, int fd)
{
    if (fd > 0)
        owner(sockets)->net->all[fd - 1].host = owner(sockets)->host;
    return fd;
}

static Poller *host_poller_new(Sockets *sockets, Err *err)
{
    return net_of(sockets)->poller_new(net_of(sockets), err);
}

static int host_listen(Sockets *sockets, const Address *address, ListenOptions options)
{
    return mine(sockets, net_of(sockets)->listen(net_of(sockets), address, options));
}

static int host_accept(Sockets *sockets, int listener, Address *peer)
{
    if (owner(sockets)->dead)
        return -EAGAIN;
    return mine(sockets, net_of(sockets)->accept(net_of(sockets), listener, peer));
}

static int host_spare(Sockets *sockets)
{
    return net_of(sockets)->spare(net_of(sockets));
}

static int host_descriptors_max(Sockets *sockets)
{
    return net_of(sockets)->descriptors_max(net_of(sockets));
}

static int host_connect(Sockets *sockets, const Address *address)
{
    if (owner(sockets)->dead)
        return -ENETDOWN;
    return mine(sockets, net_of(sockets)->connect(net_of(sockets), address));
}

static int host_connect_result(Sockets *sockets, int fd)
{
    return net_of(sockets)->connect_result(net_of(sockets), fd);
}

static ssize_t host_read(Sockets *sockets, int fd, void *out, size_t size)
{
    if (owner(sockets)->dead)
        return -ECONNRESET;
    return net_of(sockets)->read(net_of(sockets), fd, out, size);
}

static ssize_t host_write(Sockets *sockets, int fd, const void *bytes, size_t size)
{
    if (owner(sockets)->dead)
        return -EPIPE;
    return net_of(sockets)->write(net_of(sockets), fd, bytes, size);
}

static bool host_local_address(Sockets *sockets, int fd, Address *out)
{
    return net_of(sockets)->local_address(net_of(sockets), fd, out);
}

static void host_shutdown_write(Sockets *sockets, int fd)
{
    if (!owner(sockets)->dead)
        net_of(sockets)->shutdown_write(net_of(sockets), fd);
}

static void host_close(Sockets *sockets, int fd)
{
    net_of(sockets)->close(net_of(sockets), fd);
}

void machine_init(Machine *machine, uint64_t seed)
{
    random_seed(&machine->random, seed);
    machine->disk = test_disk_new(random_next(&machine->random));
    machine->door = (HostDoor){ .base = { .poller_new = host_poller_new,
                                          .listen = host_listen,
                                          .accept = host_accept,
                                          .spare = host_spare,
                                          .descriptors_max = host_descriptors_max,
                                          .connect = host_connect,
                                          .connect_result = host_connect_result,
                                          .read = host_read,
                                          .write = host_write,
                                          .local_address = host_local_address,
                                          .shutdown_write = host_shutdown_write,
                                          .close = host_close },
                                .machine = machine };
}

void machine_done(Machine *machine)
{
    test_disk_free(machine->disk);
}

/* ---- life ------------------------------------------------------------------------------------ */

static const ServiceConfig *read_config(Machine *machine, Str yaml, Err *err)
{
    size_t at = 0;
    while (at < MACHINE_CONFIGS_MAX && machine->configs[at].arena)
        at++;
    Arena *arena = at < MACHINE_CONFIGS_MAX ? arena_new(CONFIG_MEMORY, err) : NULL;
    if (!arena)
        abort();
    Problems problems;
    problems_init(&problems, arena);
    const Node *root = yaml_parse(yaml, str_from(machine->name), arena, &problems);
    const ServiceConfig *config =
        root ? service_config_load(machine->registry, root, arena, &problems) : NULL;
    if (!config && problems_ok(&problems, err))
        fail(err, ERR_INPUT, "no configuration and no problem");
    machine->configs[at] = (struct MachineConfig){ arena, config };
    return config;
}

static void forget_configs(Machine *machine)
{
    for (size_t i = 0; i < MACHINE_CONFIGS_MAX; i++) {
        struct MachineConfig *one = &machine->configs[i];
        if (machine->graph && one->config && graph_uses(machine->graph, one->config))
            continue;
        arena_free(one->arena);
        *one = (struct MachineConfig){ 0 };
    }
}

static void forget(Machine *machine)
{
    graph_free(machine->graph);
    machine->graph = NULL;
    forget_configs(machine);
    machine->dead = false;
}

bool machine_start(Machine *machine, Str yaml, Err *err)
{
    const ServiceConfig *config = read_config(machine, yaml, err);
    const GraphOptions options = {
        .shards = 1 + (unsigned)random_below(&machine->random, 2),
        .stepped = true,
        .clock = &machine->net->clock.base,
        .disk = test_disk_door(machine->disk),
        .sockets = &machine->door.base,
        .seed = random_next(&machine->random) | 1,
        .idle = machine->idle,
        .idle_context = machine->idle_context,
    };
    machine->graph = config ? graph_new(config, &options, err) : NULL;
    if (machine->graph && graph_start(machine->graph, err))
        return true;
    forget(machine);
    return false;
}

/* What ended with data that it had accepted. */
static uint64_t not_sent(Machine *machine)
{
    uint64_t items = 0;
    Err ignored;
    Arena *arena = arena_new(STATUS_MEMORY, &ignored);
    const GraphStatus *status = arena ? graph_status(machine->graph, arena, &ignored) : NULL;
    if (!status)
        abort();
    for (size_t i = 0; i < status->count; i++)
        for (size_t j = 0; j < status->components[i].drop_count; j++)
            if (!strcmp(status->components[i].drops[j].reason, "not sent before the end"))
                items += status->components[i].drops[j].items;
    arena_free(arena);
    return items;
}

ReloadResult machine_reload(Machine *machine, Str yaml, int64_t drain_ns, Err *err)
{
    int64_t now = clock_mono_ns(&machine->net->clock.base);
    uint64_t before = not_sent(machine);
    const ServiceConfig *config = read_config(machine, yaml, err);
    ReloadResult result =
        config ? graph_reload(machine->graph, config, now + drain_ns, err) : RELOAD_REFUSED;
    if (result != RELOAD_STUCK)
        machine->lost_by_reload += not_sent(machine) - before;
    forget_configs(machine);
    return result;
}

void machine_turn(Machine *machine, unsigned turns_max)
{
    starve_resume();
    while (machine->graph && turns_max-- > 0 && graph_step(machine->graph, 0))
        continue;
    starve_hold();
}

/* ---- the audit ------------------------------------------------------------------------------- */

static bool adds_up(const ComponentStatus *status, Err *err)
{
    uint64_t gone = status->sent + status->dropped;
    if (status->kind == RECEIVER)
        gone += status->refused;
    if (status->kind == EXTENSION || status->received == gone)
        return true;
    return fail(err, ERR_CORRUPT,
                "%s %.*s: received %" PRIu64 ", but sent %" PRIu64 ", dropped %" PRIu64
                ", refused %" PRIu64,
                component_kind_name(status->kind), STR_ARG(status->id), status->received,
                status->sent, status->dropped, status->refused);
}

/* Of one signal there is one chain: receiver, processors, exporter; the status has it backwards.
 * What crosses loops counts as sent when it is queued, and may then still be refused. */
static bool chain_fits(const GraphStatus *status, Signal signal, Err *err)
{
    size_t at = signal_index(signal);
    const ComponentStatus *after = NULL;
    for (size_t i = 0; i < status->count; i++) {
        const ComponentStatus *one = &status->components[i];
        if (one->kind == EXTENSION || !(one->signals & (unsigned)signal))
            continue;
        const SignalCounts *counts = after ? &after->by_signal[at] : NULL;
        uint64_t sent = one->by_signal[at].sent;
        if (after && (sent < counts->received || sent > counts->received + counts->refused))
            return fail(err, ERR_CORRUPT,
                        "%.*s: %.*s sent %" PRIu64 ", %.*s received %" PRIu64
                        " and refused %" PRIu64,
                        STR_ARG(signal_name(signal)), STR_ARG(one->id), sent, STR_ARG(after->id),
                        counts->received, counts->refused);
        after = one;
    }
    return true;
}

static bool ledger_fits(const LedgerCounts *acks, Err *err)
{
    uint64_t judged =
        acks->delivered_items + acks->refused_items + acks->returned_items + acks->lost_items;
    if (acks->open)
        return fail(err, ERR_CORRUPT, "%" PRIu64 " acknowledgements were never settled",
                    acks->open);
    return acks->items == judged ||
           fail(err, ERR_CORRUPT, "%" PRIu64 " items came in, %" PRIu64 " were settled",
                acks->items, judged);
}

static bool audit_status(const GraphStatus *status, Err *err)
{
    for (size_t i = 0; i < status->count; i++)
        if (!adds_up(&status->components[i], err))
            return false;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (!chain_fits(status, (Signal)(1u << i), err))
            return false;
    return ledger_fits(&status->acks, err);
}

static void add_exported(const GraphStatus *status, uint64_t sums[SIGNAL_COUNT])
{
    for (size_t i = 0; i < status->count; i++)
        for (size_t s = 0; s < SIGNAL_COUNT && status->components[i].kind == EXPORTER; s++)
            sums[s] += status->components[i].by_signal[s].sent;
}

static bool audit(Machine *machine, Err *err)
{
    Err ignored = { 0 };
    Arena *arena = arena_new(STATUS_MEMORY, &ignored);
    const GraphStatus *status = graph_status(machine->graph, arena, &ignored);
    if (!status)
        abort();
    bool ok = audit_status(status, err) || blame(err, "%s", machine->name);
    add_exported(status, machine->exporter_sent);
    arena_free(arena);
    return ok;
}

uint64_t machine_exported(Machine *machine, Signal signal)
{
    Err ignored = { 0 };
    uint64_t sums[SIGNAL_COUNT];
    memcpy(sums, machine->exporter_sent, sizeof sums);
    Arena *arena = machine->graph ? arena_new(STATUS_MEMORY, &ignored) : NULL;
    const GraphStatus *status = arena ? graph_status(machine->graph, arena, &ignored) : NULL;
    if (status)
        add_exported(status, sums);
    arena_free(arena);
    return sums[signal_index(signal)];
}

/* ---- ends ------------------------------------------------------------------------------------ */

bool machine_stop(Machine *machine, int64_t drain_ns, bool *drained, Err *err)
{
    int64_t now = clock_mono_ns(&machine->net->clock.base);
    *drained = graph_drain(machine->graph, now + drain_ns).complete;
    if (*drained && machine->idle) /* the last answers reach their readers */
        for (int i = 0; i < 20; i++) {
            machine_turn(machine, 100);
            machine->idle(machine->idle_context);
        }
    graph_stop(machine->graph);
    bool ok = audit(machine, err);
    forget(machine);
    return ok;
}

static void lose_connections(Machine *machine, bool silently)
{
    SimNet *net = machine->net;
    for (int i = 0; i < net->used; i++) {
        SimSocket *s = &net->all[i];
        if (s->kind != SIM_OPEN || s->host != machine->host)
            continue;
        if (silently)
            sim_net_silence(net, i);
        else if (s->peer >= 0)
            net->all[s->peer].reset = true;
    }
}

bool machine_die(Machine *machine, Death how, Err *err)
{
    static const DiskCrash crashes[] = { CRASH_KILL, CRASH_CUT, CRASH_TEAR };
    test_disk_crash(machine->disk, crashes[how]);
    test_disk_fail(machine->disk, (DiskFault){ .calls = CALL_ANY, .code = EIO, .for_good = true });
    lose_connections(machine, how != DEATH_KILL);
    machine->dead = true;
    graph_stop(machine->graph);
    bool ok = audit(machine, err);
    forget(machine);
    test_disk_fail(machine->disk, (DiskFault){ .after = -1 });
    return ok;
}
