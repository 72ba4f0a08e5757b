/* graph_reload.c - from one configuration to another while data flows.
 *
 *     plan      a Wiring for the new configuration: what is the same stays, with all that it has
 * and does; what is not is made anew early     what is new and cannot be in anybody's way is
 * started exchange  every loop stands still for a moment: the arrows are the new ones. What has not
 *               started yet has an inbox in which parcels wait (bounded: busy beyond)
 *     leave     what is in no wiring any more takes nothing new in (and new receivers start), sends
 *               on what it holds, and is stopped. What an exporter or a `batch` still holds then
 * goes to its heir, the instance at the same place of the new wiring late      what needs the port,
 * the file or the directory of what has left is started
 *
 * Until the exchange, whatever fails leaves everything as it was. When something cannot start after
 * it, the same way leads back to the old configuration.
 *
 * A receiver that has left goes on answering until it has heard about all of its data (its Epoch is
 * empty), which may take as long as an exporter that stayed tries. It is no trouble to anybody
 * meanwhile: its sockets no longer listen. graph_tend() ends it then. An extension that it asks for
 * something (who may send) waits for it.
 */
#include "base/mem.h"
#include "pipe/graph_internal.h"

enum { HAND_OVER_MS = 500 }; /* for what can still be sent by the old one; then its heir does */

/* --- what leaves ----------------------------------------------------------------------------- */

static Unit *find_heir(const Wiring *plan, const Unit *unit)
{
    for (size_t i = 0; i < plan->count; i++) {
        Unit *heir = plan->units[i];
        if (unit_is_same_place(unit, &unit->wires, heir, &heir->planned))
            return heir;
    }
    return NULL;
}

static bool uses(const Unit *unit, const Unit *extension)
{
    for (size_t i = 0; i < unit->service_count && i < SERVICES_MAX; i++)
        if (unit->services[i] == extension)
            return true;
    return unit->service_count > SERVICES_MAX;
}

/* Under the lock. */
static void bequeath(Unit *unit)
{
    Unit *heir = unit->heir;
    for (size_t i = 0; heir && i < unit->instance_count; i++)
        account_inherit(&heir->instances[0].host.account, &unit->instances[i].host.account);
    if (heir)
        heir->forebear = unit->forebear;
    if (unit->forebear)
        unit->forebear->heir = heir;
}

/* All of it has stopped. */
static void forget_left(Graph *graph, size_t at)
{
    Unit *unit = graph->leaving[at];
    mutex_lock(&graph->mutex);
    bequeath(unit);
    mutex_unlock(&graph->mutex);
    for (size_t i = at + 1; i < graph->leaving_count; i++)
        graph->leaving[i - 1] = graph->leaving[i];
    graph->leaving_count--;
    unit_free(unit);
}

static bool is_empty(Epoch *epoch)
{
    return ledger_counts(&epoch->ledger).open == 0;
}

static bool is_waited_for(const Graph *graph, const Unit *unit)
{
    if (unit_is_between(unit))
        return false;
    if (unit->type->kind == RECEIVER)
        return !is_empty(unit->epoch);
    for (size_t i = 0; i < graph->leaving_count; i++)
        if (graph->leaving[i]->type->kind == RECEIVER && !graph->leaving[i]->over &&
            uses(graph->leaving[i], unit))
            return true;
    return false;
}

static void free_empty_epochs(Graph *graph)
{
    for (Epoch **at = &graph->epochs; *at;) {
        Epoch *epoch = *at;
        bool used = epoch == graph->epoch || !is_empty(epoch);
        for (size_t i = 0; i < graph->leaving_count && !used; i++)
            used = graph->leaving[i]->epoch == epoch;
        if (used) {
            at = &epoch->next;
            continue;
        }
        *at = epoch->next;
        ledger_done(&epoch->ledger);
        mem_free(epoch);
    }
}

/* From upstream on; with `all`, nothing is waited for. */
static void end_left(Graph *graph, bool all)
{
    bool ended = false;
    for (size_t i = graph->leaving_count; i-- > 0;) {
        Unit *unit = graph->leaving[i];
        if (!all && is_waited_for(graph, unit))
            continue;
        unit_stop(unit);
        unit->over = ended = true;
    }
    if (ended)
        graph_let_posts_run(graph);
    for (size_t i = graph->leaving_count; i-- > 0;)
        if (graph->leaving[i]->over)
            forget_left(graph, i);
}

void graph_end_left(Graph *graph)
{
    end_left(graph, true);
}

void graph_tend(Graph *graph)
{
    end_left(graph, false);
    free_empty_epochs(graph);
}

/* --- idle? ----------------------------------------------------------------------------------- */

/* On its loop, where no consume() is half done. What holds nothing back between calls is idle. */
static void look_idle(Instance *instance)
{
    const Unit *unit = instance->unit;
    ComponentStatus status = { .kind = unit->type->kind };
    bool holds = unit->type->kind == EXPORTER || unit->type->traits & HOLDS;
    account_read(&instance->host.account, &status);
    instance->idle = !holds || !instance->running || component_held(&status) == 0;
}

static bool unit_is_idle(Unit *unit)
{
    if (unit->inbox.ring && unit->started && inbox_count(&unit->inbox))
        return false;
    unit_call(unit, look_idle);
    for (size_t i = 0; i < unit->instance_count; i++)
        if (!unit->instances[i].idle)
            return false;
    return true;
}

/* What has an heir hands over what it cannot send at once. */
static bool is_waiting(Graph *graph, bool for_heirs)
{
    if (ledger_counts(&graph->ledger).open == 0)
        return false;
    for (size_t i = 0; i < graph->leaving_count; i++) {
        Unit *unit = graph->leaving[i];
        if (unit_is_between(unit) && (!unit->heir || for_heirs) && !unit_is_idle(unit))
            return true;
    }
    return false;
}

static void let_go(Graph *graph, int64_t deadline)
{
    int64_t now = clock_mono_ns(graph->options.clock);
    int64_t hand_over = now + HAND_OVER_MS * NANOS_PER_MILLI;
    while (now < deadline && is_waiting(graph, now < hand_over)) {
        for (size_t i = graph->leaving_count; i-- > 0;)
            if (unit_is_between(graph->leaving[i]))
                unit_flush(graph->leaving[i]);
        graph_wait_a_moment(graph, deadline);
        now = clock_mono_ns(graph->options.clock);
    }
}

/* --- the exchange ---------------------------------------------------------------------------- */

static void leave(Graph *graph, Unit *unit)
{
    graph->leaving[graph->leaving_count++] = unit;
    unit->left = true;
    unit->heir = find_heir(graph->plan, unit);
    if (!unit->heir)
        return;
    unit->heir->forebear = unit;
    if (unit->type->kind == RECEIVER) /* requests that are under way go the new way */
        for (size_t i = 0; i < SIGNAL_COUNT; i++)
            unit->wires.next[i] = unit->heir->planned.next[i];
}

/* All loops stand still. */
static void exchange(Graph *graph)
{
    const Wiring old = graph->now, *plan = graph->plan;
    mutex_lock(&graph->mutex);
    for (size_t i = 0; i < old.count; i++)
        if (!old.units[i]->planned_in)
            leave(graph, old.units[i]);
    for (size_t i = 0; i < plan->count; i++) {
        Unit *unit = plan->units[i];
        unit->wires = unit->planned;
        unit->epoch = graph->epoch;
        if (!unit->started && unit->inbox.ring)
            inbox_pause(unit);
    }
    graph->now = *plan;
    mutex_unlock(&graph->mutex);
}

/* The same: nothing leads out of what is still leaving, and into what will be freed. */
static void cut_wires(Graph *graph)
{
    for (size_t i = 0; i < graph->leaving_count; i++)
        for (size_t j = 0; j < SIGNAL_COUNT; j++)
            graph->leaving[i]->wires.next[j] = (UnitList){ 0 };
}

static void close_left(Graph *graph)
{
    for (size_t i = graph->leaving_count; i-- > 0;)
        unit_close(graph->leaving[i]);
}

static void end_exchanged(Graph *graph, Wiring *old, int64_t deadline)
{
    let_go(graph, deadline);
    for (size_t i = graph->leaving_count; i-- > 0;)
        if (unit_is_between(graph->leaving[i]))
            unit_stop(graph->leaving[i]);
    graph_stand_still(graph, cut_wires);
    graph_let_posts_run(graph);
    wiring_free(old);
    graph_tend(graph);
}

/* --- what is new ----------------------------------------------------------------------------- */

/* The same type may want the same port or file, whatever its id. */
static bool is_in_the_way(const Graph *graph, const Unit *fresh)
{
    if (fresh->type->kind == RECEIVER)
        return true;
    for (size_t i = 0; i < graph->now.count; i++) {
        const Unit *unit = graph->now.units[i];
        if (!unit->planned_in && unit->type == fresh->type && fresh->type->kind != PROCESSOR)
            return true;
    }
    return false;
}

static bool is_anything_leaving(const Graph *graph)
{
    for (size_t i = 0; i < graph->now.count; i++)
        if (!graph->now.units[i]->planned_in)
            return true;
    return false;
}

/* What fails now may work once something has left. */
static bool start_early(Graph *graph, Err *err)
{
    bool leaving = is_anything_leaving(graph);
    for (size_t i = 0; i < graph->plan->count; i++) {
        Unit *unit = graph->plan->units[i];
        if (unit->started || is_in_the_way(graph, unit) || unit_start(unit, err))
            continue;
        unit_stop_half(unit);
        if (!leaving)
            return false;
    }
    return true;
}

/* At once: what comes after them is there, or parcels wait in front of it. Whoever needs what is
 * not there yet, an extension, tries again. */
static void start_receivers(Graph *graph)
{
    for (size_t i = 0; i < graph->now.count; i++) {
        Unit *unit = graph->now.units[i];
        Err later;
        if (unit->type->kind == RECEIVER && !unit->started && !unit_start(unit, &later))
            unit_stop_half(unit);
    }
}

static bool start_late(Graph *graph, Err *err)
{
    for (size_t i = 0; i < graph->now.count; i++) {
        Unit *unit = graph->now.units[i];
        if (unit->started || unit_start(unit, err))
            continue;
        unit_stop_half(unit);
        return false;
    }
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

static void abandon(Graph *graph, Wiring *plan)
{
    graph->plan = NULL;
    for (size_t i = plan->count; i-- > 0;)
        if (!plan->units[i]->planned_in)
            unit_stop(plan->units[i]);
    graph_let_posts_run(graph);
    for (size_t i = 0; i < plan->count; i++)
        if (!plan->units[i]->planned_in)
            unit_free(plan->units[i]);
    wiring_free(plan);
}

static bool has_room_to_leave(const Graph *graph, Err *err)
{
    size_t count = graph->leaving_count;
    for (size_t i = 0; i < graph->now.count; i++)
        count += !graph->now.units[i]->planned_in;
    return count <= LEAVING_MAX ||
           fail(err, ERR_BUSY, "%zu components of earlier configurations still hold data",
                graph->leaving_count);
}

typedef enum Turn { TURN_UNTOUCHED, TURN_DONE, TURN_STUCK } Turn;

static Turn turn_to(Graph *graph, const ServiceConfig *config, int64_t deadline, Err *err)
{
    Wiring plan, old = graph->now;
    Epoch *epoch = graph->epoch;
    graph_tend(graph);
    bool good = wiring_build(graph, config, &graph->now, &plan, err);
    graph->plan = &plan;
    good = good && has_room_to_leave(graph, err) && start_early(graph, err);
    graph->epoch = good ? graph_new_epoch(graph, err) : NULL;
    if (!graph->epoch) {
        graph->epoch = epoch;
        abandon(graph, &plan);
        return TURN_UNTOUCHED;
    }
    graph_stand_still(graph, exchange);
    graph->plan = NULL;
    close_left(graph);
    start_receivers(graph);
    end_exchanged(graph, &old, deadline);
    return start_late(graph, err) ? TURN_DONE : TURN_STUCK;
}

ReloadResult graph_reload(Graph *graph, const ServiceConfig *config, int64_t deadline_mono_ns,
                          Err *err)
{
    const ServiceConfig *before = graph->now.config;
    switch (turn_to(graph, config, deadline_mono_ns, err)) {
    case TURN_DONE: return RELOAD_DONE;
    case TURN_UNTOUCHED: return RELOAD_REFUSED;
    case TURN_STUCK: break;
    }
    Err again;
    if (turn_to(graph, before, deadline_mono_ns, &again) == TURN_DONE)
        return RELOAD_REFUSED;
    *err = again;
    return RELOAD_STUCK;
}

bool graph_uses(const Graph *graph, const ServiceConfig *config)
{
    bool used = graph->now.config == config;
    for (size_t i = 0; i < graph->now.count; i++)
        used = used || graph->now.units[i]->origin == config;
    for (size_t i = 0; i < graph->leaving_count; i++)
        used = used || graph->leaving[i]->origin == config;
    return used;
}
